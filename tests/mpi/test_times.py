"""The training clock: nothing is lost, nothing hidden."""

import sys
import time

import numpy as np
import pytest
from mpi4py import MPI
from numba.core.dispatcher import Dispatcher

from pavg.comm import clocks
from pavg.engine import synchronous
from pavg.engine.observation import Care
from tests.building import group_of, sparse_samples, task_of

pytestmark = pytest.mark.mpi
comm = MPI.COMM_WORLD
STEP = 5e-4


def slow_run(steps, **keys):
    """A run in which a local step takes STEP seconds, four times as long on the last rank."""
    task = task_of(P=4, method={"name": "periodic", "K": 100}, stop={"steps": steps}, **keys)
    compiled = task.objective.steps
    slow = STEP * (4 if comm.Get_rank() == comm.Get_size() - 1 else 1)

    def steps_slowly(model, order, noise, schedule, n):
        time.sleep(slow * n)
        compiled(model, order, noise, schedule, n)

    task.objective.steps, task.objective.family = steps_slowly, None
    return synchronous.run(comm, task)[0]


def spent(record, phase):
    return np.nansum(record.arrays()[f"time_{phase}"], axis=0)


@pytest.mark.mpi(min_size=2)
def test_what_the_fast_rank_waits_does_not_depend_on_how_often_is_evaluated():
    rarely = slow_run(400, evaluate={"at": [400]})
    often = slow_run(400, evaluate={"at": list(range(64, 400, 64))})
    fast_rarely, fast_often = (spent(r, "comm")[0] + spent(r, "wait")[0] for r in (rarely, often))
    assert len(often.rows) > len(rarely.rows)
    assert fast_rarely > 0.5 * 3 * STEP * 400  # it does wait
    assert fast_often == pytest.approx(fast_rarely, rel=0.25)


@pytest.mark.parametrize("slow", [1.0, 2.5, 20.0])
def test_slow_work_takes_so_many_times_as_long(slow, monkeypatch):
    now, look = [0.0], 2.0**-10

    def wtime():
        now[0] += look
        return now[0]

    def work(seconds):
        now[0] += seconds
        return "done"

    monkeypatch.setattr(clocks.MPI, "Wtime", wtime)
    assert clocks.slowly(slow, work, 2.0) == "done"
    assert 2.0 * slow <= now[0] <= 2.0 * slow + (slow + 3) * look * (slow > 1)  # 1: without a look


def test_a_stops_barrier_is_waiting_of_the_interval_and_of_no_round(monkeypatch):
    now = [0.0]

    class Ranks:
        def Barrier(self):
            now[0] += 2.0

    def lasts(seconds):
        now[0] += seconds

    monkeypatch.setattr(clocks.MPI, "Wtime", lambda: now[0])
    clock = clocks.Clock()
    clock.start(), lasts(1.0), clock.stop(Ranks()), lasts(50.0)
    clock.start(), lasts(4.0), clock.lap(clocks.COMPUTE), lasts(0.5), clock.lap(clocks.COMM)
    clock.round_ends(waits_known=True)
    assert clock.seconds.tolist() == [5.0, 0.5, 2.0] and clock.total == 7.5
    assert clock.least.tolist() == clock.most.tolist() == [5.0, 0.5, 0.0]


def test_phases_add_up_to_the_training_clock():
    record = slow_run(200)
    total = sum(spent(record, phase) for phase in ("compute", "comm", "wait"))
    wall = record.rows[-1]["time_wall"]
    assert np.all(total <= wall + 1e-9)
    assert total.max() == pytest.approx(wall, rel=1e-6)


def test_the_training_clock_of_a_record_is_that_of_the_rank_whose_clock_ran_longest(monkeypatch):
    later, real = comm.Get_rank(), clocks.Clock.total
    monkeypatch.setattr(clocks.Clock, "total", property(lambda clock: real.fget(clock) + later, real.fset))
    record = synchronous.run(comm, task_of(P=4))[0]
    assert all(row["time_wall"] >= comm.Get_size() - 1 for row in record.rows)


