"""Sums over all ranks, on one flat buffer: timed ones in training, plain ones beside it."""

from mpi4py import MPI

from pavg.comm.agreement import check
from pavg.comm.clocks import COMM, COMPUTE, WAIT


class Summation:
    """Sums over the ranks of a flat float64 buffer, timed; its bytes and the calls are counted.

    barrier : wait for all ranks first, so that waiting and communicating are told apart; reduction : how
    ranks sum (`pavg.comm.reduction`).
    """

    def __init__(self, comm, clock, barrier, reduction):
        self.comm, self.clock, self.barrier, self.reduction = comm, clock, barrier, reduction
        self.calls, self.bytes = 0, 0

    def __call__(self, gather, flat, scatter):
        """gather() takes this rank's part, ranks sum into `flat`, scatter() uses it: all communication."""
        self.clock.lap(COMPUTE)
        check(self.comm, f"average {flat.size}")
        if self.barrier:
            self.comm.Barrier()
            self.clock.lap(WAIT)
        gather()
        self.reduction.reduce(self.comm, flat)
        scatter()
        self.clock.lap(COMM)
        self.clock.round_ends(self.barrier)
        self.calls += 1
        self.bytes += flat.nbytes


def total(comm, array):
    """Sum `array` over the ranks, in place, outside the training clock. Collective."""
    check(comm, f"total {array.size}")
    comm.Allreduce(MPI.IN_PLACE, array, MPI.SUM)
