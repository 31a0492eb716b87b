"""What asynchronous learners and servers do, against the papers' formulas; their ticks, against counting."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pavg.errors import InputError
from pavg.methods.downpour import Downpour
from pavg.methods.eamsgd import EAMSGD
from tests.building import spec_of

P = 5


def exchange(method, x, kept, centre):
    """(x, kept, centre) after an exchange, and what went to the server."""
    x, kept, centre, message = x.copy(), kept.copy(), centre.copy(), np.full(x.shape, np.nan)
    method.send(x, kept, message)
    sent = message.copy()
    method.serve(centre, message, P)
    method.receive(x, kept, message)
    return x, kept, centre, sent


@pytest.fixture
def vectors():
    return np.random.default_rng(7).standard_normal((3, 11))


@pytest.mark.parametrize("scale, factor", [(1.0, 1.0), (0.25, 0.25), ("1/P", 1 / P)])
def test_downpour_adds_what_a_learner_has_moved_and_gives_it_the_centre(scale, factor, vectors):
    x, kept, centre = vectors
    new, pulled, after, sent = exchange(Downpour(K=4, scale=scale), x, kept, centre)
    assert np.array_equal(sent, x - kept)
    np.testing.assert_allclose(after, centre + factor * (x - kept), rtol=1e-15)
    assert np.array_equal(new, after) and np.array_equal(pulled, after)


@pytest.mark.parametrize("keys, alpha", [({"alpha": 0.3}, 0.3), ({}, 0.9 / P), ({"beta": 2.0}, 2.0 / P)])
def test_eamsgd_draws_learner_and_centre_together_by_one_force(keys, alpha, vectors):
    x, kept, centre = vectors
    new, _, after, sent = exchange(EAMSGD(K=4, **keys), x, kept, centre)
    assert np.array_equal(sent, x)
    np.testing.assert_allclose(new, x - alpha * (x - centre), rtol=1e-13)
    np.testing.assert_allclose(after, centre + alpha * (x - centre), rtol=1e-13)
    np.testing.assert_allclose(new + after, x + centre, rtol=1e-13)


@pytest.mark.parametrize("method", [Downpour(K=4), Downpour(K=4, scale="1/P"), EAMSGD(K=4)], ids=repr)
@pytest.mark.parametrize("shards", [2, 3, 11])
def test_servers_that_share_a_centre_do_what_one_does(method, shards, vectors):
    x, kept, centre = vectors
    whole = exchange(method, x, kept, centre)
    parts = [
        exchange(method, *block) for block in zip(*(np.array_split(v, shards) for v in vectors), strict=True)
    ]
    for part, one in zip(zip(*parts, strict=True), whole, strict=True):
        assert np.array_equal(np.concatenate(part), one)


class Stand:
    def __init__(self, learners):
        self.spec = type("Spec", (), {"P": learners})

    def serve(self, updates):
        self.updates = updates


@given(K=st.integers(1, 70), learners=st.integers(1, 70), t=st.integers(0, 300), ahead=st.integers(1, 200))
def test_a_tick_is_over_with_the_first_update_that_makes_it_a_local_step_of_everybody(K, learners, t, ahead):
    method, stand, stop = Downpour(K=K), Stand(learners), t + ahead
    made = np.arange(100_000) * K  # local steps after so many updates
    updates = int(np.searchsorted(made, stop * learners))
    method.advance(stand, t, stop)
    assert stand.updates == method.updates(learners, stop) == updates
    allowed = method.allowed(stand, t, stop)
    assert allowed == made[updates] // learners >= stop
    assert method.updates(learners, allowed) == updates
    rounds = method.averages(stand, t, stop)
    assert rounds.dtype == np.int64 and rounds.tolist() == [r for r in range(t + 1, stop + 1) if r % K == 0]
    assert all(made[method.updates(learners, int(r))] == r * learners for r in rounds)


CONFLICTS = {
    "weights": ({"weights": "shards"}, "weights = 'shards': downpour"),
    "averaging": ({"averaging": "sparse"}, "averaging = 'sparse': downpour"),
    "barrier": ({"barrier": True}, "barrier = True: downpour"),
    "momentum": ({"momentum": 0.9, "momentum_at_average": "average"}, "momentum_at_average = 'average'"),
    "learners": ({"evaluate": {"learners": 10}}, "evaluate.learners = 10"),
    "ranks": ({"R": 2}, "expected R = P = 4, or [clock]"),
    "ranks in virtual time": ({"R": 2, "clock": {"compute": {"mean": 1.0}}}, "expected R = 1"),
    "elastic rates": ({"method": {"name": "eamsgd", "K": 1, "alpha": 0.1, "beta": 0.5}}, "alpha or beta"),
    "an elastic rate above 1": ({"method": {"name": "eamsgd", "K": 1, "beta": 5.0}}, "at most P = 4"),
    "losses": ({"measure": "losses"}, "measure = 'losses': those of downpour hang on times"),
    "lanes": ({"lanes": 8, "measure": "losses"}, "'downpour' have no lanes"),
}


@pytest.mark.parametrize("case", CONFLICTS)
def test_what_asynchronous_methods_cannot_work_with_is_refused(case):
    keys, said = CONFLICTS[case]
    keys = {"problem": "noisy-quadratic", "method": {"name": "downpour", "K": 4}} | keys
    with pytest.raises(InputError) as refused:
        spec_of(**keys)
    assert said in str(refused.value)
