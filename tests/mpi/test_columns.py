"""Averages of lanes by touched columns: those of whole models, of fewer numbers."""

import numpy as np
import pytest
from mpi4py import MPI

from pavg.engine import synchronous
from pavg.kernels.combine import models
from pavg.learners import Learners
from tests.building import group_of, sparse_samples

pytestmark = pytest.mark.mpi
comm = MPI.COMM_WORLD
STORE = sparse_samples()
CASES = {
    "plain": {},
    "every step": {"method": {"name": "periodic", "K": 1}},
    "an intercept, an L2 term": {"problem": {"name": "logistic", "l2": 0.01, "intercept": True}},
    "a model that shrinks to nothing": {"problem": {"name": "logistic", "l2": 19.0, "intercept": True}},
    "batches": {"batch_size": 3, "method": {"name": "periodic", "K": 1}},
    "reshuffled shards with weights": {"partition": "iid", "sampling": "reshuffle", "weights": "shards"},
    "coins": {"method": {"name": "stochastic", "zeta": 0.05}},
    "one-shot": {"method": {"name": "periodic", "K": "all"}},
    "more lanes": {"step_size": [0.01 * k for k in range(1, 10)]},
}


def group(case, **more):
    keys = {"P": 5, "stop": {"steps": 192}, "evaluate": {"at": [64, 130]}} | CASES[case] | more
    return group_of(keys.pop("step_size", [0.05, 0.01, 0.002]), STORE, **keys)


def learners_of(case, **more):
    task = group(case, **more)
    learners = Learners(comm, task.spec, task.objective, task.shards, task.step_size)
    learners.clock.start()
    return learners


@pytest.mark.parametrize("case", CASES)
def test_they_are_the_averages_of_whole_models_to_rounding(case):
    few, whole = (synchronous.run(comm, group(case, **more)) for more in ({}, {"averaging": "dense"}))
    for one, other in zip(few, whole, strict=True):
        assert np.abs(other.w).max() > 0
        np.testing.assert_allclose(one.w, other.w, rtol=0, atol=1e-13 * np.abs(other.w).max())
        a, b = one.arrays(), other.arrays()
        np.testing.assert_allclose(a["loss"], b["loss"], rtol=1e-12)
        np.testing.assert_allclose(a["drift"], b["drift"], rtol=1e-8, atol=1e-25)
        assert a["rounds"].tolist() == b["rounds"].tolist()
        assert 0 < a["bytes"][-1] < b["bytes"][-1]  # some columns no row has


@pytest.mark.parametrize("case", CASES)
def test_a_virtual_average_is_the_real_one_to_the_bit_and_changes_none(case):
    learners, undisturbed = learners_of(case), learners_of(case)
    for n in (3, 5, 120):
        for each in (learners, undisturbed):
            each.step(n)
        before, w = learners.W.copy(), learners.virtual_average(comm)[0]
        np.testing.assert_array_equal(learners.W, before)
    expected = learners.bytes_of_average
    for each in (learners, undisturbed):
        each.average()
        W = models(each.W, each.S)[:, : each.objective.dimension]
        np.testing.assert_array_equal(W, np.broadcast_to(w, W.shape))
    assert learners.bytes == undisturbed.bytes == expected > 0


def test_columns_that_nobody_touched_stay_as_they_are():
    learners = learners_of("plain")
    learners.W[:] = np.arange(learners.W.shape[1])[:, None] / 3e4  # a mean of five of these need not be this
    before = learners.W.copy()
    learners.step(2)
    moved = (learners.W != before).any(axis=(0, 2)).astype(np.int64)
    comm.Allreduce(MPI.IN_PLACE, moved, MPI.MAX)
    learners.average()
    assert 0 < moved.sum() < moved.size / 2
    assert np.array_equal(learners.W[:, moved == 0], before[:, moved == 0])
    assert np.ptp(learners.W, axis=0).max() == 0
    assert learners.bytes == 8 * moved.sum()


def test_nan_in_one_model_reaches_all():
    learners = learners_of("plain")
    learners.step(2)
    j = comm.bcast(np.flatnonzero(learners.W[0, :, 1])[0])
    if comm.Get_rank() == 0:
        learners.W[0, j, 1] = np.nan
    learners.average()
    assert np.isnan(learners.W[:, j, 1]).all()
    assert np.isnan(learners.W).sum() == len(learners.W)


@pytest.mark.parametrize("more", [{"averaging": "dense"}, {"reduction": "reproducible"}])
def test_elsewhere_whole_models_are_summed(more):
    learners = learners_of("plain", **more)
    learners.rounds([1, 1], 0)
    assert learners.bytes == 2 * 8 * learners.objective.dimension == 2 * learners.bytes_of_average
