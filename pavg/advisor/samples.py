"""Samples until a loss with K = 1, from a pilot: how its curve goes on."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import isotonic_regression

LEAST = 1.02  # a factor around what the curve gives, at least
TAIL = 5.0  # the last part of a curve, a factor of steps, that is fitted
LIKE = 4.0  # mean squares of what a fit misses, over those of the best one, that are no worse than it
GAPS = np.geomspace(1e-4, 1e2, 241)  # where a curve may end, in falls of its last part


@dataclass(frozen=True)
class Range:
    """A number and what it may be instead; infinity: never."""

    middle: float
    low: float
    high: float

    def __mul__(self, other):
        return Range(self.middle * other.middle, self.low * other.low, self.high * other.high)


class Curve:
    """A loss over steps: monotone through what was seen, beyond it F(n) = f + A·n^(−p).

    steps, loss : (n,), as seen, without the start. Between them the least squares of all curves that never
    rise; the power is fitted to the last part. A `floor` is a loss that cannot be passed.
    """

    def __init__(self, steps, loss, floor=None):
        self.steps, self._seen, self._floor = np.asarray(steps, float), np.asarray(loss), floor
        blocks = isotonic_regression(loss, increasing=False)
        n, parts = np.log(self.steps), list(zip(blocks.blocks[:-1], blocks.blocks[1:], strict=True))
        self._at = np.array([n[begin:end].mean() for begin, end in parts])  # log of steps
        self._loss = np.array([blocks.x[begin] for begin, _ in parts])
        tail = self.steps >= self.steps[-1] / TAIL
        self._fit(floor, n[tail], self._seen[tail])

    def _fit(self, floor, n, F):
        fall = max(F[0] - F.min(), 1e-12 * abs(F[0]) + 1e-300)
        ends = F.min() - GAPS * fall
        if floor is not None:
            ends = np.append(ends[ends > floor], floor) if F.min() > floor else np.array([F.min() - fall])
        fits = [(f, *_line(n, np.log(F - f))) for f in ends]
        misses = np.array([np.mean((F - f - np.exp(slope * n + offset)) ** 2) for f, slope, offset in fits])
        self._best = fits[int(np.argmin(misses))]
        self._like = [fit for fit, miss in zip(fits, misses, strict=True) if miss <= LIKE * misses.min()]

    @property
    def last(self):
        """The loss at its end, chance apart."""
        return float(self._loss[-1])

    def at(self, loss):
        """Steps at which a loss is reached: seen, or, further on, fitted. Infinity: never."""
        if loss >= self.last:
            return float(np.exp(np.interp(-loss, -self._loss, self._at)))
        return self._further(loss, self._best)

    def until(self, loss):
        """`Range` of steps until a loss.

        The interval holds where the curve gets there with any end that fits nearly as well. Besides, a curve
        that is cut at half of its length forecasts its own end: what it is wrong by, for a doubling, is taken
        for each doubling that is left, and never less than `LEAST` allows.
        """
        middle, seen = self.at(loss), float(self.steps[-1])
        if middle <= seen:
            return Range(middle, middle / LEAST, middle * LEAST)
        fewest, likely, most = self.between(loss)
        middle = middle if np.isfinite(middle) else likely
        if not np.isfinite(middle):
            return Range(np.inf, seen, np.inf)
        half = self.steps <= seen / 2
        known = Curve(self.steps[half], self._seen[half], self._floor)
        wrong = abs(np.log(known.at(self.last) / seen))
        doublings = np.log2(middle / seen)
        factor = np.exp(min(max(wrong * (1.0 + doublings), np.log(LEAST)), 50.0))
        return Range(middle, float(max(fewest / factor, seen)), float(most * factor))

    def between(self, loss):
        """(fewest, middle, most) steps for a loss that was not seen, of all ends that fit nearly as well.

        middle : the median of those that get there; infinity where none does
        """
        found = np.array([self._further(loss, fit) for fit in self._like])
        there = found[np.isfinite(found)]
        return found.min(), float(np.median(there)) if there.size else np.inf, found.max()

    def fall(self, n):
        """−dF/dn after n steps, of the fitted part; 0 of one that does not fall."""
        _, slope, offset = self._best
        return float(max(-slope, 0.0) * np.exp(offset + (slope - 1.0) * np.log(n)))

    def growth(self, n, until):
        """By what a part that is lost after n steps grows `until` later ones, if a step loses the same.

        The fall is s(n') = s(n)·(n/n')^(1+p), and the part of all steps until x·n that is lost, over that of
        those until n, (1 + (x^(2+p) − 1)/(2 + p))/x.
        """
        x, p = max(until / n, 1.0), max(-self._best[1], 0.0)
        return float((1.0 + (x ** (2.0 + p) - 1.0) / (2.0 + p)) / x)

    def _further(self, loss, fit):
        end, slope, offset = fit
        if loss <= end or slope >= 0:
            return np.inf
        return float(max(np.exp((np.log(loss - end) - offset) / slope), self.steps[-1]))


def _line(x, y):
    """(slope, offset) of a straight line through points."""
    slope, offset = np.polyfit(x, y, 1) if x.size > 1 else (0.0, y[0])
    return float(slope), float(offset)
