"""What a paper says, and what its experiments give here: agrees, differs, undecided, or cannot be run.

A rule turns numbers into a `Finding`. Intervals have a level of 99 %; a printed number that has no error
is taken as one run of the paper's, with the spread of one run here, and as rounded to its last digit.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import stats

AGREES, DIFFERS, UNDECIDED, CANNOT = "agrees", "differs", "undecided", "cannot be run here"
LEVEL = 0.99
FAR = 3.0  # combined standard errors


@dataclass(frozen=True)
class Finding:
    """measured : the number, with its interval; verdict : one of the four; why : in a sentence."""

    measured: str
    verdict: str
    why: str = ""


@dataclass(frozen=True)
class Claim:
    """A sentence of a paper that states a result.

    where : section or figure; says : its words; printed : its number, "" for none; needs : names of the
    experiments that `test` looks at, which is given their results.
    """

    where: str
    says: str
    printed: str
    needs: tuple[str, ...]
    test: Callable[..., Finding]

    def judged(self, results):
        """The `Finding` on the results of a paper's experiments; those that are not there are named."""
        missing = [f"{name}: {results.missing[name]}" for name in self.needs if name in results.missing]
        if missing:
            return Finding("", CANNOT, "; ".join(missing))
        try:
            return self.test(*(results[name] for name in self.needs))
        except KeyError as missing:  # a sweep that was interrupted
            return Finding("", CANNOT, f"runs are missing: {missing}")


def mean(values):
    """(mean, its standard error, n) of numbers that do not depend on each other."""
    values = np.asarray(values, float)
    n = values.size
    return float(values.mean()), float(values.std(ddof=1) / math.sqrt(n)) if n > 1 else math.inf, n


def interval(values):
    """(mean, low, high) by Student's t at `LEVEL`; infinite where there are fewer than two values."""
    middle, error, n = mean(values)
    half = float(stats.t.isf((1 - LEVEL) / 2, n - 1)) * error if n > 1 else math.inf
    return middle, middle - half, middle + half


def number(values, printed, rounding):
    """Whether the mean of runs is a printed number, to three combined standard errors.

    values : (n,) of single runs; printed : the paper's; rounding : a unit of its last digit.
    """
    middle, error, n = mean(values)
    spread = error * math.sqrt(n)
    apart, allowed = abs(middle - printed), FAR * math.hypot(error, spread, rounding / math.sqrt(12))
    told = f"{middle:.4g} ± {error:.2g} (standard error, {n:,} runs)"
    why = f"{apart:.2g} from the printed number; three combined standard errors, one run of the paper's "
    return Finding(told, AGREES if apart <= allowed else DIFFERS, f"{why}assumed: {allowed:.2g}")


def below(a, b, paired, what="difference"):
    """Whether a is smaller than b in the mean.

    a, b : (n,), (m,) of single runs; paired : whether they belong together by their places; what : a − b
    is called.
    """
    a, b = np.asarray(a, float), np.asarray(b, float)
    if paired:
        middle, low, high = interval(a - b)
    else:
        (one, its, n), (other, others, m) = mean(a), mean(b)
        error = math.hypot(its, others)
        freedom = error**4 / (its**4 / (n - 1) + others**4 / (m - 1)) if error > 0 else min(n, m) - 1
        half = float(stats.t.isf((1 - LEVEL) / 2, freedom)) * error
        middle, low, high = one - other, one - other - half, one - other + half
    return Finding(f"{what} {middle:.3g} ({low:.3g} … {high:.3g})", _sign(low, high), _counted(a, b, paired))


def ratio(a, b, more_than=1.0, printed=None):
    """Whether a/b, of pairs, is above a number (or about a printed one, within its interval).

    a, b : (n,), positive; their ratios' logarithms are averaged. Where some a or b is infinite (never), what
    is known is said, and nothing decided.
    """
    a, b = np.asarray(a, float), np.asarray(b, float)
    known = np.isfinite(a) & np.isfinite(b)
    if not known.all():
        return Finding("", UNDECIDED, f"{(~known).sum()} of {known.size} runs did not get there")
    middle, low, high = (math.exp(x) for x in interval(np.log(a) - np.log(b)))
    told = f"{middle:.3g} times ({low:.3g} … {high:.3g})"
    if printed is not None:
        verdict = AGREES if low <= printed <= high else DIFFERS
    else:
        verdict = _sign(math.log(more_than / high), math.log(more_than / low))
    return Finding(told, verdict, _counted(a, b, True))


def equivalent(values, margins, told, times=False):
    """Whether a mean lies within margins, by its interval; for margins that were fixed beforehand.

    Agrees where the whole interval is inside, so that both one-sided tests reject; differs where it is
    outside; else undecided.
    values : (n,), of runs that do not depend on each other; margins : (low, high); told : a sentence with {}
    for the mean and its interval; times : values are ratios, whose logarithms are averaged.
    """
    values = np.asarray(values, float)
    if values.size < 2:
        return Finding("", UNDECIDED, f"{values.size} runs")
    found = interval(np.log(values) if times else values)
    middle, low, high = map(math.exp, found) if times else found
    least, most = margins
    verdict = AGREES if least < low and high < most else DIFFERS if low > most or high < least else UNDECIDED
    why = f"{values.size} runs; interval at {LEVEL * 100:g} %; agrees within {least:.3g} … {most:.3g}"
    return Finding(told.format(f"{middle:.3g} ({low:.3g} … {high:.3g})"), verdict, why)


def equal(differences, tolerance, of):
    """Whether numbers are equal up to rounding. differences : relative ones; of : what they are."""
    most = float(np.max(np.abs(differences)))
    verdict = AGREES if most <= tolerance else DIFFERS
    return Finding(f"{of} differ by {most:.1e} at most", verdict, f"allowed for rounding: {tolerance:.0e}")


def _sign(low, high):
    return AGREES if high < 0 else DIFFERS if low > 0 or low == high else UNDECIDED  # low = high: surely 0


def _counted(a, b, paired):
    seeds = f"{len(a)} pairs by seed" if paired else f"{len(a):,} and {len(b):,} runs"
    return f"{seeds}; interval at {LEVEL * 100:g} %"
