"""What benchmarks tell where all times are known: a clock that only their work moves on.

On rank r everything takes 1 + r times as long as on rank 0.
"""

import os
from types import SimpleNamespace

import numpy as np
import pytest
from mpi4py import MPI

from pavg.bench import (
    allreduce,
    averaging,
    kernels,
    machine,
    measuring,
    peers,
    periods,
    roofline,
    rounds,
    scaling,
)
from pavg.bench.pilots import Turn
from pavg.bench.targets import Target, _row

pytestmark = pytest.mark.mpi
COMM = MPI.COMM_WORLD
R, RANK = COMM.Get_size(), COMM.Get_rank()
N, K = 1000, 16  # samples, local steps of a round
STORE = SimpleNamespace(train=SimpleNamespace(n=N), layout="dense")


def silent(stage, done, total):
    pass


def tells(row, **expected):
    assert {name: row[name] for name in expected} == pytest.approx(expected)


@pytest.fixture
def spend(monkeypatch):
    """A function that moves the clock on."""
    now = [0.0]

    def spend(seconds):
        now[0] += seconds * (1 + RANK)

    monkeypatch.setattr(measuring, "time", SimpleNamespace(perf_counter=lambda: now[0]))
    return spend


@pytest.fixture
def replaced(monkeypatch, spend):
    """A function that puts other things in the place of a benchmark's: samples, learners, work."""

    def replace(module, **given):
        known = {"samples": lambda *_: STORE, "open_store": lambda _: STORE, "once": lambda *_: None}
        known |= {"bound": lambda *_: None, "library": lambda _: (True, "")}
        known |= {"in_c": lambda loop, comm, buffer, n: lambda: spend(2e-6 * n)}
        for name, value in known.items():
            for place in (module, periods):
                if hasattr(place, name):
                    monkeypatch.setattr(place, name, value)
        for name, value in given.items():
            monkeypatch.setattr(module, name, value)

    return replace


class Learners:
    """A local step takes 1 µs, an average 3 µs, one by Python's loop 20, a sparse one 1, an "auto" one 2."""

    def __init__(self, spend, averaging="dense"):
        slow = os.environ.get(rounds.FORCED) == "reference"
        self.spend, self.objective = spend, SimpleNamespace(dimension=28)
        self.average = {"dense": 20e-6 if slow else 3e-6, "sparse": 1e-6, "auto": 2e-6}[averaging]
        self.bytes = self.rounds_done = 0

    def step(self, n):
        self.spend(1e-6 * n)

    def rounds(self, n, K):
        self.spend(n * (1e-6 * K + self.average))
        self.rounds_done += n
        self.bytes += 224 * n

    @classmethod
    def of(cls, spend):
        """What `pavg.bench.shapes.learners` and `pavg.bench.periods.rounds` are replaced by."""
        return {
            "learners": lambda comm, shape, store, averaging="dense", **settings: cls(spend, averaging),
            "rounds": lambda made, n, K: made.rounds(n, K),
        }


def steps(spend):
    """In the place of `LocalSteps`: 1 µs and ½ µs a lane; by plain loops three times as long."""

    def make(objective, gamma, rule, lanes=1, rows=None, reference=False):
        return lambda n: spend(n * (1e-6 + 0.5e-6 * lanes) * (3 if reference else 1))

    return make


def test_an_allreduce_by_ranks_and_bytes(spend, replaced):
    class Slow:
        def __getattr__(self, name):
            return getattr(COMM, name)

        def Allreduce(self, *arguments):
            COMM.Allreduce(*arguments)
            spend(5e-6)

    replaced(allreduce)
    row, bare = allreduce.Allreduce(sizes=(N,), alternations=3).rows(Slow(), silent)
    middle = 5e-6 * np.median(1 + np.arange(R))
    tells(row, time_min=5e-6, time_median=middle, time_max=5e-6 * R, rate=8 * N / middle, ratio=2.5)
    tells(bare, time_min=2e-6, time_max=2e-6 * R)


def test_local_steps_by_lanes_and_against_plain_loops(spend, replaced):
    replaced(kernels, LocalSteps=steps(spend))
    row = kernels.Kernels(alternations=3)._row("higgs", "float64", "order", "memory", 8)
    at = 1 + RANK
    tells(row, time_sample=5e-6 * at, time_lane=5e-6 * at / 8, ratio=3, gain=1.5 / (5 / 8))


