"""Parallel restarted SGD as it is printed (Yu et al. 2019, Algorithm 1)."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Ge

from pavg.methods.base import BLOCK, Method


@dataclass(frozen=True)
class PRSGD(Method):
    """Where t is a multiple of I, gradients are taken at the learners' own models and applied to the average.

    x_i^t = y − γG_i^t with y the mean of all x_i^{t−1} if t mod I = 0, else x_i^t = x_i^{t−1} − γG_i^t, where
    G_i^t is taken at x_i^{t−1}: so the average x̄ obeys x̄^t = x̄^{t−1} − γ·mean(G^t), eq. (5), whatever I is.
    The first average comes after I − 1 local steps, and I = 1 is not mini-batch SGD, though footnote 6 says
    so: it takes gradients where no average has been. Periodic averaging is another recursion.
    """

    gradients = True

    I: Annotated[int, Ge(1)]  # noqa: E741 (as the paper has it)

    @property
    def label(self):
        return f"I{self.I:04d}"

    def conflicts(self, spec):
        if spec.averaging == "sparse":
            return ["averaging = 'sparse': pr-sgd applies gradients to averages; expected 'auto' or 'dense'"]
        return []

    def averages(self, learners, t, stop):
        """The ticks in which learners average, before they step."""
        return np.arange((t // self.I + 1) * self.I, stop + 1, self.I)

    def advance(self, learners, t, stop):
        while t < stop:
            alone = min(self.I - 1 - t % self.I, stop - t)  # ticks before the next one that averages
            learners.step(alone)
            t += alone
            if t < stop:
                learners.gradient()
                learners.average()
                learners.apply()
                t += 1

    def allowed(self, learners, t, stop):
        """As of all methods; local steps without averages begin after tick 0 or a multiple of I."""
        passed = stop % self.I
        blocks = -(-passed // BLOCK) * BLOCK
        return stop - passed + min(blocks, self.I - 1)
