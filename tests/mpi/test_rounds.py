"""Compiled rounds are the rounds of the Python loop: same bits, same seconds, same errors."""

import ctypes
import itertools
import threading
import time

import numpy as np
import pytest
from mpi4py import MPI

from pavg import learners as module
from pavg import schedules
from pavg.comm import clocks
from tests.building import group_of, learners_of, samples, sparse_samples

pytestmark = pytest.mark.mpi
comm = MPI.COMM_WORLD

LOGISTIC = {"problem": {"name": "logistic", "l2": 0.01, "intercept": True}, "P": 8}
MOMENTUM = LOGISTIC | {"momentum": 0.9}
SPARSE = LOGISTIC | {"store": sparse_samples()}
CASES = {
    "dense": LOGISTIC,
    "batches that grow": LOGISTIC | {"batch_size": {"name": "growing", "start": 1.0, "power": 0.5}},
    "step sizes that fall": LOGISTIC | {"step_size": {"name": "inverse", "alpha": 1.0, "d": 5}},
    "momentum kept": MOMENTUM,
    "momentum averaged": MOMENTUM | {"momentum_at_average": "average"},
    "momentum reset": MOMENTUM | {"momentum_at_average": "reset"},
    "weights": LOGISTIC | {"weights": "shards", "partition": {"name": "dirichlet", "beta": 0.5}},
    "reshuffled": LOGISTIC | {"partition": "iid", "sampling": "reshuffle"},
    "csr": SPARSE,
    "csr, whole models": SPARSE | {"averaging": "dense"},
    "csr, momentum": SPARSE | {"momentum": 0.9},
    "barriers": LOGISTIC | {"barrier": True},
    "double well": {"problem": "double-well", "P": 8},
    "on a sphere": {"problem": {"name": "pca"}, "P": 8},
    "quadratic": {"problem": {"name": "quadratic", "spread": 0.5}, "P": 8},
}
LENGTHS = [1, 3, 0, 0, 1, 40, 1, 7, 0]  # local steps of rounds
FUNCTION = ctypes.CFUNCTYPE(ctypes.c_int, *[ctypes.c_longlong] * 6)


def made(loop, monkeypatch, world=comm, **keys):
    """Learners whose rounds are compiled, or not ("reference")."""
    monkeypatch.setenv("PAVG_ROUNDS", loop)
    return learners_of(world, **keys)


def trained(learners, lengths=LENGTHS, rest=0, times=2):
    """All that is to be known of learners after some rounds, but for the seconds."""
    learners.clock.start()
    for _ in range(times):
        learners.rounds(np.array(lengths, np.int64), rest)
    known = learners.state() | {"before": learners._before}
    learners.finish()
    known |= {f"{name} at the end": value for name, value in learners.state().items()}
    return {name: value for name, value in known.items() if not name.startswith("clock")}


def assert_same(one, other):
    assert one.keys() == other.keys()
    for name in one:
        assert np.array_equal(one[name], other[name]), name


@pytest.mark.parametrize("rest", [0, 5])
@pytest.mark.parametrize("case", CASES)
def test_both_loops_give_the_same_bits(case, rest, monkeypatch):
    loops = [made(loop, monkeypatch, **CASES[case]) for loop in ("compiled", "reference")]
    assert_same(*(trained(learners, rest=rest) for learners in loops))
    assert [learners.loop for learners in loops] == ["compiled", "python"]


@pytest.mark.parametrize("case", ["dense", "csr", "step sizes that fall", "double well"])
def test_they_do_where_rounds_are_longer_than_a_window_of_the_schedule(case, monkeypatch):
    whole = trained(made("reference", monkeypatch, **CASES[case]))
    for target in (schedules, module):
        monkeypatch.setattr(target, "MOST", 16)
    monkeypatch.setattr(schedules, "AHEAD", 4)
    assert_same(trained(made("compiled", monkeypatch, **CASES[case])), whole)


def test_lanes_go_the_same_way(monkeypatch):
    monkeypatch.setenv("PAVG_KERNELS", "reference")
    ends, problem = [], {"name": "logistic", "l2": 0.01}
    for loop in ("compiled", "reference"):
        monkeypatch.setenv("PAVG_ROUNDS", loop)
        task = group_of([0.5, 0.1, 0.02], samples(layout="csr"), problem=problem, P=5)
        sizes = schedules.SideBySide([spec.step_size for spec in task.specs])
        learners = module.Learners(comm, task.specs[0], task.objective, task.shards, sizes)
        ends.append(trained(learners, rest=3))
    assert_same(*ends)


