"""Step sizes and batch sizes over time.

A schedule is a function of the local step t = 1, 2, … and of the epochs passed before it: samples
that all learners have seen, over the size of the training set (0 for problems without samples).
"""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from annotated_types import Ge, Gt
from numpy.typing import NDArray

from pavg.registry import Component
from pavg.spec import lanes_for

AHEAD, MOST = 4096, 65536  # entries that a window holds at least and at most


class StepSize(Component):
    """Base of the step sizes."""

    lanes: ClassVar[int] = 1

    def at(self, t: NDArray[np.int64], epochs: NDArray[np.float64]) -> NDArray[np.float64]:
        """γ of the local steps t = 1, 2, …, before each of which so many epochs had passed: of t's shape."""
        raise NotImplementedError

    def within(self, method: Any) -> "StepSize":
        """This step size in a run of a method: another one where it counts the method's rounds."""
        return self


class BatchSize(Component):
    """Base of the batch sizes."""

    def at(self, t: NDArray[np.int64]) -> NDArray[np.int64]:
        """B of the local steps t = 1, 2, …: of t's shape, each at least 1."""
        raise NotImplementedError


@dataclass(frozen=True)
class Constant(StepSize):
    """γ, the same at every step."""

    value: Annotated[float, Gt(0)]

    def at(self, t, epochs):
        return np.full(t.shape, self.value)


@dataclass(frozen=True)
class Inverse(StepSize):
    """γ_t = α / (t + d) (Zhang et al. 2016, section 3.1)."""

    alpha: Annotated[float, Gt(0)]
    d: Annotated[float, Ge(0)] = 0.0

    def at(self, t, epochs):
        return self.alpha / (t + self.d)


@dataclass(frozen=True)
class Power(StepSize):
    """γ_t = γ / t^power; with unit = "rounds", t is the round that a step belongs to.

    Yu et al. (2019), Algorithm 2: γ0·N / s^{2/3} in round s, for rounds of ⌈s^{1/3} / N⌉ steps.
    """

    gamma: Annotated[float, Gt(0)]
    power: Annotated[float, Gt(0)]
    unit: Literal["steps", "rounds"] = "steps"

    def at(self, t, epochs):
        return self.gamma / t**self.power

    def within(self, method):
        return InRounds(self, method) if self.unit == "rounds" else self

    def conflicts(self, spec):
        if self.unit == "rounds" and not spec.method.foreseen:
            return [f"step_size.unit = 'rounds': {spec.method.name} counts none beforehand; expected 'steps'"]
        return []


@dataclass(frozen=True)
class InverseSqrt(StepSize):
    """γ_t = γ / √t."""

    gamma: Annotated[float, Gt(0)]

    def at(self, t, epochs):
        return Power(self.gamma, 0.5).at(t, epochs)


@dataclass(frozen=True)
class Decay(StepSize):
    """γ times `factor` for each point passed: those listed in `at_points`, or every `every`.

    Points count epochs or steps, as `unit` says.
    """

    gamma: Annotated[float, Gt(0)]
    factor: Annotated[float, Gt(0)]
    at_points: list[Annotated[float, Gt(0)]] | None = None
    every: Annotated[float, Gt(0)] | None = None
    unit: Literal["epochs", "steps"] = "epochs"

    def at(self, t, epochs):
        clock = epochs if self.unit == "epochs" else t - 1
        if self.every is not None:
            passed = np.floor(clock / self.every)
        else:
            passed = np.searchsorted(np.sort(self.at_points), clock, side="right")
        return self.gamma * self.factor**passed

    def conflicts(self, spec):
        if (self.at_points is None) == (self.every is None):
            return ["step_size: decay: expected at_points or every, one of them"]
        return []


@dataclass(frozen=True)
class ConstantBatch(BatchSize):
    """B samples, the same at every step."""

    value: Annotated[int, Ge(1)]

    def at(self, t):
        return np.full(t.shape, self.value, np.int64)


