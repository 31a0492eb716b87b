"""What drift costs, from pilots whose losses are known."""

import numpy as np
import pytest

from pavg.advisor.drift import Drift, Lost, at_most, lost
from pavg.advisor.pilots import Pilot, Plan

PLAN = Plan(begin=256, length=128, periods=(4, 16, 64), step=8, whole=8 * 4096)
FALL = 1e-3  # of the loss, in a step


def pilots(parts, common=0.01, chance=0.0, seed=0):
    """K = 1, and others that lose parts of the fall; chance is the same for all (`common`), or its own."""
    noise = np.random.default_rng(seed)
    steps = np.arange(PLAN.begin - 64, PLAN.begin + PLAN.length + 1)
    shared = common * noise.standard_normal(steps.size)
    one = Pilot(1, steps, 1.0 - FALL * (steps - PLAN.begin) + shared, 0.0 * steps, 0.0 * steps)
    others = []
    for K, part in parts.items():
        looks = np.array(PLAN.looks(K))
        at = np.searchsorted(steps, looks)
        loss = one.loss[at] + part * FALL * (looks - PLAN.begin) + chance * noise.standard_normal(looks.size)
        drift = np.full(looks.size, K - 1.0)
        others.append(Pilot(K, looks, loss, drift, 0.0 * looks))
    return one, others


def seen(parts, most=None, **given):
    one, others = pilots(parts, **given)
    return [lost(PLAN, other, one, FALL, most) for other in others]


def smooth(parts, most=None):
    """As `seen`, of curves without any chance."""
    return seen(parts, most, common=0.0)


def test_the_part_of_the_fall_that_is_lost_is_found_again():
    parts = {4: 0.02, 16: 0.15, 64: 0.9}
    for one in smooth(parts):
        assert one.part == pytest.approx(parts[one.K], rel=1e-9) and one.error == 0.005
    drift = Drift(smooth(parts))
    for K, part in parts.items():
        assert drift.factor(K).middle == pytest.approx(1 / (1 - part))
    assert drift.factor(1).high == 1.0


def test_chance_that_all_share_does_not_hide_what_drift_costs():
    """Losses scatter by ten times what a step falls; the lowest count, so a little of it is left."""
    for one in seen({4: 0.0, 16: 0.0, 64: 0.0}):
        assert abs(one.part) <= 1e-9
    found = [one.part for seed in range(20) for one in seen({16: 0.5}, seed=seed)]
    assert np.median(found) == pytest.approx(0.5, abs=0.1)


def test_chance_of_its_own_is_left_open():
    drift = Drift(seen({4: 0.0, 16: 0.0, 64: 0.0}, chance=0.02))
    sure = Drift(seen({4: 0.0, 16: 0.0, 64: 0.0}))
    assert drift.factor(64).high > 1.2 > 1.05 > sure.factor(64).high


def test_a_larger_K_never_loses_less_and_a_smaller_one_no_more_than_its_share_of_the_drift():
    parts = [Lost(4, 0.3, 0.2, 3.0), Lost(16, 0.1, 0.005, 15.0), Lost(64, 0.4, 0.005, 63.0)]
    drift = Drift(parts)
    factors = [drift.factor(K) for K in (1, 2, 4, 8, 16, 32, 64, 128)]
    for name in ("low", "high"):
        values = [getattr(one, name) for one in factors]
        assert values == sorted(values)
    assert drift.factor(4).high == pytest.approx(1 / (1 - (0.4 + 0.01) * 3 / 63))


@pytest.mark.parametrize("power", [1.0, 1.5, 2.0])
def test_beyond_what_was_tried_the_cost_grows_like_the_drift(power):
    parts = [Lost(K, 1e-6 * K**power, 0.0, K**power) for K in (4, 16, 64)]
    drift = Drift(parts)
    cost = [1 - 1 / drift.factor(K).middle for K in (256, 128)]
    assert cost[0] / cost[1] == pytest.approx((255 / 127) ** power, rel=1e-6)


def test_what_is_lost_may_stay_or_grow_until_the_loss():
    part, growth = 0.1, 4.0
    found = Drift([Lost(16, part, 0.0, 15.0)], growth).factor(16)
    for factor, of in ((found.low, 0.1), (found.middle, 0.2), (found.high, 0.4)):
        assert factor == pytest.approx(1 / (1 - of))


def test_where_the_whole_fall_is_lost_the_loss_is_never_reached():
    assert Drift(smooth({4: 0.1, 16: 1.2})).factor(16).middle == np.inf


def test_a_K_that_diverged_and_all_above_it_are_never_there():
    one, (other,) = pilots({4: 0.05})
    bad = Pilot(16, other.steps, other.loss * np.nan, other.drift, other.gradient, whole=False)
    drift = Drift([lost(PLAN, other, one, FALL), lost(PLAN, bad, one, FALL)])
    assert np.isfinite(drift.factor(8).middle)
    assert drift.factor(16).low == drift.factor(64).low == np.inf


def test_theory_limits_what_is_left_open_and_contradicts_what_cannot_be():
    """By L-smoothness, where L is small enough to say anything."""
    little = at_most(gamma=0.1, L=1e-4, gradient=1.0, noise=0.0)
    much = at_most(gamma=0.1, L=10.0, gradient=1.0, noise=0.0)
    (alone,), (within,), (beyond,) = (smooth({16: 0.3}, most=most) for most in (None, much, little))
    assert alone.most == np.inf and within.agrees and not beyond.agrees
    assert beyond.most * FALL == pytest.approx(little(15.0))
    unsure = Lost(16, 0.01, 0.2, 15.0, most=0.1)
    assert Drift([unsure]).factor(16).high == pytest.approx(1 / 0.9)
