"""Rounds in which some learners do more local steps than others."""

from bisect import bisect_left
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Ge

from pavg.methods.base import Method


@dataclass(frozen=True)
class Heterogeneous(Method):
    """Learner i does I_i local steps a round, then all average, each with the same weight.

    Yu et al. 2019, Algorithm 3. A tick is a round. I : of learners 0, 1, …; a shorter list is gone through
    again. Step and batch sizes follow each learner's own count of steps; equal I_i are periodic averaging.
    """

    lanes = True
    alike = False
    label = "Ivar"

    I: list[Annotated[int, Ge(1)]]  # noqa: E741 (as the paper has it)

    def conflicts(self, spec):
        found = []
        if not self.I or len(self.I) > spec.P:
            found.append(f"method.I: {len(self.I)} numbers of steps; expected 1 to P = {spec.P}")
        if spec.averaging == "sparse":
            found.append("averaging = 'sparse': learners draw unequal numbers; expected 'auto' or 'dense'")
        return found

    def averages(self, learners, t, stop):
        return np.arange(t + 1, stop + 1)

    def advance(self, learners, t, stop):
        learners.rounds_of_each(np.tile(self._steps(learners.ids), (stop - t, 1)))

    def ticks_seeing(self, learners, samples):
        lengths, count = np.unique(self._steps(range(learners.spec.P)), return_counts=True)

        def seen(t):
            each = [learners.schedule.seen(int(t * n)) for n in lengths]
            return int(np.dot(each, count))

        most = 1
        while seen(most) < samples:
            most *= 2
        return bisect_left(range(most), samples, lo=most // 2, key=seen)

    def _steps(self, ids):
        return np.array([self.I[i % len(self.I)] for i in ids], np.int64)
