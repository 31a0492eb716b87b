"""The advised K is the best one where that is known, and nothing is advised where it is not."""

import numpy as np
import pytest

from pavg.advisor.advice import MOST, advise
from pavg.advisor.samples import Drift, Range
from pavg.machine import Seconds

NEEDED = Range(2.0**20, 2.0**19, 2.0**21)
STEP = 4  # samples of all learners in a local step


def free(a=0.0, high=None):
    """Drift that is K − 1 times as large as ‖∇F‖²; K costs 1/(1 − a(K − 1))."""
    K = np.array([4.0, 16.0, 64.0, 256.0])
    return Drift(Range(a, a, a if high is None else high), 1.0, np.log(K), np.log(K - 1))


def rounds(average, step=1.0):
    def seconds(K):
        middle = K * step + average
        return Seconds(middle, 0.9 * middle, 1.1 * middle)

    return seconds


def test_where_drift_costs_nothing_the_longest_round_is_advised():
    found = advise(STEP, NEEDED, free(), rounds(average=10.0))
    assert found.best.K == found.choices[-1].K == 2**18
    assert [one.K for one in found.neighbours] == [2**17]


def test_where_averaging_costs_nothing_every_step_averages():
    assert advise(STEP, NEEDED, free(a=1e-3), rounds(average=0.0)).best.K == 1


@pytest.mark.parametrize("average", [1.0, 30.0, 1000.0])
def test_between_them_the_best_K_balances_both(average):
    """Seconds a sample, (1 + c/K)/(1 − a(K − 1)), are least where their derivative is zero."""
    a = 1e-4
    found = advise(STEP, NEEDED, free(a), rounds(average))
    K = np.arange(1, 5000)
    best = K[np.argmin((1 + average / K) / np.maximum(1 - a * (K - 1), 1e-9))]
    assert best / 2 <= found.best.K <= best * 2
    assert found.best.worst < 1.05


def test_seconds_are_those_of_whole_rounds_and_their_interval_holds_both_parts():
    found = advise(STEP, NEEDED, free(), rounds(average=10.0))
    for one in found.choices:
        assert one.seconds.middle == pytest.approx(np.ceil(2**20 / (STEP * one.K)) * one.round.middle)
        assert one.seconds.low < one.seconds.middle / 2 and one.seconds.high > 2 * one.seconds.middle


def test_a_K_is_advised_whose_worst_case_is_least_bad():
    """Drift that may cost nothing or much: a smaller K than where it surely costs nothing."""
    sure = advise(STEP, NEEDED, free(), rounds(average=100.0))
    unsure = advise(STEP, NEEDED, free(0.0, high=1e-3), rounds(average=100.0))
    assert unsure.best.K < sure.best.K and unsure.best.worst <= MOST


def test_where_drift_may_cost_anything_nothing_is_advised():
    found = advise(STEP, NEEDED, free(0.0, high=0.5), rounds(average=100.0))
    assert found.best is None and "may take" in found.why


def test_a_loss_that_is_never_reached_is_not_advised_on():
    found = advise(STEP, Range(np.inf, 100.0, np.inf), free(), rounds(average=1.0))
    assert found.best is None and found.choices == ()
