"""Slow momentum: of the common model, from round to round (BMUF, SlowMo)."""

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge, Gt, Lt

from pavg.methods.periodic import Periodic

BEGIN, MOVED = "begin", "moved"  # where this round began; Δ of the last one (of SlowMo Δ/γ)


@dataclass(frozen=True)
class SlowMomentum(Periodic):
    """Periodic averaging with momentum of the common model: what a round has moved it is carried on.

    w̄ is the average after a round that began at w', where Δ' was the move before it:

    - "bmuf" (Chen & Huo 2016, block momentum β, block learning rate α): Δ = βΔ' + α(w̄ − w'), w = w' + Δ;
    - "nesterov" (theirs, too): the same Δ, but learners go on from w' + α(w̄ − w') + βΔ, a step ahead of the
      model: that is what is evaluated;
    - "slowmo" (Wang et al. 2020): u = βu' + (w' − w̄)/γ, w = w' − αγu, with γ of the round's last local step:
      bmuf, where γ does not change.

    With β = 0 and α = 1 it is periodic averaging, to the bit. What is left over at the end of a run is
    averaged and not carried on.
    """

    buffers = (BEGIN, MOVED)

    beta: Annotated[float, Ge(0), Lt(1)] = 0.5
    alpha: Annotated[float, Gt(0)] = 1.0
    form: Literal["bmuf", "nesterov", "slowmo"] = "bmuf"

    @property
    def label(self):
        return f"{super().label}beta{self.beta:g}"

    def conflicts(self, spec):
        found = []
        if self.K == "all":
            found.append("method.K = 'all': slow momentum goes from round to round; expected a number")
        if spec.averaging == "sparse":
            found.append("averaging = 'sparse': momentum moves all coordinates; expected 'auto' or 'dense'")
        return found

    def advance(self, learners, t, stop):
        if t == 0:
            learners.shared[BEGIN][:] = learners.common()
        for end in self._ends(learners, t, stop).tolist():
            if end == stop:
                learners.rounds([end - t], rest=0)
            else:
                learners.step(end - t)
                learners.average()
            with np.errstate(over="ignore", invalid="ignore"):  # of models that diverge
                self._carry_on(learners)
            t = end
        learners.step(stop - t)

    def _carry_on(self, learners):
        begin, moved = learners.shared[BEGIN], learners.shared[MOVED]
        mean, unit = learners.common(), 1.0
        if self.form == "slowmo":
            gamma = learners.last_step_size()
            unit = np.where(gamma > 0, gamma, 1.0)  # lanes that stand still have 0
        gone, carried = mean - begin, self.beta * (unit * moved)
        delta = carried + self.alpha * gone
        if self.form == "nesterov":
            carried = self.beta * delta
        w = mean + (self.alpha - 1) * gone + carried
        moved[:] = delta / unit
        begin[:] = w
        learners.restart(w)
