"""A delay that is injected into averages: seconds of the clock alone, in compiled rounds as by hand."""

import numpy as np
import pytest
from mpi4py import MPI

from pavg import learners as module
from pavg.comm import network
from pavg.delays import Network
from tests.building import learners_of, sparse_samples
from tests.mpi.test_rounds import assert_same, trained

pytestmark = pytest.mark.mpi
comm = MPI.COMM_WORLD
R = comm.Get_size()
LATENCY, BANDWIDTH = 2e-3, 1e6
LOGISTIC = {"problem": {"name": "logistic", "l2": 0.01}, "P": R}
SPARSE = LOGISTIC | {"store": sparse_samples()}
CASES = {
    "dense": (LOGISTIC, "compiled"),
    "dense, by hand": (LOGISTIC, "reference"),
    "touched coordinates": (SPARSE | {"averaging": "sparse"}, "compiled"),
    "touched coordinates, by hand": (SPARSE | {"averaging": "sparse"}, "reference"),
    "in one order": (LOGISTIC | {"reduction": "reproducible"}, "compiled"),
    "momentum": (LOGISTIC | {"momentum": 0.9, "momentum_at_average": "average"}, "compiled"),
}


@pytest.mark.parametrize("case", CASES)
def test_each_average_takes_latency_and_its_bytes_longer(case, monkeypatch):
    keys, loop = CASES[case]
    monkeypatch.setenv("PAVG_ROUNDS", loop)
    delayed = learners_of(comm, **keys, network={"latency": LATENCY, "bandwidth": BANDWIDTH})
    delayed.clock.start()
    delayed.rounds([3, 0, 2], 0)
    if R > 1:
        least = 3 * LATENCY + delayed.bytes / BANDWIDTH
        assert delayed.bytes > 0 and delayed.clock.seconds[module.COMM] >= least
        assert delayed.clock.least[module.COMM] >= LATENCY


@pytest.mark.parametrize("case", CASES)
def test_it_changes_no_model(case, monkeypatch):
    keys, loop = CASES[case]
    monkeypatch.setenv("PAVG_ROUNDS", loop)
    assert_same(*(trained(learners_of(comm, **keys, **given), [3, 0, 2]) for given in ({}, {"network": {}})))


def test_averages_of_gradients_and_buffers_are_delayed_too():
    learners = learners_of(comm, **LOGISTIC, network={"latency": LATENCY})
    learners.clock.start()
    learners.average(learners.G)
    assert R == 1 or learners.clock.seconds[module.COMM] >= LATENCY


def test_a_delay_is_kept_to_whether_a_rank_sleeps_or_not():
    for seconds in (1e-5, network.NEAR, 3 * network.NEAR, 0.01):
        given = network.of(Network(latency=seconds / 2, bandwidth=2 / seconds), 2)
        began = MPI.Wtime()
        network.wait(given, 1)
        assert MPI.Wtime() - began >= seconds * (1 - 1e-9)


def test_one_rank_sends_nothing_and_waits_for_nothing():
    assert network.of(Network(latency=1.0), 1) == network.of(None, 2) == (0, 0.0, 0.0)
    np.testing.assert_allclose(network.of(Network(latency=0.5, bandwidth=4.0), 2)[1:], [0.5, 0.25])
