"""Rounds in which some learners do more local steps than others."""

from bisect import bisect_left
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt

from pavg.errors import InputError
from pavg.methods.base import Method
from pavg.records.reading import arrays, names, opened

MOST = 1 << 22  # numbers of steps, of rounds and learners, that a result keeps


@dataclass(frozen=True)
class Heterogeneous(Method):
    """Learner i does I_i local steps a round, then all average, each with the same weight.

    Yu et al. 2019, Algorithm 3. A tick is a round. Step and batch sizes follow each learner's own count of
    steps; equal I_i are periodic averaging.

    - I : steps of learners 0, 1, …; a shorter list is gone through again;
    - seconds : instead, each steps for so long, and a faster one does more. The result holds what each did in
      each round, `round_steps`;
    - replay : instead, a result's file, whose rounds are done again: on any number of ranks, to the bit.
    """

    lanes = True
    alike = False

    I: list[Annotated[int, Ge(1)]] | None = None  # noqa: E741 (as the paper has it)
    seconds: Annotated[float, Gt(0)] | None = None
    replay: str | None = None

    @property
    def label(self):
        if self.replay is not None:
            return "Ireplay"
        return "Ivar" if self.seconds is None else f"I{self.seconds:g}s"

    @property
    def clocked(self):
        return self.seconds is not None

    def conflicts(self, spec):
        found = []
        if spec.averaging == "sparse":
            found.append("averaging = 'sparse': learners draw unequal numbers; expected 'auto' or 'dense'")
        if sum(one is not None for one in (self.I, self.seconds, self.replay)) != 1:
            return [*found, "method: expected I (a list), seconds or replay, one of them"]
        if self.I is not None and not 1 <= len(self.I) <= spec.P:
            found.append(f"method.I: {len(self.I)} numbers of steps; expected 1 to P = {spec.P}")
        if self.seconds is not None:
            found += self._bounds(spec)
        if self.replay is not None:
            found += self._missing(spec)
        return found

    def _bounds(self, spec):
        stop, most = spec.stop, MOST // spec.P
        if stop.samples is not None or stop.epochs is not None:
            return [
                "stop: with method.seconds, samples hang on the clock; expected steps (rounds) or seconds"
            ]
        limits = [stop.steps, None if stop.seconds is None else stop.seconds / self.seconds]
        rounds = min((limit for limit in limits if limit is not None), default=0)
        if rounds > most:
            return [f"stop: {rounds:.3g} rounds; what each learner does is kept of at most {most}"]
        return []

    def _missing(self, spec):
        try:
            rounds, P = _recorded(self.replay).shape
        except InputError as error:
            return [f"method.replay: {error}"]
        if P != spec.P:
            return [f"method.replay: {self.replay} has {P} learners; expected P = {spec.P}"]
        if spec.stop.steps is None or spec.stop.steps > rounds:
            return [f"stop.steps: expected at most {rounds}, the rounds of {self.replay}"]
        return []

    def averages(self, learners, t, stop):
        return np.arange(t + 1, stop + 1)

    def advance(self, learners, t, stop):
        if self.seconds is not None:
            learners.rounds_within(self.seconds, stop - t)
        elif self.replay is not None:
            learners.rounds_of_each(_recorded(self.replay)[t:stop, learners.ids])
        else:
            learners.rounds_of_each(np.tile(self._steps(learners.spec.P)[learners.ids], (stop - t, 1)))

    def ticks_seeing(self, learners, samples):
        P, most = learners.spec.P, 1
        steps, counts = np.unique(self._steps(P), return_counts=True) if self.replay is None else (None, None)

        def seen(t):
            if steps is None:
                each, count = _recorded(self.replay)[:t].sum(axis=0), np.ones(P, int)
            else:
                each, count = t * steps, counts
            return int(np.dot([learners.schedule.seen(int(n)) for n in each], count))

        end = learners.spec.stop.steps or np.inf  # of a replay, there are no more
        while seen(most) < samples and most < end:
            most *= 2
        return bisect_left(range(most), samples, lo=most // 2, key=seen)

    def _steps(self, P):
        return np.array([self.I[i % len(self.I)] for i in range(P)], np.int64)


@lru_cache(maxsize=2)
def _recorded(path):
    """`round_steps` of a result, (rounds, P). InputError where there is none."""
    with opened(path) as file:
        if "round_steps" not in names(file):
            raise InputError(f"{path}: no round_steps; expected the result of heterogeneous with seconds")
        return arrays(file, ["round_steps"])["round_steps"]
