"""Samples to a loss, from short runs whose curves are known."""

import numpy as np
import pytest

from pavg.advisor.pilots import Pilot
from pavg.advisor.samples import Curve, drift, to_target

N = np.geomspace(16, 1e5, 40)


def falling(n, end=0.3, power=0.5):
    """F(n) = f + n^(−p)."""
    return end + n**-power


def pilot(K, n=N, cost=0.0, spread=0.0, end=0.3, power=0.5):
    """One that draws 1/(1 − cost) times the samples of K = 1 to each loss; drift is `spread` times ‖∇F‖²."""
    loss = falling(n * (1 - cost), end, power)
    gradient = (loss - end) ** 2
    return Pilot(K, n, loss, gradient, spread * gradient)


@pytest.mark.parametrize("power", [0.3, 0.5, 1.0, 2.0])
def test_a_power_law_is_gone_on_with_to_where_it_is_at_the_loss(power):
    curve = Curve(N, falling(N, 0.3, power), floor=0.3)
    for n in (1e3, 1e5, 1e6, 1e7):
        assert curve.at(falling(n, 0.3, power)) == pytest.approx(n, rel=0.02)


def test_a_loss_below_the_end_of_a_curve_is_never_reached():
    curve = Curve(N, falling(N))
    assert curve.at(0.2) == np.inf
    assert to_target(pilot(1), 0.2).middle == np.inf


def test_what_was_seen_is_known_and_what_was_not_hangs_on_how_far_it_is():
    near, far, further = (to_target(pilot(1), falling(n)) for n in (5e4, 4e5, 3e6))
    assert near.middle == pytest.approx(5e4, rel=0.01) and near.high < 1.03 * near.middle
    for found, n in ((far, 4e5), (further, 3e6)):
        assert found.low <= n <= found.high
    assert 1 < near.high / near.low < far.high / far.low < further.high / further.low


def test_a_curve_that_bends_is_told_by_its_own_forecast():
    """Two power laws after each other: the first half foretells the end wrongly."""
    bent = np.where(N < 3e4, falling(N, 0.0, 0.5), falling(3e4, 0.0, 0.5) * (N / 3e4) ** -0.1)
    straight = to_target(pilot(1, end=0.0), falling(1e6, 0.0), 0.0)
    found = to_target(Pilot(1, N, bent, bent**2, 0 * bent), 0.8 * bent[-1], 0.0)
    assert found.high / found.low > 2 * straight.high / straight.low


@pytest.mark.parametrize("cost", [0.05, 0.2, 0.5])
def test_what_drift_costs_is_found_again(cost):
    """r = 1/(1 − aθ), with a = cost/θ for the pilot of K = 16, whose θ is 2."""
    short = np.geomspace(16, 1e4, 100)
    others = [pilot(4, short, cost / 4, 0.5), pilot(16, short, cost, 2.0)]
    target = others[1].loss[-2]
    found = drift([pilot(1), *others], target, 0.3)
    assert found.a.middle == pytest.approx(cost / 2, rel=0.1)
    assert found.a.low <= cost / 2 <= found.a.high
    assert found.factor(1).middle == 1.0
    assert found.factor(16).middle == pytest.approx(1 / (1 - cost), rel=0.1)
    assert found.factor(4).middle < found.factor(16).middle < found.factor(64).middle


def test_drift_counts_for_more_where_gradients_are_smaller():
    short = np.geomspace(16, 1e4, 30)
    runs = [pilot(1), pilot(4, short, 0.05, 0.5), pilot(16, short, 0.2, 2.0)]
    early, late = (drift(runs, falling(n), 0.3).factor(16).middle for n in (1e3, 1e6))
    assert early < late


def test_a_K_that_diverged_and_all_above_it_are_never_there():
    short = np.geomspace(16, 1e4, 30)
    bad = Pilot(64, short[:3], short[:3] * np.nan, short[:3], short[:3], whole=False)
    found = drift([pilot(1), pilot(4, short, 0.05, 0.5), pilot(16, short, 0.2, 2.0), bad], falling(1e4), 0.3)
    assert np.isfinite(found.factor(32).middle)
    assert found.factor(64).low == found.factor(128).low == np.inf
