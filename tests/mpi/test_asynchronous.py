"""Asynchronous learners and servers on ranks of their own: what they do, replayed, is the same to the bit."""

import os
import signal

import numpy as np
import pytest
from mpi4py import MPI

from pavg.comm import signals
from pavg.comm.messages import patiently
from pavg.engine import asynchronous, servers, synchronous
from pavg.engine.centre import Centred
from pavg.engine.observation import Care
from pavg.records.writing import write
from tests.building import sparse_samples, task_of

pytestmark = [
    pytest.mark.mpi,
    pytest.mark.skipif(MPI.COMM_WORLD.Get_size() < 2, reason="a server and a learner"),
]
comm = MPI.COMM_WORLD
DOWNPOUR = {"name": "downpour", "K": 4}
EAMSGD = {"name": "eamsgd", "K": 3, "alpha": 0.2}


def task(S=1, method=DOWNPOUR, **keys):
    keys = {"problem": "logistic", "stop": {"steps": 300}, "evaluate": {"every": 40}} | keys
    return task_of(P=comm.Get_size() - S, method=method | {"servers": S}, **keys)


def replayed(task, order):
    """Models of the centre after each of these updates, on one rank; and what has counted them."""
    learners, centres = Centred(MPI.COMM_SELF, task.spec, task.objective, task.shards), []
    for l in order.tolist():
        learners.update(l)
        centres.append(learners.virtual_average(None)[0])
    learners.count()
    return centres, learners


CASES = {
    "downpour": {},
    "averaged": {"method": DOWNPOUR | {"scale": "1/P"}, "momentum": 0.5, "momentum_at_average": "reset"},
    "eamsgd": {"method": EAMSGD, "momentum": 0.5},
    "schedules": {
        "step_size": {"name": "inverse-sqrt", "gamma": 0.2},
        "batch_size": {"name": "growing", "start": 1.0, "power": 0.3},
    },
    "sparse": {"problem": {"name": "logistic", "l2": 0.1, "intercept": True}, "store": sparse_samples()},
    "noise": {"problem": {"name": "noisy-quadratic", "copies": 5}},
}


@pytest.mark.parametrize("case", CASES)
def test_the_recorded_order_replayed_gives_the_same_centre_to_the_bit(case):
    one = task(**CASES[case])
    record = asynchronous.run(comm, one)[0]
    assert (record.status, record.reason) == ("ok", "all steps done")
    order = record.course["arrival_learner"]
    centres, learners = replayed(one, order)
    assert np.array_equal(centres[-1], record.w)
    last = record.rows[-1]
    assert last["updates"] == order.size == one.spec.method.updates(one.spec.P, 300)
    more = learners.more
    assert {name: last[name] for name in more} == more
    assert last["samples"] == learners.counts(MPI.COMM_SELF)[1].sum()
    for name, counted in learners.course(MPI.COMM_SELF).items():
        assert np.array_equal(record.course[name], counted)
    for row in record.rows[1:]:
        W = one.objective.embedded(centres[row["updates"] - 1])
        loss = (
            one.objective.losses("train", W, 0, one.objective.rows["train"])[0] / one.objective.rows["train"]
        )
        assert row["loss"] == pytest.approx(loss + one.objective.penalty(W), rel=1e-12)


def test_rows_are_where_virtual_time_has_them_and_seconds_are_measured():
    record = asynchronous.run(comm, task())[0]
    virtual = synchronous.run(MPI.COMM_SELF, task(clock={"compute": {"mean": 1.0}}))[0]
    one, other = record.arrays(), virtual.arrays()
    for name in ("ticks", "updates", "rounds", "samples", "local_steps", "bytes"):
        assert np.array_equal(one[name], other[name]), name
    wall, P = one["time_wall"], comm.Get_size() - 1
    assert (np.diff(wall) > 0).all() and one["time_compute"].shape == (wall.size, P)
    spent = (one["time_compute"] + one["time_comm"]).sum(axis=0)
    assert (spent <= 1.05 * wall[-1] + 0.01).all() and (spent > 0).all()
    course = record.course
    for l in range(P):
        own = course["arrival_learner"] == l
        assert course["arrival_compute"][own].sum() == pytest.approx(one["time_compute"][:, l].sum())
        assert course["arrival_comm"][own].sum() == pytest.approx(one["time_comm"][:, l].sum())


