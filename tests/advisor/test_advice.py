"""The advised K is the best one where that is known, and nothing is advised where it is not."""

import numpy as np
import pytest

from pavg.advisor.advice import MOST, advise
from pavg.advisor.drift import Drift, Lost
from pavg.advisor.samples import Range
from pavg.machine import Seconds

NEEDED = Range(2.0**20, 2.0**19, 2.0**21)
KNOWN = Range(2.0**20, 2.0**20 / 1.02, 2.0**20 * 1.02)
WHOLE = 2.0**21
STEP = 4  # samples of all learners in a local step


def free(a=0.0, error=0.0):
    """Drift of which each local step beyond the first takes a part of the fall."""
    return Drift([Lost(K, a * (K - 1), error * (K - 1), K - 1.0) for K in (4, 16, 64, 256)])


def rounds(average, step=1.0):
    def seconds(K):
        middle = K * step + average
        return Seconds(middle, 0.9 * middle, 1.1 * middle)

    return seconds


def test_where_drift_costs_nothing_the_longest_round_is_advised():
    found = advise(STEP, WHOLE, KNOWN, free(), rounds(average=10.0))
    assert found.best.K == found.choices[-1].K == 2**18
    assert [one.K for one in found.neighbours] == [2**17]


def test_where_averaging_costs_nothing_every_step_averages():
    assert advise(STEP, WHOLE, NEEDED, free(a=1e-3), rounds(average=0.0)).best.K == 1


@pytest.mark.parametrize("average", [1.0, 30.0, 1000.0])
def test_between_them_the_best_K_balances_both(average):
    """Seconds a sample, (1 + c/K)/(1 − a(K − 1)), are least where their derivative is zero."""
    a = 1e-4
    found = advise(STEP, WHOLE, NEEDED, free(a), rounds(average))
    K = np.arange(1, 5000)
    best = K[np.argmin((1 + average / K) / np.maximum(1 - a * (K - 1), 1e-9))]
    assert best / 2 <= found.best.K <= best * 2
    assert found.best.regret < 1.25


def test_seconds_are_those_of_whole_rounds_and_their_interval_holds_both_parts():
    found = advise(STEP, WHOLE, NEEDED, free(), rounds(average=10.0))
    for one in found.choices:
        assert one.seconds.middle == pytest.approx(np.ceil(2**20 / (STEP * one.K)) * one.round.middle)
        assert one.seconds.low < one.seconds.middle / 2 and one.seconds.high > 2 * one.seconds.middle


def test_where_samples_are_not_known_no_K_is_favoured_because_whole_rounds_just_fit():
    """One round of all steps is just enough, or, if a little more is needed, two."""
    sure, unsure = (advise(STEP, WHOLE, of, free(), rounds(average=10.0)) for of in (KNOWN, NEEDED))
    assert sure.choices[-1].regret == 1.0 < unsure.choices[-1].regret
    assert unsure.best.K < sure.best.K


def test_what_pilots_leave_open_makes_a_smaller_K_the_better_bet():
    sure = advise(STEP, WHOLE, KNOWN, free(), rounds(average=100.0))
    unsure = advise(STEP, WHOLE, KNOWN, free(error=1e-3), rounds(average=100.0))
    assert unsure.best.K < sure.best.K
    assert sure.best.regret == 1.0 < unsure.best.regret <= MOST


def test_where_drift_may_cost_anything_nothing_is_advised():
    found = advise(STEP, WHOLE, NEEDED, free(error=0.5), rounds(average=1e6))
    assert found.best is None and "expected regret of" in found.why


@pytest.mark.parametrize("needed", [np.inf, 3 * WHOLE])
def test_a_loss_that_the_run_does_not_get_to_is_not_advised_on(needed):
    found = advise(STEP, WHOLE, Range(needed, 100.0, np.inf), free(), rounds(average=1.0))
    assert found.best is None and found.choices == () and "do not tend to the loss" in found.why
