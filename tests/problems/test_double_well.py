"""The double well (Zhang et al. 2016, section 2.4)."""

import numpy as np
import pytest

from pavg import streams
from pavg.problems.double_well import DoubleWell

DRAWS = 40_000


def value(w):
    return DoubleWell().bind(None, 1, 0).losses("train", np.array([[w]]), 0, 1)[0]


def sampled(w, draws):
    """Gradient samples at w."""
    g, found = np.zeros(1), np.empty(draws)
    key, nothing = streams.key(3, "noise", 0), np.empty((0, 0))
    for m in range(draws):
        g[:] = 0.0
        DoubleWell.gradient.__wrapped__(
            np.empty(0), nothing, np.empty(0), -1, key, m, np.array([[w]]), 0, 1.0, g
        )
        found[m] = g[0]
    return found


@pytest.mark.parametrize("w", [0.0, -1.0, 0.5, 2.0])
def test_a_gradient_sample_has_the_slope_as_its_mean_and_variance_16(w):
    g = sampled(w, DRAWS)
    assert abs(g.mean() - 4 * (w**3 - w)) < 4.5 * 4 / np.sqrt(DRAWS)
    assert abs(g.var() - 16) < 4.5 * 16 * np.sqrt(2 / DRAWS)  # of a normal sample's variance: 2σ⁴/n


@pytest.mark.parametrize("w", [-1.7, -0.3, 0.0, 0.9, 1.4])
def test_the_slope_is_the_derivative_of_the_loss(w):
    h = 1e-5
    assert (value(w + h) - value(w - h)) / (2 * h) == pytest.approx(4 * (w**3 - w), abs=1e-8)


def test_there_are_two_equal_optima_and_a_hill_between_them():
    assert value(1.0) == value(-1.0) == DoubleWell().bind(None, 1, 0).optimum == 0.0
    assert value(0.0) == 1.0 and value(2.0) == value(-2.0) == 9.0


def test_it_starts_on_the_hill_unless_told_otherwise():
    np.testing.assert_array_equal(DoubleWell().bind(None, 1, 0).start, [0.0])
    np.testing.assert_array_equal(DoubleWell(w0=0.25).bind(None, 1, 0).start, [0.25])


def test_it_gives_no_exact_gradient_and_has_no_samples():
    objective = DoubleWell().bind(None, 8, 0)
    assert objective.n == 0 and objective.rows == {"train": 1}
    assert objective.add_gradient(np.ones((1, 1)), 0, 1, np.zeros((1, 1))) is None
