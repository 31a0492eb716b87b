"""Sums over all learners, on all ranks: in MPI's order, or in one order whatever the number of ranks.

Both have `gather(W, weights, flat, begin, d)`: this rank's learners, on their way to columns begin …
begin + d − 1 of a sum of flat.size columns; and `reduce(comm, flat)`: flat ← Σ weights[l]·W[l] over the
learners of all ranks. `compiled`: whether compiled rounds sum in this way.
"""

import numpy as np
from mpi4py import MPI

from pavg.comm.topology import block

SMALL = 1 << 12  # numbers of all ranks' partial sums up to which every rank adds up all of them


class AnyOrder:
    """This rank's learners in their order, then Allreduce: last bits hang on ranks and MPI library.

    gather : `pavg.kernels.combine.gather`
    """

    compiled = True

    def __init__(self, gather):
        self.gather = gather

    def reduce(self, comm, flat):
        comm.Allreduce(MPI.IN_PLACE, flat, MPI.SUM)

    def parts(self, comm, n):
        """[(begin, end)]: the rows, of n, whose sums on this rank are added up as if of its learners."""
        return [block(n, comm.Get_size(), comm.Get_rank())]


class FixedOrder:
    """A binary tree of learners: their pairs, pairs of these, and so on; the same additions for any ranks.

    A rank adds up the subtrees that it hosts whole: one for P/R learners if that is a power of two, never
    more than 2·log₂(P/R) + 2. These partial sums are all that is exchanged: short ones with everybody, of
    long ones a block of columns with each rank, which adds them up and gives away the sum. Numbers a rank
    sends, for one subtree: d, or 2d(R − 1)/R.

    P : learners, in balanced blocks over the ranks; fold : `pavg.kernels.combine.fold`
    """

    compiled = False

    def __init__(self, comm, P, fold):
        R, r = comm.Get_size(), comm.Get_rank()
        blocks = [block(P, R, rank) for rank in range(R)]
        made = [merges(begin, [1] * (end - begin)) for begin, end in blocks]
        self.P, self.fold, self.learners = P, fold, range(*blocks[r])
        self._nodes = np.array([len(left) for _, left in made])  # partial sums of each rank
        self._own = made[r][0]
        self._all, left = merges(0, [size for _, sizes in made for size in sizes])
        self._all[-1] += len(left) - 1  # what has no sibling in the tree: from the right
        self._ones = np.ones(self._all.size)
        self._rank, self._kept = r, {}

    def gather(self, W, weights, flat, begin, d):
        exchange = self._exchange(flat.size)
        self.fold(W, weights, self._own, exchange.bounds, begin, d, exchange.sent)

    def reduce(self, comm, flat):
        exchange = self._exchange(flat.size)
        partial = exchange.run(comm)
        width = partial.shape[1]
        mine = flat if exchange.whole else exchange.mine
        self.fold(partial, self._ones, self._all, np.array([0, width]), 0, width, mine)
        if not exchange.whole:
            comm.Allgatherv(exchange.mine, [flat, exchange.widths, MPI.DOUBLE])

    def parts(self, comm, n):
        """[(begin, end)]: the rows, of n, that stand for this rank's learners: P blocks for any ranks."""
        return [block(n, self.P, learner) for learner in self.learners]

    def _exchange(self, columns):
        if columns not in self._kept:
            self._kept[columns] = _Exchange(self._nodes, self._rank, columns)
        return self._kept[columns]


class _Exchange:
    """Buffers for partial sums of so many columns: this rank's `sent`, by blocks of columns with `bounds`.

    nodes : partial sums of each rank; whole : every rank gets all columns, not its block alone.
    """

    def __init__(self, nodes, rank, columns):
        R = nodes.size
        self.whole = R == 1 or nodes.sum() * columns <= SMALL
        ends = [columns] if self.whole else [block(columns, R, r)[1] for r in range(R)]
        self.bounds = np.array([0, *ends])
        self.widths = np.diff(self.bounds)
        self.mine = np.empty(self.widths[0 if self.whole else rank])
        self.sent = np.empty(nodes[rank] * columns)
        self._received = np.empty((nodes.sum(), self.mine.size))
        self._to, self._from = nodes[rank] * self.widths, nodes * self.mine.size

    def run(self, comm):
        """The partial sums of all ranks, in the order of learners, of the columns that are added up here."""
        if self._from.size == 1:
            return self.sent.reshape(self._received.shape)
        received = [self._received, self._from, MPI.DOUBLE]
        if self.whole:
            comm.Allgatherv(self.sent, received)
        else:
            comm.Alltoallv([self.sent, self._to, MPI.DOUBLE], received)
        return self._received


def merges(begin, sizes):
    """How a stack of partial sums grows: (merges after each is pushed, sizes of those that are left).

    The partial sums are of `sizes` learners each, one after the other from learner `begin` on. Merged are
    the two topmost, as long as they are the halves of one subtree: 2^h learners from a multiple of 2^h on.
    """
    stack, counts = [], np.zeros(len(sizes), np.int64)
    for k, size in enumerate(sizes):
        stack.append((begin, size))
        begin += size
        while len(stack) > 1 and stack[-2][1] == stack[-1][1] and stack[-2][0] % (2 * stack[-1][1]) == 0:
            first, half = stack[-2]
            stack[-2:] = [(first, 2 * half)]
            counts[k] += 1
    return counts, [size for _, size in stack]
