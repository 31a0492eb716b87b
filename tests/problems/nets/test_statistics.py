"""Statistics of batch normalisation: averaged with the model, or kept by each learner."""

import numpy as np
import pytest
from mpi4py import MPI

from pavg.engine.evaluation import Ranking, evaluate
from tests.problems.nets.small import KEPT, NEEDED, RESNET, images, learners, run

torch = pytest.importorskip("torch", reason=NEEDED)

BOTH = pytest.mark.parametrize("problem", [RESNET, KEPT], ids=["averaged", "kept"])


def statistics(made):
    """(L, s): what each learner has."""
    layout = made.objective.layout
    return made.W[:, layout.p : layout.p + layout.s]


def by_hand(of, w, part="train"):
    """Mean loss at parameters w, normalised by the moments of all training images at once."""
    x, y, _ = of._images(part, np.arange(of.rows[part]), np.zeros(of.rows[part], np.uint64))
    batch, _, _ = of._images("train", np.arange(of.n), np.zeros(of.n, np.uint64))
    of._stacks[1].enter(of.embedded(w)[:, of._all])
    module = of.layout.module.train()
    with torch.no_grad():
        module(batch)
        for norm in of.layout.norms:
            norm.mean, norm.variance = (part.clone() for part in norm.seen)
        loss = torch.nn.functional.cross_entropy(module.eval()(x).double(), y).item()
    of._stacks[1]._own()
    return loss


@BOTH
def test_a_batch_moves_them_by_a_tenth(problem):
    made = learners(problem | {"augmentation": "none"}, P=1, sampling="order", partition="contiguous")
    of, before = made.objective, statistics(made).copy()
    one = of._stacks[1]
    one.enter(made.W[:, of._all])
    one.learn(*(part[None] for part in of._images("train", np.arange(4), np.zeros(4, np.uint64))), 0.0)
    seen = one.seen.numpy().copy()
    made.step(1)
    np.testing.assert_allclose(statistics(made), 0.9 * before + 0.1 * seen, rtol=1e-5, atol=1e-6)


def test_averaged_ones_are_averaged_as_weights_are():
    made = learners(RESNET)
    made.step(3)
    mean = made.W.mean(axis=0)
    assert np.ptp(statistics(made), axis=0).max() > 1e-3
    made.average()
    for w in made.W:
        np.testing.assert_allclose(w, mean, rtol=1e-12)


def test_kept_ones_are_each_learner_s_own_whatever_is_averaged():
    made = learners(KEPT, momentum_at_average="average")
    of = made.objective
    made.step(3)
    before, parameters = statistics(made).copy(), made.W[:, : of.dimension].mean(axis=0)
    made.average()
    np.testing.assert_array_equal(statistics(made), before)
    np.testing.assert_allclose(made.W[1, : of.dimension], parameters, rtol=1e-12)
    assert of.dimension == of.layout.p and run(KEPT).w.size == of.layout.p


def test_momentum_of_theirs_is_0():
    made = learners(RESNET)
    p = made.objective.layout.p
    for _ in range(2):
        made.step(2)
        made.gradient()
        made.average(made.G)
        made.apply()
        assert made.V[:, :p].any() and not made.V[:, p:].any()


def test_an_average_without_any_is_evaluated_by_those_of_fixed_training_images():
    made = learners(KEPT)
    made.step(2)
    w, _ = made.virtual_average(MPI.COMM_SELF)
    values = evaluate(MPI.COMM_SELF, made.objective, w)
    assert values["loss"] == pytest.approx(by_hand(made.objective, w), rel=1e-4)
    assert values["test_loss"] == pytest.approx(by_hand(made.objective, w, "test"), rel=1e-4)


def test_both_begin_with_the_same_model_and_loss():
    averaged, kept = (run(problem).rows[0] for problem in (RESNET, KEPT))
    for name in ("loss", "accuracy", "test_loss"):
        assert averaged[name] == kept[name]


def test_a_learner_alone_is_evaluated_by_its_own():
    made = learners(KEPT, P=3, evaluate={"learners": 24, "rounds": 1})
    made.step(3)
    of = made.objective
    own = [of.losses("train", made.W[l : l + 1], 0, of.n)[0] / of.n for l in range(3)]
    values = Ranking(of, made, 24, seed=0)(MPI.COMM_SELF, {})
    assert values["best_loss"] == pytest.approx(min(own), rel=1e-6)
    assert values["worst_loss"] == pytest.approx(max(own), rel=1e-6)
    at = of.embedded(made.W[0, : of.dimension])
    assert of.losses("train", at, 0, of.n)[0] / of.n != pytest.approx(own[0], rel=1e-3)


@BOTH
def test_learners_that_share_gradients_stay_together_and_are_those_of_K_1(problem):
    keys = {"stop": {"steps": 3}, "sampling": "order", "partition": "contiguous", "evaluate": {"at": [3]}}
    keys |= {"store": images(16), "step_size": 0.01}
    together = run(problem, method={"name": "gradient-allreduce"}, **keys)
    rounds = run(problem, method={"name": "periodic", "K": 1}, momentum_at_average="average", **keys)
    np.testing.assert_allclose(together.w, rounds.w, rtol=1e-3, atol=1e-4)
    assert together.rows[-1]["loss"] == pytest.approx(rounds.rows[-1]["loss"], rel=1e-3)
