"""Losses do not depend on the number of ranks, nor on when the same command runs."""

import numpy as np
import pytest
from mpi4py import MPI

from pavg.engine import synchronous
from tests.building import task_of

pytestmark = pytest.mark.mpi
comm = MPI.COMM_WORLD

CURVES = ("loss", "grad_norm", "drift", "samples", "rounds", "ticks", "bytes")

CASES = {
    "pool": {"problem": {"name": "logistic", "l2": 0.01}},
    "momentum": {
        "problem": "least-squares",
        "momentum": 0.9,
        "momentum_at_average": "average",
        "step_size": 0.01,
    },
    "iid, reshuffled": {"problem": "logistic", "partition": "iid", "sampling": "reshuffle", "batch_size": 2},
    "dirichlet, weighted": {
        "problem": "logistic",
        "partition": {"name": "dirichlet", "beta": 0.3},
        "weights": "shards",
    },
    "by label": {
        "problem": "logistic",
        "partition": "by-label",
        "step_size": {"name": "inverse", "alpha": 1.0, "d": 5},
    },
    "stochastic": {"problem": "least-squares", "method": {"name": "stochastic", "zeta": 0.2}},
    "varying": {"problem": "least-squares", "method": {"name": "varying", "start": 1, "power": 0.5}},
    "gradient": {"problem": "logistic", "method": "gradient-allreduce"},
    "quadratic": {"problem": {"name": "quadratic", "spread": 0.5}},
    "pca": {"problem": "pca"},
    "growing": {"problem": "logistic", "batch_size": {"name": "growing", "start": 1.0, "power": 0.3}},
}


@pytest.mark.parametrize("case", CASES)
def test_eight_learners_lose_the_same_on_any_number_of_ranks(case):
    keys = {"P": 8, "stop": {"steps": 200}} | CASES[case]
    here = synchronous.run(comm, task_of(**keys))[0]
    alone = synchronous.run(MPI.COMM_SELF, task_of(**keys))[0]
    for name in CURVES:
        if name in here.rows[0]:
            ours, theirs = here.arrays()[name], alone.arrays()[name]
            np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-15, err_msg=name)
    np.testing.assert_allclose(here.w, alone.w, rtol=1e-9, atol=1e-13)


def test_the_same_run_twice_gives_the_same_bits():
    keys = {"P": 8, "problem": "logistic", "momentum": 0.5, "partition": "iid"}
    one, two = (synchronous.run(comm, task_of(**keys))[0] for _ in range(2))
    assert np.array_equal(one.w, two.w)
    for name in CURVES:
        assert np.array_equal(one.arrays()[name], two.arrays()[name]), name


def test_another_seed_gives_another_run():
    one, two = (synchronous.run(comm, task_of(problem="logistic", seed=s))[0] for s in (0, 1))
    assert one.rows[-1]["loss"] != two.rows[-1]["loss"]


def test_every_rank_holds_the_same_record():
    record = synchronous.run(comm, task_of(problem="logistic"))[0]
    for arrays in (record.arrays(), {"w": record.w}):
        for name, array in arrays.items():
            shared = comm.bcast(array)
            assert name == "time_eval" or np.array_equal(array, shared, equal_nan=True), name
