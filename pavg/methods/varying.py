"""Periodic averaging with a K of its own for each round."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt

from pavg.methods.base import Method


@dataclass(frozen=True)
class Varying(Method):
    """Round r = 1, 2, … has K_r local steps: from a list (its last entry repeats), or ⌈start · r^power⌉.

    Yu et al. (2019), Algorithm 2, has rounds of ⌈s^{1/3} / N⌉ steps: start = 1/N, power = 1/3.
    """

    lanes = True
    foreseen = True

    K: list[Annotated[int, Ge(1)]] | None = None
    start: Annotated[float, Gt(0)] | None = None
    power: float = 0.0

    label = "Kvar"

    def averages(self, learners, t, stop):
        if self.K is None:
            ends = _power_ends(self.start, self.power, 1 << stop.bit_length())
        else:
            ends, last = np.cumsum(np.minimum(self.K, stop + 1)), self.K[-1]
            repeated = max((t - int(ends[-1])) // last, 0) + 1
            tail = np.arange(int(ends[-1]) + repeated * last, stop + 1, last, dtype=np.int64)
            ends = np.concatenate([ends, tail])
        return ends[(ends > t) & (ends <= stop)]

    def round_of(self, t):
        if self.K is None:
            return np.searchsorted(_power_ends(self.start, self.power, 1 << int(t.max()).bit_length()), t) + 1
        ends, last = np.cumsum(np.minimum(self.K, int(t.max()) + 1)), self.K[-1]
        return np.searchsorted(ends, t) + 1 + np.maximum(t - 1 - ends[-1], 0) // last

    def conflicts(self, spec):
        if (self.K is None) == (self.start is None):
            return ["method: expected K (a list) or start (and power), one of them"]
        if self.K == []:
            return ["method.K = []: expected at least one period"]
        return []


@lru_cache(maxsize=4)
def _power_ends(start, power, stop):
    """Ticks of the ends of rounds of ⌈start · r^power⌉ steps, up to the first at or past `stop`."""
    rounds = 16
    while True:
        r = np.arange(1.0, rounds + 1)
        with np.errstate(over="ignore"):
            ends = np.cumsum(np.clip(np.ceil(start * r**power), 1, stop + 1).astype(np.int64))
        if ends[-1] >= stop:
            return ends[: np.searchsorted(ends, stop) + 1]
        rounds *= 2
