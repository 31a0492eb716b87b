"""Step sizes side by side: each lane ends as the cell alone, whatever becomes of the others."""

import dataclasses

import numpy as np
import pytest
from mpi4py import MPI

from pavg.engine import synchronous
from pavg.engine.checkpoint import Checkpoints
from pavg.engine.observation import Care
from pavg.kernels.combine import models
from pavg.learners import Learners
from pavg.records.layout import VARIABLES
from tests.building import group_of, samples

pytestmark = pytest.mark.mpi
comm = MPI.COMM_WORLD
FALLING = {"name": "inverse", "alpha": 2.0, "d": 3.0}
HALVED = {"name": "decay", "gamma": 0.2, "factor": 0.5, "every": 0.7}
STEP_SIZES = [0.5, 0.1, 0.02, FALLING, HALVED]
CASES = {
    "plain": {},
    "L2, intercept, batches": {
        "problem": {"name": "logistic", "l2": 0.01, "intercept": True},
        "batch_size": {"name": "growing", "start": 1.0, "power": 0.3},
    },
    "sparse, L2": {"store": samples(layout="csr"), "problem": {"name": "logistic", "l2": 0.01}},
    "least squares": {"problem": "least-squares", "step_size": [0.05, 0.01, 0.002]},
    "stochastic, reshuffled": {"method": {"name": "stochastic", "zeta": 0.1}, "sampling": "reshuffle"},
    "rounds that grow": {"method": {"name": "varying", "start": 2.0, "power": 0.5}},
    "shards with weights": {"partition": "iid", "weights": "shards", "P": 5},
    "one-shot, looked at in mid-round": {
        "method": {"name": "periodic", "K": "all"},
        "evaluate": {"at": [64, 128]},
    },
    "an optimum, more than 8": {
        "evaluate": {"optimum": 0.01},
        "step_size": [0.01 * k for k in range(1, 13)],
    },
}


def group(store=None, step_size=STEP_SIZES, **keys):
    keys = {"stop": {"steps": 300}, "P": 5, "method": {"name": "periodic", "K": 16}} | keys
    return group_of(step_size, store or samples(), **keys)


def one_by_one(task):
    """The record of each cell of a task, run alone."""
    alone = (dataclasses.replace(task, specs=(spec,)) for spec in task.specs)
    return [synchronous.run(comm, cell)[0] for cell in alone]


def same(one, other, rtol=1e-12):
    """Everything but the times."""
    assert one.status == other.status
    a, b = one.arrays(), other.arrays()
    assert a.keys() == b.keys()
    for name in a:
        if VARIABLES[name][1] != "s":
            noise = 1e-8 * rtol if name == "drift" else 0.0  # of models that are equal to rounding
            np.testing.assert_allclose(a[name], b[name], rtol=rtol, atol=noise, err_msg=name)
    np.testing.assert_allclose(one.w, other.w, rtol=rtol, atol=1e-14)
    return True


@pytest.mark.parametrize("case", CASES)
def test_a_lane_ends_as_the_cell_alone(case):
    task = group(**CASES[case])
    lanes = synchronous.run(comm, task)
    assert len(lanes) == len(task.specs)
    assert all(same(one, other) for one, other in zip(lanes, one_by_one(task), strict=True))


def test_a_lane_that_diverges_is_closed_and_the_others_go_on():
    task = group(problem="least-squares", step_size=[0.05, 50.0, 0.01, 1e300])
    lanes = synchronous.run(comm, task)
    assert [record.status for record in lanes] == ["ok", "diverged", "ok", "diverged"]
    for record, alone in zip(lanes, one_by_one(task), strict=True):
        assert (record.status, record.reason[:5]) == (alone.status, alone.reason[:5])
        assert record.arrays()["ticks"].tolist() == alone.arrays()["ticks"].tolist()
        if record.status == "ok":
            assert same(record, alone)
        else:
            assert record.w is not None and len(record.rows) < len(lanes[0].rows)


@pytest.mark.parametrize("K", [16, "all"])
def test_a_lane_that_reaches_its_target_ends_as_the_cell_alone(K):
    """Rounds and bytes too: of its last average, which only the cell alone really makes in mid-round."""
    keys = {"method": {"name": "periodic", "K": K}, "evaluate": {"at": [64, 128, 192]}}
    whole = synchronous.run(comm, group(**keys))
    target = sorted(record.rows[2]["loss"] for record in whole)[2] * (1 + 1e-6)
    task = group(stop={"steps": 300, "target_loss": target}, **keys)
    lanes = synchronous.run(comm, task)
    ends = {record.rows[-1]["ticks"] for record in lanes}
    assert "target loss" in {record.reason for record in lanes} and len(ends) > 1
    for record, alone in zip(lanes, one_by_one(task), strict=True):
        assert record.reason == alone.reason and same(record, alone)


