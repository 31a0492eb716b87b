"""Who does what: balanced blocks of learners and rows, and communicators of fewer ranks."""


def block(n, size, rank):
    """(begin, end) of this rank's part of n items: balanced, in order, sizes differ by at most one."""
    share, extra = divmod(n, size)
    begin = rank * share + min(rank, extra)
    return begin, begin + share + (rank < extra)


class Worlds:
    """Communicators of the first R ranks of `comm`, made when first asked for and kept.

    `of(R)` is collective over `comm`; ranks that are not in it get None.
    """

    def __init__(self, comm):
        self.comm, self._made = comm, {}

    def of(self, R):
        if R == self.comm.Get_size():
            return self.comm
        if R not in self._made:
            sub = self.comm.Split(0 if self.comm.Get_rank() < R else 1)
            self._made[R] = sub
        return self._made[R] if self.comm.Get_rank() < R else None

    def free(self):
        for sub in self._made.values():
            sub.Free()
        self._made.clear()
