"""Sums over all ranks, on one flat buffer: timed ones in training, plain ones beside it."""

from mpi4py import MPI

from pavg.comm.agreement import check
from pavg.comm.clocks import COMM, COMPUTE, WAIT


class Summation:
    """Allreduce in place of a flat float64 buffer, timed; the bytes and calls are counted.

    barrier : wait for all ranks first, so that waiting and communicating are told apart.
    """

    def __init__(self, comm, clock, barrier):
        self.comm, self.clock, self.barrier = comm, clock, barrier
        self.calls, self.bytes = 0, 0

    def __call__(self, gather, flat, scatter):
        """gather() fills `flat`, ranks sum it, scatter() uses it. All three count as communication."""
        self.clock.lap(COMPUTE)
        check(self.comm, f"average {flat.size}")
        if self.barrier:
            self.comm.Barrier()
            self.clock.lap(WAIT)
        gather()
        self.comm.Allreduce(MPI.IN_PLACE, flat, MPI.SUM)
        scatter()
        self.clock.lap(COMM)
        self.clock.round_ends(self.barrier)
        self.calls += 1
        self.bytes += flat.nbytes


def total(comm, array):
    """Sum `array` over the ranks, in place, outside the training clock. Collective."""
    check(comm, f"total {array.size}")
    comm.Allreduce(MPI.IN_PLACE, array, MPI.SUM)
