"""Medians of ratios and their intervals."""

import numpy as np
import pytest
from scipy.stats import binom

from pavg.bench.ratios import interval, ratio


@pytest.mark.parametrize("n", range(1, 6))
def test_of_fewer_than_six_values_the_interval_holds_all(n):
    assert interval(np.roll(np.arange(n), 2)) == (0, n - 1)


@pytest.mark.parametrize("n", range(6, 60))
def test_it_holds_the_median_with_the_level_asked_for_and_no_narrower_one_does(n):
    low, high = interval(np.random.default_rng(n).permutation(n))
    assert binom.cdf(low, n, 0.5) <= 0.025 < binom.cdf(low + 1, n, 0.5) and high == n - 1 - low


def test_it_covers_the_median_of_skewed_times_as_often_as_it_says():
    draws = np.random.default_rng(0).exponential(size=(4000, 11))
    covered = [low <= np.log(2) <= high for low, high in map(interval, draws)]
    assert np.mean(covered) == pytest.approx(1 - 2 * binom.cdf(1, 11, 0.5), abs=0.01)


def test_a_ratio_is_taken_in_each_turn_before_the_median():
    assert ratio([2, 9, 8], [1, 3, 8]) == {"ratio": 2.0, "ratio_low": 1.0, "ratio_high": 3.0}
    drifting = np.geomspace(1, 1e6, 11)
    assert ratio(3 * drifting, drifting) == {
        name: pytest.approx(3.0) for name in ("ratio", "ratio_low", "ratio_high")
    }
