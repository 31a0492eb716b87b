"""The best and the worst learner: ranked on a few training samples, evaluated as the average is."""

import dataclasses

import numpy as np
import pytest
from mpi4py import MPI

from pavg import streams
from pavg.engine import synchronous
from pavg.engine.checkpoint import Checkpoints
from pavg.engine.observation import Care
from pavg.engine.task import bind
from pavg.kernels.combine import models
from pavg.learners import Learners
from tests.building import group_of, samples, spec_of, task_of
from tests.problems.test_lenet import KEYS, images

pytestmark = pytest.mark.mpi
comm = MPI.COMM_WORLD
NAMES = [f"{which}_{name}" for which in ("best", "worst") for name in ("loss", "accuracy", "test_accuracy")]
FEW = {"learners": 30, "rounds": 1}


def two_parts():
    return dataclasses.replace(samples(), test=samples(n=57, seed=1).train)


def run(on=comm, store=None, **keys):
    keys = {"problem": {"name": "logistic", "l2": 0.1}, "step_size": 0.5, "evaluate": FEW} | keys
    return synchronous.run(on, task_of(store=store or two_parts(), **keys))[0]


def test_they_are_those_of_plain_numpy_before_the_average_that_was_just_made():
    store, keys = two_parts(), {"problem": {"name": "logistic", "l2": 0.1}, "step_size": 0.5}
    row = run(stop={"steps": 4}).rows[1]  # K = 4: an average has just been made
    task = task_of(store=store, **keys)
    learners = Learners(MPI.COMM_SELF, task.spec, task.objective, task.shards)
    learners.step(4)
    w = models(learners.W, learners.S)[:, :6]

    def of(part, rows=slice(None)):
        """(Losses, accuracies) of the learners."""
        margins = part.y[rows, None] * (part.X[rows, :6] @ w.T)
        return np.log1p(np.exp(-margins)).mean(axis=0), (margins > 0).mean(axis=0)

    chosen = np.sort(streams.generator(0, "ranking").permutation(203)[:30])
    penalty = 0.05 * (w**2).sum(axis=1)
    ranked = of(store.train, chosen)[0] + penalty
    for which, learner in (("best", ranked.argmin()), ("worst", ranked.argmax())):
        loss, accuracy = of(store.train)
        assert row[f"{which}_loss"] == pytest.approx((loss + penalty)[learner], rel=1e-12)
        assert row[f"{which}_accuracy"] == accuracy[learner]
        assert row[f"{which}_test_accuracy"] == of(store.test)[1][learner]


@pytest.mark.parametrize(
    "keys", [{}, {"method": {"name": "periodic", "K": "all"}, "evaluate": {"learners": 9}}]
)
def test_they_do_not_depend_on_the_number_of_ranks(keys):
    rows, alone = (run(on, **keys).rows for on in (comm, MPI.COMM_SELF))
    assert len(rows) == len(alone) > 2
    for row, other in zip(rows, alone, strict=True):
        assert [row[name] for name in NAMES] == pytest.approx([other[name] for name in NAMES], abs=1e-10)


def test_where_learners_have_one_model_they_are_its_values():
    for row in (run().rows[0], run(method={"name": "gradient-allreduce"}).rows[-1]):
        for which in ("best", "worst"):
            assert row[f"{which}_loss"] == row["loss"] and row[f"{which}_accuracy"] == row["accuracy"]


def test_more_samples_than_there_are_rank_by_all_of_them():
    row = run(evaluate={"learners": 10**6, "at": [64]}, method={"name": "periodic", "K": "all"}).rows[1]
    assert row["best_loss"] < row["worst_loss"]


def test_each_lane_has_its_own():
    keys = {"evaluate": FEW, "stop": {"steps": 8}, "store": two_parts()}
    together = synchronous.run(comm, group_of((0.1, 0.5, 2.0), **keys))
    for gamma, record in zip((0.1, 0.5, 2.0), together, strict=True):
        [alone] = synchronous.run(comm, group_of((gamma,), lanes=1, **keys))
        for row, other in zip(record.rows, alone.rows, strict=True):
            assert [row[name] for name in NAMES] == pytest.approx([other[name] for name in NAMES], abs=1e-10)


def test_nobody_pays_who_does_not_ask():
    from pavg.records.names import run_id

    assert not set(NAMES) & run(evaluate={"rounds": 1}).rows[-1].keys()
    plain, asking, default = (
        run_id(spec_of(evaluate=keys), 1, {}) for keys in ({}, {"learners": 30}, {"grad_norm": True})
    )
    assert plain == default != asking


def test_a_run_that_was_stopped_goes_on_to_the_same_values(folder):
    keys = {"problem": "logistic", "stop": {"steps": 400}, "evaluate": {"learners": 30, "at": [64, 300]}}
    whole = synchronous.run(comm, task_of(**keys))[0].rows
    care = Care(checkpoints=Checkpoints(folder, {}, rounds=10), timeout=1.0, began=-1e12)
    assert synchronous.run(comm, task_of(**keys), care)[0].status == "timeout"
    again = Care(checkpoints=Checkpoints(folder, {}, rounds=10))
    rows = synchronous.run(comm, task_of(**keys), again)[0].rows
    wanted = [[row[name] for name in NAMES] for row in whole]
    found = {row["ticks"]: [row[name] for name in NAMES] for row in rows}
    for row, values in zip(whole, wanted, strict=True):
        assert found[row["ticks"]] == values


@pytest.mark.parametrize("K", [2, "all"])
def test_lenet_has_the_same_losses_on_any_number_of_ranks(K):
    keys = KEYS | {"P": 4, "stop": {"steps": 4}, "method": {"name": "periodic", "K": K}}
    keys |= {"evaluate": {"learners": 20, "at": [2], "grad_norm": False}, "momentum_at_average": "average"}
    shared, alone = (
        synchronous.run(on, bind(spec_of(**keys), images()))[0].rows for on in (comm, MPI.COMM_SELF)
    )
    for row, other in zip(shared, alone, strict=True):
        for name in ("loss", "test_loss", "accuracy", "drift", *NAMES):
            assert row[name] == pytest.approx(other[name], rel=1e-10), name
