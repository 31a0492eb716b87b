"""Who does what: balanced blocks of learners and rows, and communicators of fewer ranks."""


def block(n, size, rank):
    """(begin, end) of this rank's part of n items: balanced, in order, sizes differ by at most one."""
    share, extra = divmod(n, size)
    begin = rank * share + min(rank, extra)
    return begin, begin + share + (rank < extra)


class Worlds:
    """Communicators of R ranks each, side by side, made when first asked for and kept."""

    def __init__(self, comm):
        self.comm, self._made = comm, {}

    def of(self, R, side=1):
        """(communicator, its number) of this rank: the first `side`·R ranks, in order. Collective.

        (None, None) for the ranks that are left over.
        """
        size, rank = self.comm.Get_size(), self.comm.Get_rank()
        if R == size:
            return self.comm, 0
        number = rank // R if rank < side * R else None
        if (R, side) not in self._made:
            self._made[R, side] = self.comm.Split(side if number is None else number)
        return (None, None) if number is None else (self._made[R, side], number)

    def free(self):
        for sub in self._made.values():
            sub.Free()
        self._made.clear()
