"""Seconds of averagings: the formula's numbers are found again, and what is far is said to be uncertain."""

import numpy as np
import pytest

from pavg.errors import InputError
from pavg.machine import averaging

D = np.array([4.0**k for k in range(11)])
ALONE = (1e-7, 6e-11, 3e-10, 2.0**19)
SHORT, LONG = (1.6e-6, 1.7e-10), (5.5e-6, 8.5e-11)


def truth(d, P):
    """The formula, written down once more."""
    m = 8 * np.asarray(d, float)
    own = ALONE[0] + ALONE[1] * m + ALONE[2] * np.maximum(m - ALONE[3], 0)
    l = np.ceil(np.log2(P))
    doubling = l * (SHORT[0] + SHORT[1] * m)
    halving = 2 * l * LONG[0] + 2 * (P - 1) / P * LONG[1] * m
    return own + (P > 1) * np.minimum(doubling, halving)


def measured(ranks, noise=0.0, seed=0):
    d, P = np.tile(D, len(ranks)), np.repeat(ranks, len(D))
    errors = np.exp(noise * np.random.default_rng(seed).standard_normal(len(d)))
    return averaging.fitted(d, P, truth(d, P) * errors, np.full(len(d), noise))


@pytest.mark.parametrize("ranks", [(1, 2), (1, 2, 4), (1, 6)])
def test_exact_seconds_give_the_formula_back_at_sizes_and_ranks_that_were_not_measured(ranks):
    model = measured(ranks)
    for P in (1, 2, 3, 16, 1024, 10_000):
        for d in (3, 28, 90, 5000, 47_236, 150_360, 800_000):
            assert model.seconds(d, P) == pytest.approx(truth(d, P), rel=0.02)


def test_noisy_seconds_lie_in_the_interval_nineteen_times_of_twenty():
    sizes = (3, 28, 90, 700, 5000, 47_236, 150_360, 800_000)
    inside = []
    for seed in range(8):
        model = measured((1, 2), noise=0.1, seed=seed)
        inside += [low <= truth(d, 2) <= high for d in sizes for low, high in [model.bounds(d, 2)]]
    assert np.mean(inside) > 0.95


def test_the_interval_holds_free_and_full_doublings_and_grows_with_the_ranks():
    model = measured((1, 2), noise=0.05)
    for d in (28, 150_360):
        widths = []
        for P in (2, 16, 128, 1024, 10_000):
            low, high = model.bounds(d, P)
            assert low < model.seconds(d, P) < high and low < model.seconds(d, 2)
            assert high > (truth(d, 2) - truth(d, 1)) * np.log2(P)
            widths.append(high / low)
        assert (np.diff(widths) > 0).all()


def test_one_rank_says_nothing_of_messages():
    model = averaging.fitted(D, np.ones(len(D)), truth(D, 1), np.zeros(len(D)))
    assert model.seconds(1000, 1) == pytest.approx(truth(1000, 1), rel=0.02)
    with pytest.raises(InputError, match="one rank was measured; expected: pavg bench machine -n 2"):
        model.seconds(1000, 2)
