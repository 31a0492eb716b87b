"""Ranks agree, or say that they do not."""

import time

import pytest
from mpi4py import MPI

from pavg.comm.agreement import AgreedError, MismatchError, check, first_of_node, once
from pavg.comm.topology import Worlds, block
from pavg.errors import InputError

pytestmark = pytest.mark.mpi
comm = MPI.COMM_WORLD


def test_what_is_done_once_is_known_to_all():
    calls = []
    assert once(comm, lambda: calls.append(1) or "value") == "value"
    assert len(calls) == (comm.Get_rank() == 0)


def test_bad_input_on_one_rank_is_raised_on_all():
    def refuse():
        raise InputError("file: line 3")

    with pytest.raises(AgreedError, match="file: line 3"):
        once(comm, refuse)


def test_the_first_rank_of_a_node_goes_first():
    order = []
    first_of_node(comm, lambda: order.append(time.monotonic()))
    times = comm.allgather(order[0])
    assert times[0] == min(times)


def test_bad_input_on_any_rank_of_a_node_is_raised_on_all():
    def refuse():
        if comm.Get_rank() == comm.Get_size() - 1:
            raise InputError("only here")

    with pytest.raises(AgreedError, match="only here"):
        first_of_node(comm, refuse)


@pytest.mark.mpi(min_size=2)
def test_a_getter_that_hides_a_collective_is_found_out(monkeypatch):
    monkeypatch.setenv("PAVG_CHECK", "1")
    with pytest.raises(MismatchError):
        check(comm, "average" if comm.Get_rank() == 0 else "evaluate")


def test_blocks_cover_everything_once():
    size = comm.Get_size()
    for n in (0, 1, 7, 100):
        parts = [block(n, size, rank) for rank in range(size)]
        assert [i for begin, end in parts for i in range(begin, end)] == list(range(n))
        lengths = [end - begin for begin, end in parts]
        assert max(lengths) - min(lengths) <= 1


def test_a_cell_of_fewer_learners_runs_on_fewer_ranks():
    worlds = Worlds(comm)
    for R in range(1, comm.Get_size() + 1):
        world, number = worlds.of(R)
        assert (world is None) == (number is None) == (comm.Get_rank() >= R)
        assert world is None or (world.Get_size(), number) == (R, 0)
        assert world is worlds.of(R)[0]
    worlds.free()


def test_cells_side_by_side_have_ranks_of_their_own():
    worlds, size, rank = Worlds(comm), comm.Get_size(), comm.Get_rank()
    for R in range(1, size + 1):
        world, number = worlds.of(R, size // R)
        assert number == (rank // R if rank < size // R * R else None)
        assert world is None or sorted(world.allgather(rank)) == list(range(number * R, number * R + R))
    worlds.free()
