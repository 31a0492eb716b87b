"""Samples until a loss, for each K, from pilots: how a curve goes on, and what drift costs.

A round of K-AVG goes down by what its mean gradient is worth, less what drift takes: from L-smoothness,

    E F(w̄⁺) ≤ F(w̄) − γ/2·‖∇F(w̄)‖² + γ/2·L²·D_K + terms without K,   D_K = mean ‖w_i − w̄‖²

(Yu et al. 2019, (7) to (11)). So K costs a factor r_K = 1/(1 − a·θ_K) of samples, θ_K = D_K/‖∇F‖², with
a ≤ L² in the worst case. What a is here, the pilots tell: all K share it.
"""

from dataclasses import dataclass

import numpy as np

LEAST = 1.02  # a factor around what the reference's curve gives, at least
ENOUGH = 0.95  # a·θ beyond which samples are not bounded any more
TAIL = 10.0  # the last part of a curve, a factor of samples, that is fitted
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
    """A loss over samples, F(n) = f + A·n^(−p) over its last decade, where it is fitted.

    samples, loss : (n,), as seen; a `floor` is a loss that cannot be passed.
    """

    def __init__(self, samples, loss, floor=None):
        self.samples, self.loss = samples, np.minimum.accumulate(loss)
        tail = samples >= samples[-1] / TAIL
        n, F = np.log(samples[tail]), loss[tail]
        fall = max(F[0] - F.min(), 1e-12 * abs(F[0]) + 1e-300)
        ends = F.min() - GAPS * fall
        if floor is not None:
            ends = np.append(ends[ends > floor], floor) if F.min() > floor else np.array([F.min() - fall])
        fits = [(f, *_line(n, np.log(F - f))) for f in ends]
        misses = np.array([np.mean((F - f - np.exp(slope * n + offset)) ** 2) for f, slope, offset in fits])
        self._best = fits[int(np.argmin(misses))]
        self._like = [fit for fit, miss in zip(fits, misses, strict=True) if miss <= LIKE * misses.min()]
        self.end = self._best[0]

    def at(self, loss):
        """Samples at which a loss is reached: seen, or, further on, fitted. Infinity: never."""
        if loss >= self.loss[-1]:
            first = int(np.argmax(self.loss <= loss))
            if first == 0:
                return float(self.samples[0])
            return _between(loss, self.loss[first - 1 : first + 1], self.samples[first - 1 : first + 1])
        return self._further(loss, self._best)

    def between(self, loss):
        """(fewest, most) samples for a loss that was not seen, of all ends that fit nearly as well."""
        found = [self._further(loss, fit) for fit in self._like]
        return min(found), max(found)

    def _further(self, loss, fit):
        end, slope, offset = fit
        if loss <= end or slope >= 0:
            return np.inf
        return float(max(np.exp((np.log(loss - end) - offset) / slope), self.samples[-1]))


def _line(x, y):
    """(slope, offset) of a straight line through points."""
    slope, offset = np.polyfit(x, y, 1) if x.size > 1 else (0.0, y[0])
    return float(slope), float(offset)


def _between(loss, losses, samples):
    """Samples at a loss between two evaluations, straight in the logarithm of samples."""
    part = (losses[0] - loss) / (losses[0] - losses[1])
    return float(samples[0] * (samples[1] / samples[0]) ** part)


def to_target(pilot, target, floor=None):
    """`Range` of samples until a loss as K = 1 gets there.

    The interval holds where the curve gets there with any end that fits nearly as well. Besides, a curve that
    is cut at half of its length forecasts its own end: what it is wrong by, for a doubling, is taken for each
    doubling that is left, and never less than `LEAST` allows.
    """
    whole = Curve(pilot.samples, pilot.loss, floor)
    middle = whole.at(target)
    if middle <= pilot.samples[-1]:
        return Range(middle, middle / LEAST, middle * LEAST)
    if not np.isfinite(middle):
        return Range(np.inf, float(pilot.samples[-1]), np.inf)
    half = pilot.samples <= pilot.samples[-1] / 2
    known = Curve(pilot.samples[half], pilot.loss[half], floor)
    there = whole.loss[-1]
    wrong = abs(np.log(known.at(there) / pilot.samples[-1]))
    doublings = np.log2(middle / pilot.samples[-1])
    factor = np.exp(min(max(wrong * (1.0 + doublings), np.log(LEAST)), 50.0))
    fewest, most = whole.between(target)
    return Range(middle, float(max(fewest / factor, pilot.samples[-1])), float(most * factor))


