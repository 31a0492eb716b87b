"""Ratios of times that were taken by turns: their median, and how sure it is."""

import numpy as np
from scipy.stats import binom

LEVEL = 0.95


def ratio(over, under):
    """The median of over/under, element by element, and its interval: columns of a row."""
    ratios = np.asarray(over) / np.asarray(under)
    low, high = interval(ratios)
    return {"ratio": float(np.median(ratios)), "ratio_low": low, "ratio_high": high}


def interval(values, level=LEVEL):
    """A distribution-free interval of the median: two order statistics that hold it with this probability.

    (x₍ₖ₎, x₍ₙ₊₁₋ₖ₎) with the largest k for which P(Binomial(n, ½) < k) ≤ (1 − level)/2; of fewer than 6
    values all that there are, which is less sure than `level`.
    """
    ordered = np.sort(values)
    k = max(1, int(binom.ppf((1 - level) / 2, len(ordered), 0.5)))
    return float(ordered[k - 1]), float(ordered[-k])
