"""Seconds to a loss over K, the K that is advised, and what would change it."""

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

from pavg.advisor.drift import Drift
from pavg.advisor.samples import Range
from pavg.machine import Seconds

MOST = 2.0  # regret to be expected of a K that is advised, at most
FURTHER = 2.0  # samples that are needed over those of the whole run, at most
LONGER = (1.0, 1.5, 2.25)  # what may be needed, over what a fit gives: it tends to be too little
SLACK = 0.01  # of a round, which do not make one more
NEVER = 20.0  # regret that counts for a K that does not get to the loss


@dataclass(frozen=True)
class Choice:
    """One K. samples : until the loss, of all learners; slower : factor r_K in them; round : seconds of one;
    seconds : until the loss, of whole rounds; regret : expected, of these over those of the best K."""

    K: int
    samples: Range
    slower: Range
    round: Seconds
    seconds: Range
    regret: float


@dataclass(frozen=True)
class Advice:
    """choices : in the order of K; best : the one that is advised, None: don't know, for the reason `why`."""

    choices: tuple[Choice, ...]
    best: Choice | None
    why: str = ""

    @property
    def neighbours(self):
        """The choices next to the best one."""
        at = self.choices.index(self.best)
        return [self.choices[k] for k in (at - 1, at + 1) if 0 <= k < len(self.choices)]


def advise(
    step: int, whole: float, needed: Range, drift: Drift, round_of: Callable[[int], Seconds]
) -> Advice:
    """The `Advice` of K = 1, 2, 4, 8 …, as long as a round is no more than what the loss may take.

    step : samples of all learners in a local step; whole : of the run; needed : samples until the loss with
    K = 1; round_of : K → seconds of a round. That K is advised whose seconds, over those of the best K, are
    least in the mean of the cases: of r_K, middle, low and high, and of `needed`, as it is and longer, as far
    as its interval goes. All K share `needed`, but for the rounds that it makes.
    """
    if needed.middle > FURTHER * whole:
        return Advice((), None, "the pilots do not tend to the loss: the whole run may not get there")
    longer = [factor for factor in LONGER if factor == 1.0 or factor * needed.middle <= needed.high]
    periods = [2**k for k in range(int(math.log2(max(longer[-1] * needed.middle / step, 1.0))) + 1)]
    slower = {K: drift.factor(K) for K in periods}
    rounds = {K: round_of(K) for K in periods}
    regret = dict.fromkeys(periods, 0.0)
    cases = list(itertools.product(longer, ("middle", "low", "high")))
    for factor, case in cases:
        samples = {K: factor * needed.middle * getattr(slower[K], case) for K in periods}
        taken = {K: _rounds(samples[K], step * K) * rounds[K].middle for K in periods}
        least = min(taken.values())
        regret = {K: regret[K] + min(taken[K] / least, NEVER) / len(cases) for K in periods}
    needs = {K: needed * slower[K] for K in periods}
    found = tuple(
        Choice(K, needs[K], slower[K], rounds[K], _seconds(needs[K], step * K, rounds[K]), regret[K])
        for K in periods
    )
    best = min(found, key=lambda choice: (choice.regret, choice.K))
    if best.regret <= MOST:
        return Advice(found, best)
    why = f"K = {best.K} would have an expected regret of {best.regret:.2g}"
    return Advice(found, None, f"{why}: the pilots leave open what drift costs (--pilots)")


def _rounds(samples, of_round):
    return max(math.ceil(samples / of_round - SLACK), 1) if math.isfinite(samples) else math.inf


def _seconds(samples, of_round, seconds):
    """Of whole rounds. What both leave open is independent: their logarithms add in quadrature."""
    middle = _rounds(samples.middle, of_round) * seconds.middle
    if not math.isfinite(middle):
        return Range(math.inf, _rounds(samples.low, of_round) * seconds.low, math.inf)
    low = math.hypot(
        math.log(samples.middle / samples.low), math.log(seconds.middle / max(seconds.low, 1e-300))
    )
    if not math.isfinite(samples.high):
        return Range(middle, middle * math.exp(-low), math.inf)
    high = math.hypot(math.log(samples.high / samples.middle), math.log(seconds.high / seconds.middle))
    return Range(middle, middle * math.exp(-low), middle * math.exp(high))
