"""Momentum of the common model (BMUF, SlowMo); `test_reference` has the printed formulas."""

import numpy as np
import pytest
from mpi4py import MPI

from pavg.engine import synchronous
from tests.building import group_of, learners_of, sparse_samples, task_of
from tests.mpi.test_checkpoint import ending_at, same

pytestmark = pytest.mark.mpi
comm = MPI.COMM_WORLD
FORMS = ("bmuf", "nesterov", "slowmo")
LOGISTIC = {"problem": {"name": "logistic", "l2": 0.01, "intercept": True}}
CASES = {
    "dense": LOGISTIC,
    "csr": LOGISTIC | {"store": sparse_samples(), "averaging": "dense"},
    "step sizes that fall": LOGISTIC | {"step_size": {"name": "inverse", "alpha": 1.0, "d": 5}},
    "momentum averaged": LOGISTIC | {"momentum": 0.9, "momentum_at_average": "average", "step_size": 0.01},
    "noise": {"problem": "double-well"},
}


def slow(K=16, **parameters):
    return {"name": "slow-momentum", "K": K, **parameters}


def run(method, **keys):
    keys = {"stop": {"steps": 330}, "evaluate": {"at": [64, 80, 128, 160, 256]}} | keys
    return synchronous.run(comm, task_of(method=method, **keys))[0]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("case", CASES)
def test_without_momentum_it_is_periodic_averaging_to_the_bit(case, form):
    """Drift too: it is that of the models before the average."""
    keys = CASES[case] | {"method": slow(40, beta=0.0, form=form)}
    assert same(run(**keys), run(**(keys | {"method": {"name": "periodic", "K": 40}})))


@pytest.mark.parametrize("constant", [True, False])
def test_slowmo_is_bmuf_where_the_step_size_does_not_change(constant):
    gamma = 0.05 if constant else {"name": "inverse", "alpha": 1.0, "d": 10}
    one, other = (
        run(slow(beta=0.7, alpha=0.8, form=form), **LOGISTIC, step_size=gamma) for form in ("bmuf", "slowmo")
    )
    difference = np.abs(one.w - other.w).max() / np.abs(one.w).max()
    assert (difference < 1e-12) if constant else (1e-6 < difference < 1)


@pytest.mark.parametrize("form", FORMS)
def test_a_run_that_was_paused_ends_to_the_bit_as_one_that_was_not(form, folder):
    """In mid-round and at its end."""
    keys = LOGISTIC | {"method": slow(100, beta=0.6, form=form), "evaluate": {"at": [164, 300, 764]}}
    keys |= {"step_size": {"name": "inverse", "alpha": 1.0, "d": 10.0}}
    whole = ending_at(None, None, **keys)
    for steps in (150, 301):
        assert ending_at(steps, folder, **keys).status == "timeout"
    assert same(ending_at(None, folder, **keys), whole)


@pytest.mark.parametrize("form", FORMS)
def test_lanes_end_as_cells_alone(form):
    sizes, keys = [0.5, {"name": "inverse", "alpha": 1.0, "d": 5}, 1e300], {"method": slow(form=form), "P": 5}
    lanes = synchronous.run(comm, group_of(sizes, **keys))
    for size, lane in zip(sizes, lanes, strict=True):
        alone = synchronous.run(comm, group_of([size], **keys))[0]
        assert lane.status == alone.status
        np.testing.assert_allclose(lane.arrays()["loss"], alone.arrays()["loss"], rtol=1e-12)


def test_its_buffers_are_alike_on_all_ranks():
    learners = learners_of(comm, method=slow(beta=0.9), **LOGISTIC)
    learners.clock.start()
    learners.spec.method.advance(learners, 0, 100)
    for buffer in learners.shared.values():
        assert buffer.any() and all(np.array_equal(buffer, other) for other in comm.allgather(buffer))


def test_what_is_left_over_at_the_end_is_averaged_and_not_carried_on():
    learners = learners_of(comm, method=slow(beta=0.9), **LOGISTIC)
    learners.clock.start()
    learners.spec.method.advance(learners, 0, 50)
    expected, _ = learners.virtual_average(comm)
    learners.finish()
    np.testing.assert_array_equal(learners.W[0, : expected.size], expected)
