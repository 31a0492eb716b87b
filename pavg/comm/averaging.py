"""Sums over all ranks, on one flat buffer: timed ones in training, plain ones beside it."""

from mpi4py import MPI

from pavg.comm import network
from pavg.comm.agreement import check
from pavg.comm.clocks import COMM, COMPUTE, WAIT


class Summation:
    """Sums over the ranks of a flat float64 buffer, or Allgatherv of parts: timed.

    barrier : wait for all ranks first, so that waiting and communicating are told apart; reduction : how
    ranks sum (`pavg.comm.reduction`); delay : a `pavg.delays.Network` that is injected, or None. A sum gives
    the bytes of what ranks combined.
    """

    def __init__(self, comm, clock, barrier, reduction, delay):
        self.comm, self.clock, self.barrier, self.reduction = comm, clock, barrier, reduction
        self._network = network.of(delay, comm.Get_size())

    def __call__(self, gather, flat, scatter):
        """gather() takes this rank's part, ranks sum into `flat`, scatter() uses it: all communication."""

        def exchange():
            self.reduction.reduce(self.comm, flat)
            return flat.nbytes

        return self._timed(f"average {flat.size}", gather, exchange, scatter)

    def of_parts(self, collect, buffer, sizes, offsets, spread):
        """collect() sets sizes and offsets of all ranks' parts of `buffer` and fills this rank's own.

        Ranks exchange them, spread() uses all; sizes, offsets : in bytes, int32, shape (R,).
        """

        def exchange():
            self.comm.Allgatherv(MPI.IN_PLACE, [buffer, sizes, offsets, MPI.BYTE])
            return int(sizes.sum())

        return self._timed("average parts", collect, exchange, spread)

    def _timed(self, tag, fill, exchange, use):
        self.clock.lap(COMPUTE)
        check(self.comm, tag)
        if self.barrier:
            self.comm.Barrier()
            self.clock.lap(WAIT)
        fill()
        sent = exchange()
        use()
        network.wait(self._network, sent)
        self.clock.lap(COMM)
        self.clock.round_ends(self.barrier)
        return sent


def total(comm, array):
    """Sum `array` over the ranks, in place, outside the training clock. Collective."""
    check(comm, f"total {array.size}")
    comm.Allreduce(MPI.IN_PLACE, array, MPI.SUM)
