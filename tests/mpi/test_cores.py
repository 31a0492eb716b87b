"""Cores that ranks are pinned to: what a library has bound them to before is kept to."""

import os

import pytest
from mpi4py import MPI

from pavg.bench.measuring import pin

pytestmark = pytest.mark.mpi
COMM = MPI.COMM_WORLD


@pytest.fixture
def cores():
    before = os.sched_getaffinity(0)
    yield before
    os.sched_setaffinity(0, before)


def test_every_rank_gets_one_core_of_its_own_as_far_as_there_are_cores(cores):
    core = pin(COMM)
    assert os.sched_getaffinity(0) == {core} and core in cores
    pinned = COMM.allgather((core, tuple(sorted(cores))))
    if len({allowed for _, allowed in pinned}) == 1:
        assert len({core for core, _ in pinned}) == min(len(cores), COMM.Get_size())
