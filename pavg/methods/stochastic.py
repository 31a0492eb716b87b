"""Stochastic averaging (Zhang et al. 2016, section 2.3)."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Ge, Lt

from pavg.methods.base import Method

AHEAD = 4096


@dataclass(frozen=True)
class Stochastic(Method):
    """At each time step one coin for all learners: an averaging with probability ζ, else a local step.

    A tick is a time step: in T of them there are about ζT averagings and (1 − ζ)T local steps.
    """

    lanes = True

    zeta: Annotated[float, Ge(0), Lt(1)]

    @property
    def label(self):
        return f"zeta{self.zeta:g}"

    def averages(self, learners, t, stop):
        return t + 1 + np.flatnonzero(learners.coin(t, stop) < self.zeta)

    def advance(self, learners, t, stop):
        ends = self.averages(learners, t, stop)
        steps = np.diff(ends, prepend=t) - 1  # the last tick of each stretch is the averaging
        learners.rounds(steps, rest=stop - (int(ends[-1]) if ends.size else t))

    def ticks_for(self, learners, steps):
        t = done = 0
        while True:
            local = np.cumsum(learners.coin(t, t + AHEAD) >= self.zeta)
            if done + local[-1] >= steps:
                return t + int(np.searchsorted(local, steps - done)) + 1
            t, done = t + AHEAD, done + int(local[-1])
