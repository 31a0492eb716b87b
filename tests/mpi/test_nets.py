"""Nets by PyTorch on several ranks: losses are those on one."""

from importlib.util import find_spec

import numpy as np
import pytest
from mpi4py import MPI

from pavg.engine import synchronous
from tests.problems.nets.small import KEPT, NEEDED, NIN, RESNET, task

pytestmark = [
    pytest.mark.mpi(min_size=2),
    pytest.mark.skipif(find_spec("torch") is None, reason=NEEDED),
]
comm = MPI.COMM_WORLD
NAMES = ("loss", "test_loss", "accuracy", "drift", "best_loss", "worst_loss", "worst_accuracy")


def both(problem, **keys):
    keys = {"P": 4, "evaluate": {"learners": 12, "rounds": 1, "grad_norm": False}} | keys
    return (synchronous.run(on, task(problem, **keys))[0] for on in (comm, MPI.COMM_SELF))


@pytest.mark.parametrize("problem", [RESNET, KEPT, NIN])
def test_with_sums_in_one_order_they_are_the_same_to_the_bit(problem):
    shared, alone = both(problem, reduction="reproducible")
    np.testing.assert_array_equal(shared.w, alone.w)
    for row, other in zip(shared.rows, alone.rows, strict=True):
        for name in NAMES:
            assert row[name] == other[name], name


@pytest.mark.parametrize("method", [{"name": "periodic", "K": 2}, {"name": "gradient-allreduce"}])
def test_in_mpi_s_order_they_are_the_same_to_rounding(method):
    shared, alone = both(RESNET, method=method, step_size=0.01)
    for row, other in zip(shared.rows, alone.rows, strict=True):
        for name in ("loss", "test_loss", "drift"):
            assert row[name] == pytest.approx(other[name], rel=1e-3, abs=1e-12), name
