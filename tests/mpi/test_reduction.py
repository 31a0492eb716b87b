"""A reproducible reduction: all but the times is the same to the bit, however many ranks there are."""

from functools import partial

import numpy as np
import pytest
from mpi4py import MPI

from pavg.comm import reduction
from pavg.comm.agreement import rest
from pavg.comm.reduction import FixedOrder
from pavg.comm.topology import block
from pavg.engine import synchronous
from pavg.kernels.combine import fold
from pavg.records.layout import VARIABLES
from tests.building import group_of, sparse_samples, task_of

pytestmark = pytest.mark.mpi
comm = MPI.COMM_WORLD


def summed(rows):
    """The sum of rows along the tree, said in another way: the left half of a tree is the largest 2^h < P."""
    if len(rows) == 1:
        return rows[0]
    half = 1 << (len(rows) - 1).bit_length() - 1
    return summed(rows[:half]) + summed(rows[half:])


@pytest.mark.parametrize("small", [0, 1 << 12, 1 << 30])
@pytest.mark.parametrize("d", [1, 5, 700])
@pytest.mark.parametrize("P", [4, 5, 7, 8, 24, 61])
def test_learners_are_summed_along_one_tree(P, d, small, monkeypatch):
    monkeypatch.setattr(reduction, "SMALL", small)
    rng = np.random.default_rng(P)
    W, weights = rng.standard_normal((P, d + 3)) * 10.0 ** rng.integers(-9, 9, (P, 1)), rng.random(P)
    begin, end = block(P, comm.Get_size(), comm.Get_rank())
    sums, flat = FixedOrder(comm, P, fold), np.empty(2 * d)
    for k in range(2):  # two buffers in one sum
        sums.gather(W[begin:end].copy(), weights[begin:end], flat, k * d, d)
    sums.reduce(comm, flat)
    expected = summed(list(weights[:, None] * W[:, :d]))
    assert np.array_equal(flat, np.tile(expected, 2))


@pytest.mark.parametrize("P, L", [(64, 16), (1000, 10), (999, 333)])
def test_a_rank_hands_on_few_partial_sums(P, L):
    for begin in range(0, P, L):
        _, left = reduction.merges(begin, [1] * min(L, P - begin))
        assert sum(left) == min(L, P - begin) and len(left) <= 2 * np.log2(L) + 2
        assert len(left) == 1 or L & (L - 1)


LINEAR = {"problem": {"name": "logistic", "l2": 0.01, "intercept": True}, "batch_size": 3}
CASES = {
    "logistic": LINEAR,
    "momentum averaged": LINEAR | {"momentum": 0.9, "momentum_at_average": "average"},
    "shards of unequal weights": LINEAR
    | {"partition": {"name": "dirichlet", "beta": 0.5}, "weights": "shards"},
    "touched coordinates": {"problem": {"name": "logistic", "l2": 0.1}, "store": sparse_samples()},
    "sparse samples, whole models": {"problem": "logistic", "store": sparse_samples(), "averaging": "dense"},
    "lanes": {"lanes": [0.05, 0.1, 0.2], "problem": {"name": "logistic", "l2": 0.01}},
    "lanes on sparse samples": {"lanes": [0.1, 0.2], "store": sparse_samples()},
    "gradients": LINEAR | {"method": "gradient-allreduce"},
    "stochastic": LINEAR | {"method": {"name": "stochastic", "zeta": 0.1}},
    "a problem of two functions": {"problem": "pca"},
    "quadratic": {"problem": {"name": "quadratic", "spread": 0.5}},
}


@pytest.mark.parametrize("case", CASES)
def test_any_number_of_ranks_gives_the_same_bits(case):
    runs = []
    for R in [R for R in (1, 2, 4) if R <= comm.Get_size()]:
        world = comm.Split(0 if comm.Get_rank() < R else MPI.UNDEFINED)
        records = None
        if world != MPI.COMM_NULL:
            keys = {"evaluate": {"at": [1, 64]}, "reduction": "reproducible"} | CASES[case]
            make = partial(group_of, keys.pop("lanes")) if "lanes" in keys else task_of
            records = synchronous.run(world, make(P=7, **keys))
            world.Free()
        rest(comm)
        runs.append(comm.bcast(records))
    pairs = [pair for records in runs[1:] for pair in zip(records, runs[0], strict=True)]
    for record, other in pairs:
        assert np.array_equal(record.w, other.w)
        arrays, expected = record.arrays(), other.arrays()
        assert {"loss", "drift"} <= arrays.keys() == expected.keys()
        for name in arrays:
            if VARIABLES[name][1] != "s":
                np.testing.assert_array_equal(arrays[name], expected[name], err_msg=name)
