"""Periodic averaging with a K of its own for each round."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt

from pavg.methods.base import Method


@dataclass(frozen=True)
class Varying(Method):
    """Round r = 1, 2, … has K_r local steps: from a list (its last entry repeats), or ⌈start · r^power⌉."""

    K: list[Annotated[int, Ge(1)]] | None = None
    start: Annotated[float, Gt(0)] | None = None
    power: float = 0.0

    label = "Kvar"

    def averages(self, learners, t, stop):
        ends = self._ends(stop)
        return ends[(ends > t) & (ends <= stop)]

    def _ends(self, stop):
        """Ticks of the ends of the first rounds, up to the first at or past `stop`."""
        rounds = 16
        while True:
            r = np.arange(1, rounds + 1)
            if self.K is not None:
                lengths = np.minimum(np.array(self.K)[np.minimum(r, len(self.K)) - 1], stop + 1)
            else:
                with np.errstate(over="ignore"):
                    lengths = np.clip(np.ceil(self.start * r**self.power), 1, stop + 1).astype(np.int64)
            ends = np.cumsum(lengths)
            if ends[-1] >= stop:
                return ends
            rounds *= 2

    def conflicts(self, spec):
        if (self.K is None) == (self.start is None):
            return ["method: expected K (a list) or start (and power), one of them"]
        if self.K == []:
            return ["method.K = []: expected at least one period"]
        return []
