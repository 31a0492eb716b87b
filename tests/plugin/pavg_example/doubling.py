"""Rounds that double in length."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Ge

from pavg.methods.base import Method


@dataclass(frozen=True)
class Doubling(Method):
    """Learners average after first, 2·first, 4·first … local steps, and at the end."""

    first: Annotated[int, Ge(1)] = 1

    @property
    def label(self):
        return f"doubling{self.first}"

    def averages(self, learners, t, stop):
        ends = self.first * 2 ** np.arange(int(stop).bit_length())
        return ends[(ends > t) & (ends <= stop)]
