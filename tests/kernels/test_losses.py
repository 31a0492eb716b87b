"""Losses of linear models: exact to rounding for every z, and dloss is the derivative."""

import math
from decimal import Decimal, localcontext

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numba import njit

from pavg.kernels import abreast
from pavg.kernels.abreast import EIGHT, slopes
from pavg.kernels.losses import (
    CAUCHY,
    LEAST_SQUARES,
    LOGISTIC,
    MOST_CURVED,
    SIGMOID,
    STEEPEST,
    correct,
    ddloss,
    dloss,
    loss,
)
from pavg.kernels.slopes import bend, turns
from pavg.kernels.vectors import fma, load, store

classes = st.sampled_from([-1.0, 1.0])
FAR = 750  # beyond it log(1 + exp(−m)) is max(−m, 0) in float64
h = Decimal("1e-30")


def log_loss(m):
    """log(1 + exp(−m)) of a Decimal, in the arithmetic of the context."""
    return (1 + (-m).exp()).ln()


def exact(z, y):
    """(ℓ, ∂ℓ/∂z) of the logistic loss at the margin m = yz: with 400 digits, the slope by differences."""
    m = y * z
    if abs(m) > FAR:
        return max(-m, 0.0), (-y if m < 0 else 0.0)
    with localcontext() as context:
        context.prec = 400
        m = Decimal(m)
        slope = (log_loss(m + h) - log_loss(m - h)) / (2 * h)
        return float(log_loss(m)), y * float(slope)


@given(st.floats(-1e300, 1e300) | st.floats(-800, 800) | st.floats(-1e-3, 1e-3), classes)
@example(36.0, 1.0)
@example(-36.0, 1.0)
@example(710.0, -1.0)
@example(745.0, 1.0)
@example(1e300, -1.0)
@example(0.0, 1.0)
def test_the_logistic_loss_and_its_slope_are_exact_to_rounding(z, y):
    value, slope = exact(z, y)
    # relative to 1e-14, but for denormal numbers, which have fewer digits
    np.testing.assert_allclose(loss(LOGISTIC, z, y), value, rtol=1e-14, atol=1e-300)
    np.testing.assert_allclose(dloss(LOGISTIC, z, y), slope, rtol=1e-14, atol=1e-300)


@given(st.floats(-1e300, 1e300) | st.floats(-800, 800) | st.floats(-1e-3, 1e-3), classes)
@example(745.0, 1.0)
@example(-1e300, -1.0)
def test_the_curvature_is_the_slope_of_the_slope_to_rounding(z, y):
    assert ddloss(LEAST_SQUARES, z, y) == 1.0
    exact = 0.0
    if abs(z) < FAR:
        with localcontext() as context:
            context.prec = 400
            p = 1 / (1 + (-Decimal(z)).exp())
            exact = float(p * (1 - p))
    np.testing.assert_allclose(ddloss(LOGISTIC, z, y), exact, rtol=1e-14, atol=1e-300)


@given(st.floats(-700, 700) | st.floats(-1e-3, 1e-3), classes)
@example(0.0, 1.0)
def test_the_sigmoid_loss_its_slope_and_its_curvature_are_exact_to_rounding(z, y):
    with localcontext() as context:
        context.prec = 400
        p = 1 / (1 + (Decimal(y) * Decimal(z)).exp())
        value, slope, curvature = p, -Decimal(y) * p * (1 - p), p * (1 - p) * (1 - 2 * p)
    np.testing.assert_allclose(loss(SIGMOID, z, y), float(value), rtol=1e-14)
    np.testing.assert_allclose(dloss(SIGMOID, z, y), float(slope), rtol=1e-14)
    np.testing.assert_allclose(ddloss(SIGMOID, z, y), float(curvature), rtol=1e-14, atol=1e-300)


@given(st.floats(-1e100, 1e100) | st.floats(-3, 3), st.floats(-3, 3))
@example(1.0, 0.0)  # the curvature's sign turns
def test_cauchys_loss_its_slope_and_its_curvature_are_exact_to_rounding(z, y):
    r = Decimal(z - y)
    with localcontext() as context:
        context.prec = 400
        square = r * r
        value, slope = (1 + square).ln() / 2, r / (1 + square)
        curvature = (1 - square) / (1 + square) ** 2
    np.testing.assert_allclose(loss(CAUCHY, z, y), float(value), rtol=1e-14, atol=1e-300)
    np.testing.assert_allclose(dloss(CAUCHY, z, y), float(slope), rtol=1e-14, atol=1e-300)
    near = 4e-16 / (1 + float(square))  # 1 − r² loses digits at r = 1
    np.testing.assert_allclose(ddloss(CAUCHY, z, y), float(curvature), rtol=1e-14, atol=near)


@njit
def fast(code, Z, y, one, lanes):
    """ℓ′ at the margins Z: of the kernels for one model, and of those for lanes."""
    scale, offset, sign = turns(code, y)
    for k in range(Z.size):
        one[k] = sign * bend(code, fma(scale, Z[k], offset))
    for k in range(0, Z.size, 8):
        store(lanes, k, slopes(EIGHT, code, load(EIGHT, Z, k), y))


