"""Rounds predicted from steps, stragglers and averagings; a machine's file read back."""

import pickle

import numpy as np
import pytest

from pavg.bench import files
from pavg.bench.machine import Machine as Benchmark
from pavg.delays import Network
from pavg.errors import InputError
from pavg.machine import Work, load, reading
from tests.machine.test_averaging import D, truth

WORK = Work("logistic, higgs", "logistic", "dense", 28.0, 28)
ABOUT = {"hosts": "1", "cores": "4", "cpu": "", "mpi_library": ""}
STEP = 20e-9


def rows(spread=(1.0,) * 10, noise=0.02):
    def told(seconds):
        return {
            "time": seconds,
            "time_low": seconds * np.exp(-2 * noise),
            "time_high": seconds * np.exp(2 * noise),
        }

    work = {"work": WORK.name, "problem": WORK.problem, "layout": WORK.layout, "entries": 28.0, "d": 28}
    for B in (1, 8, 64):
        yield {"what": reading.STEP, "B": B} | work | told(STEP * B)
    for P in (1, 2):
        yield from ({"what": reading.AVERAGE, "ranks": P, "d": d} | told(float(truth(d, P))) for d in D)
    yield {"what": reading.SPREAD, "work": WORK.name, "stretches": 1e-3 * np.array(spread)}


@pytest.fixture
def machine():
    return reading.of(list(rows()), ABOUT)


@pytest.mark.parametrize("P", [1, 2, 64])
@pytest.mark.parametrize("K", [1, 100, 10_000])
def test_without_stragglers_a_round_is_its_steps_and_its_averaging(machine, K, P):
    found = machine.round_seconds(K, WORK, P, B=8)
    assert found.middle == pytest.approx(K * 8 * STEP + truth(28, P), rel=0.03)
    assert found.low < found.middle < found.high
    assert machine.round_seconds(K, WORK, P, B=8, d=10**6).middle > found.middle


def test_the_slowest_learner_is_waited_for():
    spread = 1 + np.random.default_rng(0).exponential(0.5, 3000)
    machine = reading.of(list(rows(spread)), ABOUT)
    K, P = 50_000, 32
    drawn = np.random.default_rng(1).choice(spread, (4000, P)).max(axis=1).mean() / np.median(spread)
    assert machine.round_seconds(K, WORK, P).middle == pytest.approx(K * STEP * drawn, rel=0.02)


def test_a_network_comes_on_top_of_an_averaging_of_more_than_one(machine):
    network = Network(latency=1e-3, bandwidth=1e8)
    assert network.seconds(8000) == pytest.approx(1.08e-3)
    for P, more in ((1, 0.0), (2, 1.08e-3)):
        plain, slow = (machine.averaging_seconds(1000, P, given) for given in (None, network))
        assert np.subtract(slow, plain) == pytest.approx([more] * 3)


def test_what_is_far_from_what_was_measured_is_said(machine):
    assert machine.notes(2) == machine.notes(1) == []
    [ranks, hosts, slowest] = machine.notes(10_000)
    assert "extrapolated from at most 2 ranks, by 12.3 doublings" in ranks
    assert "one host with 4 cores" in hosts and "tail is fitted" in slowest
    assert len(machine.notes(4)) == 1


def test_a_machine_is_numbers_that_can_be_pickled_and_is_read_back_from_its_file(machine, tmp_path):
    assert pickle.loads(pickle.dumps(machine)) == machine
    path = files.write(tmp_path, "machine", {"ranks": 2, "hosts": 1}, Benchmark.columns, list(rows()))
    read = load(path)
    assert (read.steps, read.averaging, read.spreads) == (machine.steps, machine.averaging, machine.spreads)
    assert read.about["hosts"] == "1" and read.about["cpu"]


def test_a_file_of_something_else_is_refused(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        load(tmp_path / "none.h5")
    (tmp_path / "text.h5").write_text("text")
    with pytest.raises(InputError, match="not a whole machine's file"):
        load(tmp_path / "text.h5")
    other = files.write(tmp_path, "scaling", {"ranks": 2}, Benchmark.columns, list(rows()))
    with pytest.raises(InputError, match="none that 'pavg bench machine' has written"):
        load(other)
