"""How sure a ratio of times is: simultaneous intervals for a table of cells, and what they say.

One family-wise level for the whole table: the chance that any of its intervals misses its ratio is at most
1 − LEVEL. Every verdict is read off the interval, so that no verdict of the table is wrong more often.
docs/compare.md says why it is made so; benchmarks/micro/compare_power.py measures it.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats

LEVEL = 0.98
BETTER, WORSE, SAME, UNKNOWN = "better", "worse", "no difference", "cannot tell"
MOST = 100_000  # repetitions: more are as good as never


@dataclass(frozen=True)
class Interval:
    """Of the ratio of B's time to A's. n : pairs, or the smaller number of runs; spread : the standard
    deviation that one pair adds to the logarithm (NaN for a single one)."""

    ratio: float
    low: float
    high: float
    n: int
    spread: float

    def verdict(self, margin):
        """BETTER, WORSE, SAME or UNKNOWN. margin : ratios from 1/(1 + margin) to 1 + margin are SAME."""
        if self.high <= 1 + margin and self.low >= 1 / (1 + margin):
            return SAME
        return WORSE if self.low > 1 else BETTER if self.high < 1 else UNKNOWN

    def enough(self, cells, margin):
        """About how many repetitions would tell, whatever the ratio is; None where one cannot know.

        An interval of half-width h ≤ log(1 + margin)/2 about an estimate e tells always: where |e| ≤ h
        it lies within the margin, else it leaves 1 out.
        """
        if not self.spread > 0:
            return None
        wanted, n, step = math.log1p(margin) / 2, 2, MOST
        while step:
            if n + step <= MOST and _half(self.spread, n + step - 1, n + step, cells) > wanted:
                n += step
            step //= 2
        return n + 1


def paired(a, b, cells):
    """The `Interval` of B's times to A's, pair by pair: Student's t of the log ratios.

    a, b : (n,) seconds of the same work, of pairs; cells : how many the table has (Šidák's correction).
    """
    logs = np.log(np.asarray(b, float)) - np.log(np.asarray(a, float))
    n = logs.size
    spread = float(logs.std(ddof=1)) if n > 1 else math.nan
    return _interval(float(logs.mean()), spread, n - 1, n, cells)


def apart(a, b, cells):
    """The same of times that were not made in pairs: Welch's t of the logarithms. a (n,), b (m,) seconds."""
    logs = [np.log(np.asarray(times, float)) for times in (a, b)]
    n = min(map(len, logs))
    middle = float(logs[1].mean() - logs[0].mean())
    if n < 2:
        return _interval(middle, math.nan, 0, n, cells)
    parts = [x.var(ddof=1) / x.size for x in logs]
    error = sum(parts)
    freedom = [part**2 / (x.size - 1) for part, x in zip(parts, logs, strict=True)]
    freedom = error**2 / sum(freedom) if sum(freedom) else n - 1
    return _interval(middle, math.sqrt(error * n), freedom, n, cells)


def _interval(middle, spread, freedom, n, cells):
    half = _half(spread, freedom, n, cells) if n > 1 else math.inf
    high = math.exp(middle + half) if half < 700 else math.inf
    return Interval(math.exp(middle), math.exp(middle - half), high, n, spread)


def _half(spread, freedom, n, cells):
    """Half the width of the interval of a mean of n logarithms, one of so many."""
    each = -math.expm1(math.log(LEVEL) / cells)  # Šidák: (1 − each)^cells = LEVEL
    return float(stats.t.isf(each / 2, freedom)) * spread / math.sqrt(n)
