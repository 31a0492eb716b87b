"""Steps to a loss with K = 1, from short runs whose curves are known."""

import numpy as np
import pytest

from pavg.advisor.samples import Curve

N = np.geomspace(16, 1e5, 40)


def falling(n, end=0.3, power=0.5):
    """F(n) = f + n^(−p)."""
    return end + n**-power


@pytest.mark.parametrize("power", [0.3, 0.5, 1.0, 2.0])
def test_a_power_law_is_gone_on_with_to_where_it_is_at_the_loss(power):
    curve = Curve(N, falling(N, 0.3, power), floor=0.3)
    for n in (1e3, 1e5, 1e6, 1e7):
        assert curve.at(falling(n, 0.3, power)) == pytest.approx(n, rel=0.02)


@pytest.mark.parametrize("power", [0.3, 1.0])
def test_its_slope_is_that_of_the_power_law(power):
    curve = Curve(N, falling(N, 0.3, power), floor=0.3)
    for n in (3e4, 1e6):
        assert curve.fall(n) == pytest.approx(power * n ** (-power - 1), rel=0.05)


@pytest.mark.parametrize("power", [0.3, 1.0])
def test_a_part_grows_as_the_mean_of_the_inverse_falls(power):
    """A step's loss that stays, over a fall that shrinks: summed up step by step."""
    curve = Curve(N, falling(N, 0.3, power), floor=0.3)
    n, until = 5e4, 2e5
    steps = np.arange(int(until))
    parts = np.where(steps < n, 1.0, [curve.fall(n) / curve.fall(max(step, n)) for step in steps])
    assert curve.growth(n, until) == pytest.approx(parts.mean(), rel=1e-3)
    assert curve.growth(n, n / 2) == 1.0


def test_chance_in_a_curve_is_no_progress():
    """Losses that go up and down lie around the curve that never rises, not under it."""
    up_and_down = falling(N) + 0.005 * (-1.0) ** np.arange(N.size)
    assert Curve(N, up_and_down).at(falling(3e3)) == pytest.approx(3e3, rel=0.2)


def test_a_loss_below_the_end_of_a_curve_is_never_reached():
    assert Curve(N, falling(N)).at(0.2) == np.inf
    assert Curve(N, falling(N)).until(0.2).middle == np.inf


def test_what_was_seen_is_known_and_what_was_not_hangs_on_how_far_it_is():
    near, far, further = (Curve(N, falling(N)).until(falling(n)) for n in (5e4, 4e5, 3e6))
    assert near.middle == pytest.approx(5e4, rel=0.01) and near.high < 1.03 * near.middle
    for found, n in ((far, 4e5), (further, 3e6)):
        assert found.low <= n <= found.high
    assert 1 < near.high / near.low <= far.high / far.low < further.high / further.low


def test_a_curve_that_bends_is_told_by_its_own_forecast():
    """Two power laws after each other: the first half foretells the end wrongly."""
    bent = np.where(N < 3e4, falling(N, 0.0, 0.5), falling(3e4, 0.0, 0.5) * (N / 3e4) ** -0.1)
    straight = Curve(N, falling(N, 0.0), 0.0).until(falling(1e6, 0.0))
    found = Curve(N, bent, 0.0).until(0.8 * bent[-1])
    assert found.high / found.low > 2 * straight.high / straight.low
