"""The slowest of P: closed forms of known spreads."""

import numpy as np
import pytest

from pavg.machine import stragglers

N = 4000


def spread(quantile, seconds=1e-3):
    """A `Spread` of N stretches with a known quantile function."""
    return stragglers.measured(seconds * quantile((np.arange(N) + 0.5) / N))


@pytest.mark.parametrize("P", [1, 2, 8, 64, 1024, 10_000])
def test_of_exponential_excess_it_is_a_harmonic_number(P):
    s = 0.2
    made = spread(lambda p: 1 - s * np.log(1 - p))
    expected = (1 + s * (1 / np.arange(1, P + 1)).sum()) / (1 + s * np.log(2))
    middle, low, high = made.largest(P)
    assert middle == pytest.approx(expected, rel=0.01) and low <= middle <= high
    assert (high > middle) == (P > N)


def test_of_two_of_a_uniform_spread_it_is_two_thirds_up():
    made = spread(lambda p: 1 + p)
    assert made.largest(1)[0] * 1.5 == pytest.approx(1.5, rel=0.01)
    assert made.largest(2)[0] * 1.5 == pytest.approx(1 + 2 / 3, rel=0.01)


def test_equal_work_that_takes_equal_time_costs_nothing():
    made = stragglers.measured(np.full(50, 3e-3))
    assert made.largest(10_000) == (1.0, 1.0, 1.0)


def test_short_stretches_are_spread_as_short_ones_were_and_others_in_between():
    short, long = spread(lambda p: 1 + p, 1e-4), spread(lambda p: 1 + 0.1 * p, 1e-2)
    least, most = long.largest(8)[0], short.largest(8)[0]
    at = [stragglers.largest([long, short], seconds, 8)[0] for seconds in (1e-6, 1e-4, 1e-3, 1e-2, 1.0)]
    assert at[:2] == [pytest.approx(most, rel=0.01)] * 2 and at[3:] == [pytest.approx(least, rel=0.01)] * 2
    assert least < at[2] < most