def test_evaluation_and_compilation_are_outside_the_training_clock(monkeypatch):
    from pavg.engine import observation

    evaluate = observation.evaluate
    monkeypatch.setattr(observation, "evaluate", lambda *args: time.sleep(1.0) or evaluate(*args))
    record = slow_run(100, evaluate={"at": [100]})
    assert all(row["time_eval"] >= 1.0 for row in record.rows)
    assert record.rows[-1]["time_wall"] < 1.0
    assert record.ranks["compile_time"].shape == (comm.Get_size(),)


def machine_code():
    """The signatures for which each compiled function of pavg has machine code."""
    modules = [module for name, module in sys.modules.items() if name.startswith("pavg.")]
    found = {
        kernel for module in modules for kernel in vars(module).values() if isinstance(kernel, Dispatcher)
    }
    return {kernel: set(kernel.signatures) for kernel in found}


WARM = {
    "dense": {"problem": "logistic"},
    "sparse or dense": {"store": sparse_samples(), "method": {"name": "varying", "K": [1, 50]}},
    "reproducible": {"problem": "logistic", "reduction": "reproducible"},
    "coins": {"problem": "double-well", "method": {"name": "stochastic", "zeta": 0.1}},
    "gradients": {"problem": "logistic", "method": "gradient-allreduce", "momentum": 0.5},
    "momentum": {"problem": "pca", "momentum": 0.5, "momentum_at_average": "average"},
    "lanes": {"lanes": [0.1, 0.2]},
}


@pytest.mark.parametrize("loop", ["compiled", "reference"])
@pytest.mark.parametrize("case", WARM)
def test_nothing_is_compiled_once_the_clock_runs(case, loop, monkeypatch):
    monkeypatch.setenv("PAVG_ROUNDS", loop)
    compile_kernels, known = synchronous.compile_kernels, {}

    def then_look(*arguments):
        seconds = compile_kernels(*arguments)
        known.update(machine_code())
        return seconds

    monkeypatch.setattr(synchronous, "compile_kernels", then_look)
    keys = {"problem": "logistic", "evaluate": {"at": [64, 100]}} | WARM[case]
    task = group_of(keys.pop("lanes"), **keys) if "lanes" in keys else task_of(**keys)
    for kernel in machine_code():
        kernel._reset_overloads()  # they are loaded from the cache
    synchronous.run(comm, task)
    assert known and machine_code() == known


def test_without_a_barrier_the_waiting_of_a_round_is_unknown():
    arrays = slow_run(200, barrier=False).arrays()
    assert np.isnan(arrays["time_wait_max"]).all()
    assert np.isfinite(arrays["time_comm_max"][-1]).all()


@pytest.mark.mpi(min_size=2)
def test_with_a_barrier_waiting_is_told_from_communicating():
    record = slow_run(200, barrier=True)
    arrays = record.arrays()
    assert arrays["time_wait_max"][-1][0] > 50 * STEP  # the fast rank's round
    assert spent(record, "wait")[0] > 5 * spent(record, "comm")[0]


def test_rounds_are_bounded_by_their_shortest_and_longest():
    arrays = slow_run(400, evaluate={"at": [400]}).arrays()
    shortest, longest, total = (arrays[f"time_compute{s}"][-1] for s in ("_min", "_max", ""))
    assert np.all(shortest <= longest)
    assert np.all(4 * shortest <= total + 1e-9) and np.all(total <= 4 * longest * 1.05)


def test_what_rank_0_does_off_the_clock_is_nobodys_training_time():
    """It is lazy for ten times as long as the whole run takes without that."""
    task = task_of(P=4, stop={"steps": 200}, evaluate={"at": [64, 128]})
    pause = 0.3 + 10 * synchronous.run(comm, task)[0].rows[-1]["time_wall"]

    def lazily(observer, t):
        time.sleep(pause)

    record = synchronous.run(comm, task, Care(on_look=lazily))[0]
    assert record.rows[-1]["time_wall"] < pause
    assert sum(spent(record, phase).max() for phase in ("compute", "comm", "wait")) < pause