def test_a_frozen_lane_is_0_for_good_and_the_others_do_not_notice():
    task, ends = group(**CASES["sparse, L2"]), []
    for frozen in (None, 1):
        learners = Learners(comm, task.specs[0], task.objective, task.shards, task.step_size)
        learners.clock.start()
        learners.rounds([64, 64], 0)
        if frozen is not None:
            learners.freeze(frozen)
        learners.rounds([16, 16], 5)
        ends.append(models(learners.W, learners.S))
        learners.schedule.step_size.frozen.clear()
    whole, rest = ends
    assert not rest[:, :, 1].any() and whole[:, :, 1].any()
    others = [lane for lane in range(whole.shape[2]) if lane != 1]
    assert np.array_equal(rest[:, :, others], whole[:, :, others])


def test_the_group_ends_with_its_last_lane():
    seen = []
    task = group(problem="least-squares", step_size=[50.0, 1e300, 60.0], stop={"steps": 10**6})
    lanes = synchronous.run(comm, task, Care(on_look=lambda observer, t: seen.append(t)))
    assert {record.status for record in lanes} == {"diverged"}
    assert max(seen, default=0) == (max(r.rows[-1]["ticks"] for r in lanes) if comm.Get_rank() == 0 else 0)


def test_all_may_end_at_the_start():
    lanes = synchronous.run(comm, group(stop={"steps": 300, "target_loss": 5.0}))
    assert all(record.reason == "target loss" and record.rows[-1]["ticks"] == 0 for record in lanes)


def test_what_happens_to_the_group_happens_to_its_open_lanes():
    care = Care(timeout=1e9)

    def late(observer, t):
        if t >= 100:
            care.timeout = -1.0

    care.on_look = late
    lanes = synchronous.run(comm, group(problem="least-squares", step_size=[0.05, 50.0, 0.01]), care)
    assert [record.status for record in lanes] == ["timeout", "diverged", "timeout"]
    assert [record.w is None for record in lanes] == [True, False, True]


@pytest.mark.parametrize("case", ["L2, intercept, batches", "sparse, L2", "stochastic, reshuffled"])
def test_rounds_of_lanes_are_the_same_to_the_bit_in_both_loops(case, monkeypatch):
    compiled = synchronous.run(comm, group(**CASES[case]))
    monkeypatch.setenv("PAVG_ROUNDS", "reference")
    python = synchronous.run(comm, group(**CASES[case]))
    assert {(one.loop, other.loop) for one, other in zip(compiled, python, strict=True)} == {
        ("compiled", "python")
    }
    assert all(same(one, other, rtol=0.0) for one, other in zip(compiled, python, strict=True))


STOPPED = {
    "all lanes to the end": {},
    "sparse, L2": {"store": samples(layout="csr"), "problem": {"name": "logistic", "l2": 0.01}},
    "a lane that has diverged": {"problem": "least-squares", "step_size": [0.05, 50.0, 0.01]},
    "step sizes that fall": {"step_size": [FALLING, HALVED]},
    "more than ten lanes": {"step_size": [0.02 * k for k in range(1, 13)]},
    "in mid-round": {"method": {"name": "periodic", "K": 400}, "evaluate": {"at": [192, 256, 640, 704]}},
}


@pytest.mark.parametrize("case", STOPPED)
def test_a_group_that_was_paused_twice_ends_to_the_bit_as_one_that_was_not(case, folder):
    task = group(stop={"steps": 900}, **STOPPED[case])
    whole = synchronous.run(comm, task)
    for steps in (100, 500):
        care = Care(timeout=1e9, checkpoints=Checkpoints(folder, {"run": "this"}, rounds=6))

        def stop(observer, t, care=care, steps=steps):
            if t >= steps:
                care.timeout = -1.0

        care.on_look = stop
        paused = synchronous.run(comm, task, care)
        assert "timeout" in {record.status for record in paused}
    resumed = synchronous.run(comm, task, Care(checkpoints=Checkpoints(folder, {"run": "this"})))
    assert all(same(one, other, rtol=0.0) for one, other in zip(resumed, whole, strict=True))


@pytest.mark.mpi(min_size=2)
def test_on_another_number_of_ranks_it_goes_on_the_same_to_rounding(folder):
    one = comm.Split(comm.Get_rank() == 0)
    task = group(stop={"steps": 900})
    whole = synchronous.run(comm, task)
    if comm.Get_rank() == 0:
        care = Care(timeout=1e9, checkpoints=Checkpoints(folder, {"run": "this"}))
        care.on_look = lambda observer, t: setattr(care, "timeout", -1.0 if t > 200 else 1e9)
        synchronous.run(one, task, care)
    comm.Barrier()
    resumed = synchronous.run(comm, task, Care(checkpoints=Checkpoints(folder, {"run": "this"})))
    assert all(same(a, b, rtol=1e-10) for a, b in zip(resumed, whole, strict=True))
    one.Free()
