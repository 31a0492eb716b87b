"""Periodic model averaging: K-AVG, local SGD, parallel restarted SGD with equal rounds."""

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge

from pavg.methods.base import Method


@dataclass(frozen=True)
class Periodic(Method):
    """K local steps, then average, and a last average at the end.

    Zhang et al. 2016, eq. (3); Zhou & Cong 2018, Algorithm 1; Yu et al. 2019, Algorithm 3 with equal I_i.
    K = 1 is mini-batch averaging, K = "all" one-shot averaging. warmup : local steps without
    averaging before the first round: the first average comes after warmup + K steps.
    """

    lanes = True
    foreseen = True

    K: Annotated[int, Ge(1)] | Literal["all"]
    warmup: Annotated[int, Ge(0)] = 0

    @property
    def label(self):
        return "Kall" if self.K == "all" else f"K{self.K:04d}"

    def averages(self, learners, t, stop):
        if self.K == "all":
            return np.empty(0, np.int64)
        first = max((t - self.warmup) // self.K, 0) + 1
        return np.arange(self.warmup + first * self.K, stop + 1, self.K)

    def round_of(self, t):
        if self.K == "all":
            return np.ones(t.shape, np.int64)
        return np.maximum((t - 1 - self.warmup) // self.K, 0) + 1

    def conflicts(self, spec):
        if self.K == "all" and self.warmup:
            return ["method.warmup: has no meaning with K = 'all'; expected 0"]
        return []
