"""Where a run ends and where it is looked at; what it says of itself."""

import dataclasses
import os
import signal

import numpy as np
import pytest
from mpi4py import MPI

from pavg.comm import signals
from pavg.engine import evaluation, synchronous
from pavg.engine import ticks as ticks_of_engine
from pavg.engine.observation import Care
from tests.building import samples, task_of

pytestmark = pytest.mark.mpi
comm = MPI.COMM_WORLD


def run(**keys):
    return synchronous.run(comm, task_of(**({"problem": "logistic", "P": 4} | keys)))[0]


def ticks(record):
    return record.arrays()["ticks"].tolist()


STOPS = {
    "steps": ({"steps": 77}, 1, 77),
    "samples": ({"samples": 1000}, 3, 84),  # 4 learners of 3 samples a step
    "epochs": ({"epochs": 2.0}, 1, 102),  # 2 · 203 samples, 4 a step
    "a part of an epoch": ({"epochs": 0.3}, 1, 16),  # 60.9 samples are 61
    "a part that floats miss": ({"epochs": 52 / 203}, 1, 13),  # 52 / 203 · 203 is more than 52
    "the first of them": ({"steps": 50, "epochs": 2.0}, 1, 50),
}


@pytest.mark.parametrize("case", STOPS)
def test_a_run_ends_at_the_first_limit(case):
    stop, batch, end = STOPS[case]
    record = run(stop=stop, batch_size=batch)
    assert (record.status, record.reason) == ("ok", "all steps done")
    assert ticks(record)[-1] == record.rows[-1]["local_steps"] == end
    assert record.rows[-1]["samples"] == end * 4 * batch


def test_samples_are_counted_in_local_steps_where_ticks_are_not():
    record = run(method={"name": "stochastic", "zeta": 0.5}, stop={"samples": 400})
    assert record.rows[-1]["local_steps"] == 100
    assert ticks(record)[-1] > 150


def test_growing_batches_count_as_they_grow():
    record = run(batch_size={"name": "growing", "start": 1.0, "power": 0.5}, stop={"samples": 1000})
    sizes = 4 * np.cumsum(np.ceil(np.sqrt(np.arange(1, 1000))))
    assert record.rows[-1]["local_steps"] == np.searchsorted(sizes, 1000) + 1


def test_seconds_end_a_run_by_the_training_clock():
    record = run(stop={"seconds": 0.5})
    assert (record.status, record.reason) == ("ok", "seconds")
    assert 0.5 <= record.rows[-1]["time_wall"] < 2.0


def test_a_target_ends_a_run_at_the_evaluation_that_reaches_it():
    whole = run(stop={"steps": 1000}, evaluate={"rounds": 1})
    target = whole.rows[20]["loss"]
    record = run(stop={"steps": 1000, "target_loss": target}, evaluate={"rounds": 1})
    assert record.reason == "target loss"
    assert record.rows[-1]["loss"] <= target < min(row["loss"] for row in record.rows[:-1])


@pytest.mark.parametrize("target, ticks", [(5.0, 0), (None, 200)])
def test_a_target_counts_at_the_beginning_and_at_the_end(target, ticks):
    keys = {"stop": {"steps": 200}, "evaluate": {"at": [200]}}
    target = target or run(**keys).rows[-1]["loss"]
    record = run(**(keys | {"stop": {"steps": 200, "target_loss": target}}))
    assert record.reason == "target loss" and record.rows[-1]["ticks"] == ticks


def test_divergence_ends_a_run_and_keeps_what_there_is():
    record = run(problem="least-squares", step_size=50.0, stop={"steps": 10_000})
    assert record.status == "diverged" and "loss" in record.reason
    assert 1 < len(record.rows) and ticks(record)[-1] < 10_000
    assert np.isfinite(record.rows[0]["loss"])


def test_a_nan_in_the_model_is_divergence():
    record = run(problem="double-well", step_size=10.0, stop={"steps": 10_000})
    assert record.status == "diverged"


@pytest.fixture
def signals_kept():
    kept = {n: signal.getsignal(n) for n in signals.ASKING}
    signals.install()
    yield
    signals.forget()
    for n, handler in kept.items():
        signal.signal(n, handler)


@pytest.mark.parametrize("rank", [0, -1])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGUSR1, signal.SIGTERM])
def test_a_signal_on_one_rank_ends_the_run_on_all_at_the_next_stop(number, rank, signals_kept):
    asked = []

    def ask(sentence):  # on every rank
        if sentence == "tick 64" and not asked and comm.Get_rank() == rank % comm.Get_size():
            asked.append(sentence)
            os.kill(os.getpid(), number)

    task = task_of(problem="logistic", stop={"steps": 10**12}, evaluate={"at": [64]})
    record = synchronous.run(comm, task, Care(heard=ask))[0]
    assert record.status == "interrupted" and record.reason == f"signal {number.name}"
    assert ticks(record) == [0, 64] and record.w is None


@pytest.mark.parametrize("since, status", [(0.0, "ok"), (500.0, "ok"), (1500.0, "timeout")])
def test_a_time_out_counts_from_when_the_run_was_taken_care_of(since, status):
    care = Care(timeout=1000.0)
    care.began -= since
    record = synchronous.run(comm, task_of(problem="logistic", stop={"steps": 300}), care)[0]
    assert record.status == status and (record.rows[-1]["ticks"] == 300) == (status == "ok")


