"""The training clock: where the seconds of a rank go, a round and an interval at a time."""

import numpy as np
from mpi4py import MPI

COMPUTE, COMM, WAIT = 0, 1, 2
PHASES = ("compute", "comm", "wait")


class Clock:
    """Seconds of local steps (compute), of combining (comm) and in barriers (wait), on this rank.

    It runs between `start` and `stop`; `lap(phase)` books all since the last mark to a phase, so
    that the phases add up to the time that the clock ran. `stop` ends with a barrier, booked as
    waiting: else a stop in mid-round would hide that this rank waits for a slower one.
    """

    def __init__(self):
        self.total = 0.0  # training seconds so far
        self._mark = None
        self._round = np.zeros(3)
        self.clear()

    def clear(self):
        """Begin a new interval between evaluations."""
        self.seconds = np.zeros(3)
        self.least, self.most = np.full(3, np.nan), np.full(3, np.nan)

    def state(self):
        """All of it, as 13 numbers."""
        return np.concatenate([[self.total], self.seconds, self.least, self.most, self._round])

    def restore(self, state):
        self.total = float(state[0])
        self.seconds, self.least, self.most, self._round = state[1:].reshape(4, 3).copy()

    def start(self):
        self._mark = MPI.Wtime()

    def lap(self, phase):
        now = MPI.Wtime()
        spent, self._mark = now - self._mark, now
        self.total += spent
        self.seconds[phase] += spent
        self._round[phase] += spent

    def round_ends(self, waits_known):
        """The open round is over: keep the smallest and largest. Unknown waiting stays NaN."""
        if not waits_known:
            self._round[WAIT] = np.nan
        self.least = np.fmin(self.least, self._round)
        self.most = np.fmax(self.most, self._round)
        self._round[:] = 0.0

    def stop(self, comm):
        """Collective over `comm`."""
        self.lap(COMPUTE)
        comm.Barrier()
        self.lap(WAIT)
        self._round[WAIT] = 0.0  # a stop's barrier belongs to the interval, not to the round
        self._mark = None
