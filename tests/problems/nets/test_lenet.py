"""LeNet by PyTorch and by kernels of pavg's own: one checks the other."""

import numpy as np
import pytest

from pavg.problems.nets.lenet import places
from tests.problems.nets.small import NEEDED, learners, run
from tests.problems.test_lenet import images

pytest.importorskip("torch", reason=NEEDED)

KEYS = {"batch_size": 8, "step_size": 0.01, "momentum": 0.9}


def both(**keys):
    return (learners(name, images(), **(KEYS | keys)) for name in ("torch-lenet", "lenet"))


def test_they_begin_with_the_same_model_losses_and_gradient():
    theirs, ours = both()
    order, gradients = places(), []
    np.testing.assert_array_equal(theirs.objective.start, ours.objective.start[order])
    for made in (theirs, ours):
        of = made.objective
        W, G = of.embedded(of.start), np.zeros((1, of.width))
        gradients.append(of.add_gradient(W, 0, 40, G)[0, : of.dimension])
    np.testing.assert_allclose(gradients[0], gradients[1][order], rtol=1e-4, atol=1e-4 * np.abs(G).max())
    losses = [made.objective.losses("test", made.W[:1], 3, 33) for made in (theirs, ours)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)


def test_their_learners_draw_the_same_and_step_alike():
    theirs, ours = both(step_size=0.002)
    for made in (theirs, ours):
        made.step(4)
    d, order = ours.objective.dimension, places()
    np.testing.assert_allclose(theirs.W[:, :d], ours.W[:, order], rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(theirs.V[:, :d], ours.V[:, order], rtol=1e-2, atol=2e-3)


def test_their_runs_record_the_same():
    keys = KEYS | {"step_size": 0.002}
    rows, others = (run(name, images(), **keys).rows for name in ("torch-lenet", "lenet"))
    for row, other in zip(rows, others, strict=True):
        for name in ("loss", "test_loss", "accuracy", "drift", "samples"):
            assert row[name] == pytest.approx(other[name], rel=1e-3), name