@pytest.mark.parametrize("how", ["a signal", "a time-out"])
@pytest.mark.parametrize(
    "keys, reason",
    [
        ({"stop": {"steps": 60}}, "all steps done"),
        ({"stop": {"steps": 10**9, "target_loss": 0.69}}, "target loss"),
        ({"stop": {"steps": 10**9, "seconds": 1e-6}}, "seconds"),
    ],
)
def test_a_run_that_has_come_to_its_end_is_whole_whatever_was_asked_meanwhile(
    how, keys, reason, signals_kept
):
    def ask(sentence):
        if sentence != "tick 0":  # at the first stop, which is the last
            os.kill(os.getpid(), signal.SIGUSR1)

    care = Care(heard=ask) if how == "a signal" else Care(timeout=1.0, began=-1e12)
    keys = keys | {"method": {"name": "periodic", "K": 1}, "evaluate": {"at": [60]}}
    record = synchronous.run(comm, task_of(problem="logistic", **keys), care)[0]
    assert (record.status, record.reason) == ("ok", reason) and record.w is not None


@pytest.mark.parametrize("scan", [ticks_of_engine.SCAN, 8])
def test_evaluations_every_n_rounds_lie_at_ends_of_rounds_however_far_is_looked_at_once(scan, monkeypatch):
    monkeypatch.setattr(ticks_of_engine, "SCAN", scan)
    record = run(method={"name": "periodic", "K": 7}, evaluate={"rounds": 3}, stop={"steps": 100})
    assert ticks(record) == [0, 21, 42, 63, 84, 100]


def test_evaluations_in_a_list_lie_at_the_next_allowed_stop():
    record = run(
        method={"name": "periodic", "K": 200}, evaluate={"at": [1, 64, 65, 201, 390]}, stop={"steps": 450}
    )
    assert ticks(record) == [0, 64, 128, 264, 392, 450]  # whole blocks of 64 steps in a round


def test_evaluations_are_spread_over_decades_otherwise():
    spread = ticks(run(method={"name": "periodic", "K": 1}, stop={"steps": 10_000}, evaluate={"decade": 4}))
    assert spread[:4] == [0, 1, 2, 4] and spread[-1] == 10_000
    assert sum(100 <= t < 1000 for t in spread) == 4


def test_the_objective_is_one_at_the_start_and_zero_at_the_optimum():
    record = run(
        problem={"name": "quadratic"}, stop={"steps": 500}, step_size={"name": "inverse", "alpha": 1, "d": 9}
    )
    curve = record.arrays()["suboptimality"]
    assert curve[0] == 1.0 and 0 < curve[-1] < 0.01
    for optimum in (0.0, -7.0):  # given, though the problem knows its own
        of = run(problem={"name": "quadratic"}, evaluate={"optimum": optimum}).rows
        expected = (of[-1]["loss"] - optimum) / (of[0]["loss"] - optimum)
        assert of[-1]["suboptimality"] == pytest.approx(expected, rel=1e-12)
    given = run(evaluate={"optimum": 0.1})
    first, last = given.rows[0], given.rows[-1]
    assert last["suboptimality"] == pytest.approx((last["loss"] - 0.1) / (first["loss"] - 0.1))


def test_classification_has_accuracies_and_regression_has_none():
    assert {"accuracy", "test_accuracy", "test_loss"} <= run().rows[0].keys()
    regression = run(problem="least-squares").rows[0].keys()
    assert "test_loss" in regression and not {"accuracy", "test_accuracy"} & regression


@pytest.mark.parametrize("block", [evaluation.ROWS, 50])
def test_values_are_those_of_plain_numpy(block, monkeypatch):
    monkeypatch.setattr(evaluation, "ROWS", block)
    store = dataclasses.replace(samples(), test=samples(n=57, seed=1).train)
    record = run(problem={"name": "logistic", "l2": 0.1}, store=store)
    (X, y), (X_test, y_test) = ((part.X[:, :6], part.y) for part in (store.train, store.test))
    w, last = record.w, record.rows[-1]
    margins, test_margins = y * (X @ w), y_test * (X_test @ w)
    loss, test_loss = (np.mean(np.log1p(np.exp(-m))) for m in (margins, test_margins))
    assert last["loss"] == pytest.approx(loss + 0.05 * w @ w, rel=1e-12)
    assert last["test_loss"] == pytest.approx(test_loss, rel=1e-12)
    assert last["accuracy"] == np.mean(margins > 0) != last["test_accuracy"] == np.mean(test_margins > 0)
    gradient = -(X.T @ (y / (1 + np.exp(margins)))) / len(y) + 0.1 * w
    assert last["grad_norm"] == pytest.approx(np.linalg.norm(gradient), rel=1e-10)


def test_more_learners_than_samples_have_no_meaning_in_shards():
    from pavg.errors import InputError

    with pytest.raises(InputError, match="5.*4|4.*5"):
        task_of(problem="logistic", P=5, partition="iid", store=samples(n=4))


@pytest.mark.parametrize("partition, rows", [("iid", 203), ("pool", 4 * 203)])
def test_a_record_counts_the_rows_that_the_learners_of_each_rank_draw_from(partition, rows):
    assert run(partition=partition).ranks["shard_size"].sum() == rows
