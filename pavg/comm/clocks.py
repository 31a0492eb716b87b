"""The training clock: where the seconds of a rank go, a round and an interval at a time."""

import numpy as np
from mpi4py import MPI

COMPUTE, COMM, WAIT = PHASES = range(3)
TOTAL, MARK = 0, 13  # of a clock's numbers; between them seconds, least, most and the open round, by phase


def slowly(slow, work, *arguments):
    """work(*arguments), and then busy until that has taken `slow` times as long (1: as it is)."""
    if slow == 1.0:
        return work(*arguments)
    began = MPI.Wtime()
    made = work(*arguments)
    until = began + slow * (MPI.Wtime() - began)
    while MPI.Wtime() < until:
        pass
    return made


class Clock:
    """Seconds of local steps (compute), of combining (comm) and in barriers (wait), on this rank.

    It runs between `start` and `stop`; `lap(phase)` books all since the last mark to a phase, so
    that the phases add up to the time that the clock ran. `stop` ends with a barrier, booked as
    waiting: else a stop in mid-round would hide that this rank waits for a slower one.
    """

    def __init__(self):
        self.numbers = np.zeros(14)  # compiled code keeps them too
        self.numbers[MARK] = np.nan
        rows = self.numbers[1:13].reshape(4, 3)
        self.seconds, self.least, self.most, self._round = rows
        self.clear()

    @property
    def total(self):
        """Training seconds so far."""
        return float(self.numbers[TOTAL])

    @total.setter
    def total(self, seconds):
        self.numbers[TOTAL] = seconds

    @property
    def real(self):
        """Seconds of this machine that it ran."""
        return self.total

    def clear(self):
        """Begin a new interval between evaluations."""
        self.seconds[:] = 0.0
        self.least[:] = self.most[:] = np.nan

    def state(self):
        """All of it but the mark, as 13 numbers."""
        return self.numbers[:MARK].copy()

    def restore(self, state):
        self.numbers[:MARK] = state

    def start(self):
        self.numbers[MARK] = MPI.Wtime()

    def lap(self, phase):
        now = MPI.Wtime()
        spent, self.numbers[MARK] = now - self.numbers[MARK], now
        self.numbers[TOTAL] += spent
        self.seconds[phase] += spent
        self._round[phase] += spent

    def round_ends(self, waits_known):
        """The open round is over: keep the smallest and largest. Unknown waiting stays NaN."""
        if not waits_known:
            self._round[WAIT] = np.nan
        np.fmin(self.least, self._round, out=self.least)
        np.fmax(self.most, self._round, out=self.most)
        self._round[:] = 0.0

    def stop(self, comm):
        """Collective over `comm`."""
        self.lap(COMPUTE)
        comm.Barrier()
        self.lap(WAIT)
        self._round[WAIT] = 0.0  # a stop's barrier belongs to the interval, not to the round
        self.numbers[MARK] = np.nan  # a lap before the next start would be seen