@dataclass(frozen=True)
class GrowingBatch(BatchSize):
    """B_t = ⌈start · t^power⌉, at most `most` (Zhou & Cong 2018, Theorem 3.2, lets B grow)."""

    start: Annotated[float, Gt(0)] = 1.0
    power: Annotated[float, Gt(0)] = 0.5
    most: Annotated[int, Ge(1)] = 1_000_000

    def at(self, t):
        return np.minimum(np.ceil(self.start * t**self.power), self.most).astype(np.int64)


class InRounds(StepSize):
    """A step size whose t is the round of `method` that a local step belongs to."""

    def __init__(self, step_size, method):
        self.step_size, self.method = step_size, method

    def at(self, t, epochs):
        return self.step_size.at(self.method.round_of(t), epochs)


class SideBySide(StepSize):
    """Several step sizes, one a lane: `at` gives (t's length, lanes). Lanes that are left over have 0."""

    def __init__(self, step_sizes):
        self.step_sizes, self.lanes, self.frozen = step_sizes, lanes_for(len(step_sizes)), set()

    def at(self, t, epochs):
        gammas = np.zeros((t.size, self.lanes))
        for lane, step_size in enumerate(self.step_sizes):
            if lane not in self.frozen:
                gammas[:, lane] = step_size.at(t, epochs)
        return gammas

    def within(self, method):
        self.step_sizes = [step_size.within(method) for step_size in self.step_sizes]
        return self


class Schedule:
    """Both schedules as arrays that kernels read, computed a window ahead.

    n : rows of the training set (0 if there are none); P : learners, who share the epochs.
    """

    def __init__(self, step_size, batch_size, n, P):
        self.step_size, self.batch_size, self.n, self.P = step_size, batch_size, n, P
        self._constant = isinstance(step_size, Constant) and isinstance(batch_size, ConstantBatch)
        self._first, self._gammas, self._batches = 1, np.empty(0), np.empty(0, np.int64)

    def window(self, step, samples, n):
        """(step sizes, batch sizes, first) for the steps step, step + 1, … and how many of them there are.

        step : the next local step, from 1; samples : what one learner has seen before it; n : steps wanted.
        """
        n = min(n, MOST)
        if self._constant and n <= len(self._gammas):
            self._first = step  # every window is the same
        if not (self._first <= step and step + max(n, 1) <= self._first + len(self._gammas)):
            t = np.arange(step, step + max(n, AHEAD))
            self._batches = self.batch_size.at(t)
            seen = samples + np.cumsum(self._batches) - self._batches
            epochs = seen * self.P / self.n if self.n else np.zeros(t.shape)
            self._first, self._gammas = step, np.ascontiguousarray(self.step_size.at(t, epochs), np.float64)
        first = step - self._first
        return (self._gammas, self._batches, first), min(n, len(self._gammas) - first)

    def freeze(self, lane):
        """From now on a lane's step size is 0: its models stand still."""
        self.step_size.frozen.add(lane)
        self._gammas = np.empty(0)  # the next window is made anew

    def seen(self, steps):
        """Samples that one learner has seen after so many local steps."""
        if isinstance(self.batch_size, ConstantBatch):
            return steps * self.batch_size.value
        parts = range(1, steps + 1, MOST)
        return sum(int(self.batch_size.at(np.arange(t, min(t + MOST, steps + 1))).sum()) for t in parts)

    def steps_for(self, samples):
        """Local steps after which all learners together have seen `samples`."""
        if isinstance(self.batch_size, ConstantBatch):
            return -(-samples // (self.P * self.batch_size.value))
        steps, seen = 0, 0
        while True:
            total = self.P * np.cumsum(self.batch_size.at(np.arange(steps + 1, steps + MOST + 1))) + seen
            if total[-1] >= samples:
                return steps + int(np.searchsorted(total, samples)) + 1
            steps, seen = steps + MOST, int(total[-1])