def called_by_address(learners, place, function):
    """Let compiled rounds call a Python function in place of MPI's: `place` in `pavg.comm.addresses.of`."""
    mpi = list(learners._rounds.mpi)
    learners.kept_alive = function
    mpi[place] = ctypes.cast(function, ctypes.c_void_p).value
    learners._rounds.mpi = tuple(mpi)


@pytest.mark.parametrize(
    "rest", [0, 5]
)  # models are kept for drift, off the clock, where a round ends on the stop
@pytest.mark.parametrize("barrier", [False, True])
@pytest.mark.parametrize("slowdown, network", [(None, None), ([2.5, 1.0], None), (None, {"latency": 1e-4})])
def test_both_loops_book_the_same_seconds(slowdown, network, barrier, rest, monkeypatch):
    booked = []
    for loop in ("compiled", "reference"):
        draws = np.random.default_rng(7)  # a clock of our own: how often, and in what order, it is read
        now = itertools.accumulate(draws.random() for _ in itertools.count())
        monkeypatch.setattr(clocks.MPI, "Wtime", lambda now=now: next(now))
        learners = made(loop, monkeypatch, barrier=barrier, slowdown=slowdown, network=network, **LOGISTIC)
        if loop == "compiled":
            wtime = ctypes.CFUNCTYPE(ctypes.c_double)(lambda: clocks.MPI.Wtime())
            called_by_address(learners, 1, wtime)
        trained(learners, rest=rest)
        booked.append(learners.clock.state())
    assert np.array_equal(*booked, equal_nan=True)
    assert booked[0][0] == pytest.approx(np.nansum(booked[0][1:4]))


@pytest.mark.parametrize("at, buffers", [("keep", 1), ("average", 2)])
def test_a_round_is_one_allreduce_of_all_that_is_averaged(at, buffers, monkeypatch):
    learners = made("compiled", monkeypatch, momentum_at_average=at, **MOMENTUM)
    address, counted = learners._rounds.mpi[3], []

    def allreduce(*arguments):
        counted.append(arguments[2])
        return FUNCTION(address)(*arguments)

    called_by_address(learners, 3, FUNCTION(allreduce))
    trained(learners, rest=1)
    rounds = 2 * len(LENGTHS) + 1
    assert learners.rounds_done == rounds
    assert learners.bytes == rounds * 8 * 7 * buffers
    assert counted == ([7 * buffers] * rounds if comm.Get_size() > 1 else [])


@pytest.mark.parametrize(
    "place, keys",
    [(2, LOGISTIC | {"barrier": True}), (3, LOGISTIC), (4, SPARSE | {"averaging": "sparse"})],
    ids=["barrier", "allreduce", "allgatherv"],
)
@pytest.mark.mpi(min_size=2)
def test_what_mpi_returns_is_looked_at(place, keys, monkeypatch):
    learners = made("compiled", monkeypatch, **keys)
    called_by_address(learners, place, FUNCTION(lambda *_: MPI.ERR_COUNT))
    with pytest.raises(MPI.Exception) as caught:
        trained(learners)
    assert caught.value.Get_error_class() == MPI.ERR_COUNT


def test_one_rank_calls_no_mpi_but_its_clock(monkeypatch):
    learners = made("compiled", monkeypatch, MPI.COMM_SELF, barrier=True, **SPARSE)
    for place in (2, 3, 4):
        called_by_address(learners, place, FUNCTION(lambda *_: MPI.ERR_COUNT))
    trained(learners)
    assert learners.rounds_done == 2 * len(LENGTHS)


def test_other_threads_run_meanwhile(monkeypatch):
    learners, ticks = made("compiled", monkeypatch, MPI.COMM_SELF, **LOGISTIC), []
    over = threading.Event()
    learners.warm_up()

    def tick():
        while not over.wait(1e-3):
            ticks.append(time.monotonic())

    thread = threading.Thread(target=tick)
    thread.start()
    learners.clock.start()
    began = time.monotonic()
    learners.rounds(np.full(50_000, 1), 1)
    ended = time.monotonic()
    over.set()
    thread.join()
    assert sum(began < at < ended for at in ticks) > (ended - began) * 50
