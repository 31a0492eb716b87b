"""Downpour SGD (Dean et al. 2012), the asynchronous baseline of Zhou & Cong (2018)."""

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from annotated_types import Gt

from pavg.methods.asynchronous import Asynchronous


@dataclass(frozen=True)
class Downpour(Asynchronous):
    """Learners push the sum of K local updates to a centre, x̃ ← x̃ + scale·Δ, and go on from it.

    Δ = x − (the centre as it was pulled last). Dean et al. 2012, section 4.1 and Algorithm 7.1, with
    n_push = n_fetch = K and a plain step at the server. Zhou & Cong leave the server's rule open: scale = 1
    adds up the learners' work, "1/P" averages it.
    """

    scale: Annotated[float, Gt(0)] | Literal["1/P"] = 1.0

    def send(self, x, kept, message):
        np.subtract(x, kept, out=message)

    def serve(self, centre, message, P):
        if self.scale != 1.0:
            message *= 1.0 / P if self.scale == "1/P" else self.scale
        centre += message
        message[:] = centre

    def receive(self, x, kept, message):
        x[:] = kept[:] = message
