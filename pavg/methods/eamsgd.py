"""Elastic averaging SGD (Zhang, Choromanska & LeCun 2015), with momentum: EAMSGD."""

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Gt, Le

from pavg.methods.asynchronous import Asynchronous


@dataclass(frozen=True)
class EAMSGD(Asynchronous):
    """After K local steps an elastic force draws learner and centre together: x ← x − e, x̃ ← x̃ + e.

    e = α(x − x̃), α = beta/P, or alpha. Zhang, Choromanska & LeCun 2015, Algorithms 1 and 2, whose
    exchange comes before a local step that τ = K divides: the same but for their first one, of no
    effect. Momentum is the specification's `momentum`, of each learner, v ← μv + g, w ← w − γv: theirs is
    Nesterov's. Without it this is asynchronous EASGD.
    """

    beta: Annotated[float, Gt(0)] = 0.9
    alpha: Annotated[float, Gt(0), Le(1)] | None = None

    def send(self, x, kept, message):
        message[:] = x

    def serve(self, centre, message, P):
        message -= centre
        message *= self.beta / P if self.alpha is None else self.alpha
        centre += message

    def receive(self, x, kept, message):
        x -= message

    def conflicts(self, spec):
        found = super().conflicts(spec)
        if self.alpha is None and self.beta > spec.P:
            found.append(f"method.beta = {self.beta}: α = beta/P is above 1; expected at most P = {spec.P}")
        if self.alpha is not None and self.beta != 0.9:
            found.append("method: expected alpha or beta, one of them")
        return found