@pytest.mark.parametrize("code", [LEAST_SQUARES, LOGISTIC, SIGMOID, CAUCHY])
@pytest.mark.parametrize("y", [-1.0, 1.0])
def test_fast_slopes_are_those_of_the_formula_to_rounding(code, y):
    """At the table's points and between them, at its ends, and where exp would overflow."""
    far = [32.0 - 1e-9, 32.0 + 1e-9, 699.0, 701.0, 709.0, 711.0, 1e9, 1e300]
    Z = np.array([*np.arange(-34, 34, 1 / 128), *far, *np.negative(far)])
    one, lanes = np.empty_like(Z), np.empty_like(Z)
    fast(code, Z, y, one, lanes)
    expected = [dloss(code, z, y) for z in Z]
    np.testing.assert_allclose(one, expected, rtol=2e-15, atol=1e-300)
    np.testing.assert_allclose(lanes, expected, rtol=2e-15, atol=1e-300)


@njit
def of_lanes(code, Z, y, losses, right):
    """ℓ at the margins Z, and whether their signs are the class, of the kernels for lanes."""
    for k in range(0, Z.size, 8):
        z = load(EIGHT, Z, k)
        store(losses, k, abreast.loss(EIGHT, code, z, y))
        store(right, k, abreast.correct(EIGHT, code, z, y))


@pytest.mark.parametrize("code", [LEAST_SQUARES, LOGISTIC, SIGMOID])
@pytest.mark.parametrize("y", [-1.0, 1.0])
def test_losses_of_lanes_are_those_of_the_formula_to_rounding(code, y):
    """However small they are, on both sides of 0, and where exp would overflow or log1p be cut off."""
    far = [0.0, -0.0, 1e-300, 1e-17, 1e-8, 36.9, 699.0, 701.0, 746.0, 1e9, 1e150, np.nan]
    Z = np.array([*np.arange(-40, 40, 1 / 128), *far, *np.negative(far)])
    losses, right = np.empty_like(Z), np.empty_like(Z)
    of_lanes(code, Z, y, losses, right)
    np.testing.assert_allclose(losses, [loss(code, z, y) for z in Z], rtol=2e-15, atol=1e-300)
    np.testing.assert_array_equal(right, [correct(code, z, y) for z in Z])


@pytest.mark.parametrize("y", [-1.0, 1.0])
def test_an_infinite_margin_costs_a_lane_nothing_or_everything(y):
    Z, losses, right = y * np.repeat([np.inf, -np.inf], 8), np.empty(16), np.empty(16)
    of_lanes(LOGISTIC, Z, y, losses, right)
    assert (losses[:8] < 1e-300).all() and (losses[8:] == np.inf).all()


@given(st.floats(-1e150, 1e150), st.floats(-1e150, 1e150))
def test_least_squares_is_half_the_squared_residual_and_its_slope_the_residual(z, y):
    assert loss(LEAST_SQUARES, z, y) == pytest.approx(0.5 * (z - y) ** 2, rel=1e-15)
    assert dloss(LEAST_SQUARES, z, y) == z - y


@pytest.mark.parametrize("code", [LEAST_SQUARES, LOGISTIC, SIGMOID, CAUCHY])
@pytest.mark.parametrize("y", [-1.0, 1.0])
def test_nan_is_not_hidden(code, y):
    assert math.isnan(loss(code, math.nan, y)) and math.isnan(dloss(code, math.nan, y))
    assert math.isnan(loss(code, 0.5, math.nan)) and math.isnan(dloss(code, 0.5, math.nan))


@pytest.mark.parametrize("y", [-1.0, 1.0])
def test_an_infinite_margin_costs_nothing_or_everything(y):
    assert loss(LOGISTIC, y * math.inf, y) == 0.0 and dloss(LOGISTIC, y * math.inf, y) == 0.0
    assert loss(LOGISTIC, -y * math.inf, y) == math.inf and dloss(LOGISTIC, -y * math.inf, y) == -y


@given(st.sampled_from([LOGISTIC, SIGMOID]), st.floats(allow_nan=False), classes)
def test_the_classes_are_exchangeable(code, z, y):
    assert loss(code, z, y) == loss(code, -z, -y)
    assert dloss(code, z, y) == -dloss(code, -z, -y)


@given(st.floats(allow_nan=False).filter(bool), classes)
def test_a_sample_is_right_when_its_margin_has_the_sign_of_its_class(z, y):
    assert correct(LOGISTIC, z, y) == correct(SIGMOID, z, y) == float(np.sign(z) == y)
    assert correct(LEAST_SQUARES, z, y) == correct(CAUCHY, z, y) == 0.0


def test_with_no_model_every_sample_is_of_the_first_class():
    assert correct(LOGISTIC, 0.0, -1.0) == 1.0 and correct(LOGISTIC, 0.0, 1.0) == 0.0


@pytest.mark.parametrize("code", [LEAST_SQUARES, LOGISTIC, SIGMOID, CAUCHY])
def test_the_largest_slopes_and_curvatures_are_what_they_are_said_to_be(code):
    grid = np.concatenate([np.linspace(-40.0, 40.0, 80_001), [math.log(2 + math.sqrt(3))]])
    curved = max(abs(ddloss(code, z, 1.0)) for z in grid)
    assert curved == pytest.approx(MOST_CURVED[code], rel=1e-12) and curved <= MOST_CURVED[code] * (1 + 1e-15)
    if code != LEAST_SQUARES:
        steep = max(abs(dloss(code, z, 1.0)) for z in grid)
        assert steep == pytest.approx(STEEPEST[code], rel=1e-12) and steep <= STEEPEST[code] * (1 + 1e-15)