@dataclass(frozen=True)
class Drift:
    """What drift costs, as the pilots tell.

    a : `Range`; gradient : ‖∇F‖² at the target; known : log K of the pilots, ascending; spread : log D_K of
    these; diverged : the least K that did, or infinity
    """

    a: Range
    gradient: float
    known: np.ndarray
    spread: np.ndarray
    diverged: float = np.inf

    def of(self, K):
        """D_K: between pilots straight in logarithms, beyond the last one as its last two go on."""
        if K == 1:
            return 0.0
        x, (k, D) = np.log(K), (self.known, self.spread)
        if k.size == 1:
            return float(np.exp(D[0] + (x - k[0])))
        j = int(np.clip(np.searchsorted(k, x) - 1, 0, k.size - 2))
        return float(np.exp(D[j] + (D[j + 1] - D[j]) * (x - k[j]) / (k[j + 1] - k[j])))

    def factor(self, K):
        """`Range` of r_K at the target."""
        if K == 1:
            return Range(1.0, 1.0, 1.0)
        if K >= self.diverged:
            return Range(np.inf, np.inf, np.inf)
        theta = self.of(K) / self.gradient if self.gradient > 0 else np.inf
        return Range(*(_slower(a * theta) for a in (self.a.middle, self.a.low, self.a.high)))


def _slower(share):
    return 1.0 / (1.0 - share) if share < ENOUGH else np.inf


def drift(pilots, target, floor=None):
    """The `Drift` of pilots, the first of which has K = 1."""
    one, *others = pilots
    diverged = min((pilot.K for pilot in others if not pilot.whole), default=np.inf)
    others = [pilot for pilot in others if pilot.K < diverged]
    if not others:
        return Drift(Range(0.0, 0.0, 0.0), 1.0, np.zeros(1), np.zeros(1), diverged)
    curve = Curve(one.samples, one.loss, floor)
    a = np.array([_cost(curve, pilot) for pilot in others])  # (K, [a, its error])
    weight = 1.0 / a[:, 1] ** 2
    middle = float(np.sum(weight * a[:, 0]) / weight.sum())
    # of pilots that agree, what they know together; of pilots that do not, how far they are apart
    apart = np.sum(weight * (a[:, 0] - middle) ** 2) / max(len(a) - 1, 1)
    error = 2.0 * float(np.sqrt(max(apart, 1.0) / weight.sum()))
    around = Range(max(middle, 0.0), max(middle - error, 0.0), max(middle + error, 0.0))
    known = np.log([pilot.K for pilot in others])
    spread = np.log([max(_last(pilot.drift), 1e-300) for pilot in others])
    return Drift(around, _gradient(one, curve, target), known, spread, diverged)


def _last(values):
    """What the end of a curve is about: the median of its last three."""
    return float(np.median(values[-3:]))


def _cost(curve, pilot):
    """(a, its standard error) of one pilot: how much later than K = 1 it is at its last losses."""
    last = slice(-min(5, pilot.loss.size), None)
    late = 1.0 - np.array([curve.at(F) for F in pilot.loss[last]]) / pilot.samples[last]
    late = np.clip(np.where(np.isfinite(late), late, 0.0), -1.0, ENOUGH)
    theta = _last(pilot.drift) / max(_last(pilot.gradient), 1e-300)
    error = max(float(np.std(late)), np.log(LEAST)) / np.sqrt(2.0)
    return float(np.median(late)) / theta, error / theta


def _gradient(one, curve, target):
    """‖∇F‖² at the target: it falls with F − f, in a power that the pilot's last decade tells."""
    if target >= curve.loss[-1]:
        return float(np.interp(-target, -curve.loss, one.gradient))
    if target <= curve.end:
        return 0.0
    tail = (one.samples >= one.samples[-1] / TAIL) & (one.loss > curve.end) & (one.gradient > 0)
    slope, offset = _line(np.log(one.loss[tail] - curve.end), np.log(one.gradient[tail]))
    return float(np.exp(offset + max(slope, 0.0) * np.log(target - curve.end)))