def test_in_virtual_time_of_its_own_seconds_a_run_is_much_the_same(folder):
    keys = {"stop": {"steps": 1000}, "evaluate": {"every": 100}}
    one = task(**keys)
    record, path, P = asynchronous.run(comm, one)[0], folder / "run.h5", one.spec.P
    if comm.Get_rank() == 0:
        write(path, record, {"P": P, "K": 4, "hosted": False, "clock": None, "config": {}}, {})
    comm.Barrier()
    trace = {"trace": str(path)}
    virtual = synchronous.run(MPI.COMM_SELF, task(clock={"compute": trace, "comm": trace}, **keys))[0]
    real, given = record.arrays(), virtual.arrays()
    apart = np.abs(real["loss"] - given["loss"]) / real["loss"][0]
    assert apart.mean() < 0.05
    sent = [np.bincount(one.course["arrival_learner"], minlength=P) for one in (record, virtual)]
    assert np.abs(sent[0] - sent[1]).max() <= 0.1 * 250 * P


@pytest.mark.skipif(comm.Get_size() < 4, reason="two servers, two learners")
def test_two_servers_share_the_centre():
    record = asynchronous.run(comm, task(S=2, stop={"steps": 1000}, step_size=0.02))[0]
    assert record.status == "ok" and record.rows[-1]["updates"] == 500
    one = task(S=2, stop={"steps": 1000}, step_size=0.02, clock={"compute": {"mean": 1.0}})
    virtual = synchronous.run(MPI.COMM_SELF, one)[0]
    assert record.rows[-1]["loss"] == pytest.approx(virtual.rows[-1]["loss"], rel=0.05)


def test_seconds_end_a_run():
    record = asynchronous.run(comm, task(stop={"seconds": 0.3}, evaluate={"decade": 4}))[0]
    assert (record.status, record.reason) == ("ok", "seconds")
    assert 0.3 <= record.rows[-1]["time_wall"] < 2.0


def test_what_the_centre_came_to_is_judged_afterwards():
    diverged = asynchronous.run(comm, task(problem="double-well", step_size=10.0))[0]
    assert diverged.status == "diverged" and diverged.rows[-1]["ticks"] < 300
    whole = asynchronous.run(comm, task())[0]
    target = whole.rows[2]["loss"] * 1.2
    record = asynchronous.run(comm, task(stop={"steps": 300, "target_loss": target}))[0]
    assert (record.status, record.reason) == ("ok", "target loss")
    assert record.rows[-1]["loss"] <= target and len(record.rows) < len(whole.rows)


@pytest.mark.parametrize("rank", [0, 1], ids=["server", "learner"])
def test_a_signal_on_any_rank_ends_the_run_on_all(rank):
    kept = {n: signal.getsignal(n) for n in signals.ASKING}
    signals.install()

    def ask(sentence):
        if sentence == "update 50" and comm.Get_rank() == rank:
            os.kill(os.getpid(), signal.SIGUSR1)

    try:
        record = asynchronous.run(comm, task(stop={"steps": 10**9}, evaluate={"at": [5]}), Care(heard=ask))[0]
    finally:
        signals.forget()
        for n, handler in kept.items():
            signal.signal(n, handler)
    assert record.status == "interrupted" and record.reason == "signal SIGUSR1" and record.w is None
    assert record.rows[-1]["updates"] >= 50


def test_time_that_is_out_ends_the_run():
    record = asynchronous.run(comm, task(stop={"steps": 10**9}, evaluate={"at": [5]}), Care(timeout=0.3))[0]
    assert (record.status, record.reason) == ("timeout", "0.3 s")


def test_whoever_waits_sleeps():
    looks = iter(range(1, 400))
    begun = os.times()
    patiently(lambda: next(looks) == 399)
    spent = os.times()
    assert spent.user + spent.system - begun.user - begun.system < 0.5 * (spent.elapsed - begun.elapsed)


def test_a_server_answers_in_the_order_of_messages(monkeypatch):
    """One learner that sleeps sends fewer updates, and older ones."""
    if comm.Get_size() < 3:
        pytest.skip("two learners")
    import time

    class Slow:
        def heard(self, sentence):
            if comm.Get_rank() == 1:
                time.sleep(2e-3)

    care = Care(heard=Slow().heard)
    record = asynchronous.run(comm, task(stop={"steps": 400}), care)[0]
    sent = np.bincount(record.course["arrival_learner"], minlength=comm.Get_size() - 1)
    assert sent[0] < sent[1:].min()
    assert servers.LOOK > 0 and record.rows[-1]["staleness_max"] > comm.Get_size() - 2
