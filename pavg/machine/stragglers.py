"""How much longer the slowest of P learners takes than usual, from measured spreads of equal work.

The seconds of a stretch of local steps over their median, X, have a distribution; a round waits for the
largest of P of them, E max = ∫ Q(y^(1/P)) dy over 0 < y < 1, with Q their quantile function. Below the tail Q
is that of the measured stretches; in the tail, X exceeds its beginning by an exponential with the mean excess
that was measured (as peaks over a threshold do, Pickands 1975, with shape 0). So E max grows with log P.
"""

from dataclasses import dataclass

import numpy as np

LEVELS = 100  # quantiles that are kept
TAIL = 0.9  # where the tail begins
POINTS = 4096  # of the integral


@dataclass(frozen=True)
class Spread:
    """Of stretches that take about so many seconds. quantiles : of X, at (k + ½)/LEVELS; excess : mean, in
    the tail; stretches : how many were measured."""

    seconds: float
    quantiles: tuple[float, ...]
    excess: float
    stretches: int

    def largest(self, P):
        """(E max of P, low, high): low as if nothing were longer than what was measured, high with twice the
        excess where P asks for more than there were stretches."""
        y = (np.arange(POINTS) + 0.5) / POINTS
        p = -np.expm1(np.log(y) / P)  # 1 − y^(1/P)
        seen = np.interp(1 - p, (np.arange(LEVELS) + 0.5) / LEVELS, self.quantiles)
        beyond = np.maximum(np.log((1 - TAIL) / p), 0.0) * self.excess
        begins = np.quantile(self.quantiles, TAIL)
        middle = np.where(p < 1 - TAIL, begins + beyond, seen)
        wider = self.excess * np.log(P / self.stretches) if P > self.stretches else 0.0
        low = min(seen.mean(), middle.mean())
        return float(middle.mean()), float(low), float(middle.mean() + wider)


def measured(stretches):
    """`Spread` of the seconds of stretches of equal work, of all ranks together."""
    stretches = np.asarray(stretches, float)
    X = stretches / np.median(stretches)
    quantiles = np.quantile(X, (np.arange(LEVELS) + 0.5) / LEVELS)
    begins = np.quantile(quantiles, TAIL)
    excess = np.maximum(X[begins <= X] - begins, 0.0).mean()
    return Spread(float(np.median(stretches)), tuple(quantiles.tolist()), float(excess), stretches.size)


def largest(spreads, seconds, P):
    """`Spread.largest` for stretches of so many seconds: on lines over their logarithm."""
    known = sorted(spreads, key=lambda spread: spread.seconds)
    found = np.array([spread.largest(P) for spread in known])
    at = np.log([spread.seconds for spread in known])
    return tuple(float(np.interp(np.log(seconds), at, column)) for column in found.T)
