"""What asynchronous methods are: what a learner sends, what a server answers, as pure functions."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Ge
from numpy.typing import NDArray

from pavg.methods.base import Method

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Asynchronous(Method):
    """Base: after K local steps a learner sends a message to the servers that keep the centre x̃, and goes on
    from what they answer; nobody waits for other learners.

    `send`, `serve` and `receive` work in place on flat float64 buffers of one shape, entry by entry, so
    that S servers may each serve a block of them. A tick is over when all learners together have made P
    more local steps that the centre has taken in: steps, samples and epochs mean what they mean for
    `periodic`. A run is cut between two updates only.
    """

    asynchronous = True
    alike = False

    K: Annotated[int, Ge(1)]
    servers: Annotated[int, Ge(1)] = 1

    @property
    def label(self):
        return f"{self.name}-K{self.K:04d}"

    def send(self, x: Vector, kept: Vector, message: Vector) -> None:
        """message ← what a learner at x sends. kept : what `receive` left there; w0 at first."""
        raise NotImplementedError

    def serve(self, centre: Vector, message: Vector, P: int) -> None:
        """The centre takes in a message of one of P learners, which becomes the answer."""
        raise NotImplementedError

    def receive(self, x: Vector, kept: Vector, message: Vector) -> None:
        """x ← where the learner goes on, after an answer."""
        raise NotImplementedError

    def conflicts(self, spec):
        found = [
            f"{key} = {value!r}: {self.name} {why}"
            for key, value, meant, why in (
                ("weights", spec.weights, ("equal",), "averages nothing; expected 'equal'"),
                ("averaging", spec.averaging, ("auto", "dense"), "sends whole models; expected 'dense'"),
                ("barrier", spec.barrier, (False,), "waits for nobody; expected false"),
                (
                    "momentum_at_average",
                    spec.momentum_at_average,
                    ("keep", "reset"),
                    "keeps momentum to each learner; expected 'keep' or 'reset'",
                ),
                ("evaluate.learners", spec.evaluate.learners, (None,), "evaluates the centre; expected none"),
            )
            if value not in meant
        ]
        if spec.clock is not None and spec.R not in (None, 1):
            found.append(f"R = {spec.R}: virtual time of {self.name} passes on one rank; expected R = 1")
        if spec.clock is None and spec.measure == "losses":
            found.append(
                f"measure = 'losses': those of {self.name} hang on times; expected 'times', or [clock], "
                "virtual time"
            )
        if spec.clock is None and spec.R not in (None, spec.P):
            found.append(
                f"R = {spec.R}: learners of {self.name} are ranks of their own; expected R = P = {spec.P}, "
                "or [clock], virtual time"
            )
        return found

    # --- ticks -------------------------------------------------------------------------------

    def updates(self, P: int, t: int) -> int:
        """How many updates have reached the centre when tick t is over."""
        return -(-t * P // self.K)

    def averages(self, learners, t, stop):
        """Ticks that end K local steps of everybody, on average: as many updates as learners."""
        return np.arange(t // self.K + 1, stop // self.K + 1) * self.K

    def allowed(self, learners, t, stop):
        P = learners.spec.P
        return self.updates(P, stop) * self.K // P

    def advance(self, learners, t, stop):
        learners.serve(self.updates(learners.spec.P, stop))
