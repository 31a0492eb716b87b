"""How sure a ratio of times is: simultaneous intervals for a table of cells, and what they say.

One family-wise level for the whole table: the chance that any of its intervals misses its ratio is at most
2 %. Every verdict is read off an interval, so no table holds a wrong verdict more often than that.
docs/compare.md says why it is made so; benchmarks/micro/compare_power.py measures it.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats

# Trimmed means lie further out than Student's t has it, the more the more cells a table has: with 0.988,
# simulated tables of 1 to 200 cells are wrong in fewer than 2 of 100 (benchmarks/micro/compare_level.py).
LEVEL = 0.988
TRIM = 10  # of so many logarithms the smallest and the largest are left out
BETTER, WORSE, SAME, UNKNOWN = "better", "worse", "no difference", "cannot tell"
LEAST = 6  # pairs: fewer say the same by chance too often where a machine has two speeds
MOST = 100_000  # repetitions: more are as good as never


@dataclass(frozen=True)
class Interval:
    """Of the ratio of B's time to A's. n : pairs, or the smaller number of runs; spread : √n times the
    standard error of the ratio's logarithm (NaN for a single pair)."""

    ratio: float
    low: float
    high: float
    n: int
    spread: float

    def verdict(self, margin):
        """BETTER, WORSE, SAME or UNKNOWN. margin : ratios from 1/(1 + margin) to 1 + margin are SAME."""
        if self.n < LEAST:
            return UNKNOWN
        if self.high <= 1 + margin and self.low >= 1 / (1 + margin):
            return SAME
        return WORSE if self.low > 1 else BETTER if self.high < 1 else UNKNOWN

    def enough(self, cells, margin):
        """About how many repetitions would tell, whatever the ratio is; None where one cannot know.

        An interval of half-width h ≤ log(1 + margin)/2 about an estimate e always tells: where |e| ≤ h
        it lies within the margin, elsewhere it leaves 1 out.
        """
        if not self.spread > 0:
            return None

        def short(n):
            return _half(self.spread / math.sqrt(n), _kept(n) - 1, cells) <= math.log1p(margin) / 2

        n = max(self.n, LEAST)
        while not short(n):
            n += max(1, n // 50)
            if n > MOST:
                return None
        return n


def paired(a, b, cells):
    """The `Interval` of B's times to A's, pair by pair: the t of Tukey and McLaughlin of the log ratios.

    a, b : (n,) seconds of the same work, of pairs; cells : how many the table has (Šidák's correction).
    """
    middle, error, freedom = _trimmed(np.log(np.asarray(b, float)) - np.log(np.asarray(a, float)))
    return _interval(middle, error, freedom, len(a), cells)


def apart(a, b, cells):
    """The same of times that were not made in pairs: the t of Yuen and Welch of the logarithms.

    a (n,), b (m,) seconds.
    """
    (one, its, freedom), (other, others, freedoms) = (_trimmed(np.log(np.asarray(x, float))) for x in (a, b))
    error, n = math.hypot(its, others), min(len(a), len(b))
    if error > 0:
        freedom = error**4 / (its**4 / freedom + others**4 / freedoms)
    return _interval(other - one, error, freedom, n, cells)


def _trimmed(x):
    """(trimmed mean, its standard error, degrees of freedom); NaN for the error of a single number.

    Of n values g = ⌊n/10⌋ are left out at each end, h = n − 2g stay: s_w √((n − 1)/(h (h − 1))), with
    the standard deviation s_w of the Winsorized values (Tukey & McLaughlin 1963; Yuen 1974).
    """
    n, g = x.size, x.size // TRIM
    if n < 2:
        return float(x.mean()), math.nan, 0
    h, ordered = _kept(n), np.sort(x)
    deviation = np.clip(x, ordered[g], ordered[n - 1 - g]).std(ddof=1)
    return float(ordered[g : n - g].mean()), float(deviation) * math.sqrt((n - 1) / (h * (h - 1))), h - 1


def _kept(n):
    return n - 2 * (n // TRIM)


def _interval(middle, error, freedom, n, cells):
    half = _half(error, freedom, cells) if n > 1 else math.inf
    high = math.exp(middle + half) if middle + half < 700 else math.inf
    return Interval(math.exp(middle), math.exp(middle - half), high, n, error * math.sqrt(n))


def _half(error, freedom, cells):
    """Half the width of one of so many intervals."""
    each = -math.expm1(math.log(LEVEL) / cells)  # Šidák: (1 − each)^cells = LEVEL
    return float(stats.t.isf(each / 2, freedom)) * error