def test_local_steps_below_the_nearer_of_two_limits(spend, replaced):
    needed, held = 29 * 8 * N, 33 * 8 * N
    replaced(roofline, LocalSteps=steps(spend), sizes=lambda _: (needed, held))
    replaced(roofline, words=lambda _: [0], read=lambda _: spend(2e-6 * N))
    for rate, flops, limit in ((1e8, 1e9, "reading"), (1e9, 1e8, "arithmetic")):
        row = roofline.Roofline(alternations=3)._row("higgs", "order", 1, rate, flops)
        at, read = 1 + RANK, 2e-6 * needed / held
        tells(row, time_sample=1.5e-6 * at, time_read=read * at, ratio=1.5e-6 / read)
        tells(row, bytes_sample=29 * 8, flops_sample=4 * 28)
        least = 33 * 8 / rate if limit == "reading" else 4 * 28 / flops
        assert row["limit"] == limit and row["share"] == pytest.approx(least / (1.5e-6 * at))


def test_a_round_less_its_local_steps_and_its_allreduce_on_the_slowest_rank(spend, replaced):
    replaced(rounds, **Learners.of(spend))
    [row] = rounds.Rounds(periods=(K,), alternations=3).rows(COMM, silent)
    tells(row, time_round=19e-6 * R, time_python=36e-6 * R, time_compute=16e-6 * R, ratio=36 / 19)
    if R > 1:
        tells(row, time_allreduce=2e-6 * R, overhead=1e-6 * R, beyond=17e-6 * R)
    else:
        tells(row, overhead=3e-6)


def test_of_what_ranks_do_together_the_slowest_counts_and_else_their_mean(spend):
    turns = [Turn({"ranks": R}, lambda n: spend(2e-6 * n), slowest) for slowest in (True, False)]
    together, apart = machine.Machine(alternations=3)._measured(COMM, turns, silent)
    tells(together, time=2e-6 * R, time_low=2e-6 * R, time_high=2e-6 * R)
    tells(apart, time=2e-6 * np.mean(1 + np.arange(R)))


@pytest.mark.skipif(R == 1, reason="needs two ranks")
def test_averages_of_touched_coordinates_and_the_choice_between_both(spend, replaced):
    replaced(averaging, **Learners.of(spend))
    [row] = averaging.Averaging(shapes=("rcv1",), periods=(K,), alternations=3).rows(COMM, silent)
    tells(row, time_dense=19e-6 * R, time_sparse=17e-6 * R, time_auto=18e-6 * R, bytes_sparse=224)
    tells(row, ratio=19 / 17, worse=18 / 17)


@pytest.mark.skipif(R == 1, reason="needs two ranks")
def test_the_same_samples_by_one_rank_and_by_all(spend, replaced):
    replaced(scaling, rest=lambda _: None, **Learners.of(spend))
    [row] = scaling.Scaling(shapes=("higgs",), periods=(K,), alternations=3).rows(COMM, silent)
    a_rank = row["samples"] / R
    tells(row, time_one=19e-6 / K * a_rank * R, time_all=19e-6 / K * a_rank * R, ratio=1, ranks=R)
    assert row["samples"] == pytest.approx(scaling.PASSES * N, rel=R * K / N)


@pytest.mark.parametrize("peer", [peers.IN_ORDER, peers.DEFAULT])
def test_a_peer_s_time_is_that_of_as_many_samples_without_what_comes_before_them(spend, replaced, peer):
    def fit(estimator, X, y, epochs):
        spend(7 + 2e-6 * N * epochs)

    fake = SimpleNamespace(estimator=lambda *_: None, fit=fit)
    replaced(peers, plain=lambda _: (0, 0), compared=lambda *_: {}, scikit=fake, **Learners.of(spend))
    row = peers.Peers(alternations=3)._scikit("higgs", "order", peer)
    tells(row, time_sample=1e-6 * (1 + RANK), time_peer=2e-6 * (1 + RANK), ratio=2)


@pytest.mark.skipif(R != 2, reason="is for two ranks")
def test_local_sgd_s_time_is_that_of_a_local_step_on_the_slowest_rank(spend, replaced):
    peer = SimpleNamespace(step=lambda n: spend(4e-6 * n), w=0)
    replaced(peers, plain=lambda _: (np.zeros(N), np.zeros(N)), compared=lambda *_: {}, **Learners.of(spend))
    replaced(peers, postlocal=SimpleNamespace(LocalSGD=lambda *_: peer))
    row = peers.Peers(alternations=3)._against_torch(COMM, False)
    tells(row, time_sample=19e-6 / K * 2, time_peer=8e-6, ratio=4 * K / 19)


@pytest.mark.parametrize(
    "bound, measured, reached",
    [("least", 2.5, "yes"), ("least", 1.5, "no"), ("most", 1.5, "yes"), ("most", 2.5, "no")],
)
@pytest.mark.parametrize("column, unit", [("ratio", 1), ("overhead", 1e-6)])
def test_a_target_is_reached_within_its_bound_and_seconds_are_told_in_microseconds(
    bound, measured, reached, column, unit
):
    target = Target("a round", rounds.Rounds(), {}, column=column, **{bound: 2})
    row = _row(target, {f"{column}{end}": measured * unit for end in ("", "_low", "_high")})
    assert row["reached"] == reached and row["ratio"] == pytest.approx(measured)
