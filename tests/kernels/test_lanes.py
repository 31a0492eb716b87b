"""Lanes against the plain loops with one model: every lane does what it would do alone."""

import numpy as np
import pytest

from pavg.kernels import abreast, linear
from pavg.kernels import lanes as kernels
from pavg.kernels.choice import KINDS
from pavg.kernels.combine import settle
from pavg.kernels.losses import CAUCHY, LEAST_SQUARES, LOGISTIC, SIGMOID
from pavg.kernels.vectors import tag
from tests.kernels.test_linear import NOISE, RULES, Case

LANES, N = 8, 101
PLAIN = (), ()  # the path of the plain loops, one model
CASES = {
    "dense": {},
    "dense, L2, intercept": {"l2": 0.1, "intercept": 1},
    "dense, mini-batches": {"code": LOGISTIC, "batches": (1, 3, 8), "sharded": True},
    "dense, float32": {"dtype": "float32", "code": LOGISTIC},
    "dense, sigmoid": {"code": SIGMOID},
    "CSR, Cauchy": {"layout": "csr", "code": CAUCHY},
    "CSR": {"layout": "csr"},
    "CSR, L2, intercept": {"layout": "csr", "l2": 0.1, "intercept": 1, "code": LOGISTIC},
    "CSR, L2 that takes all of a lane": {"layout": "csr", "l2": 40.0, "intercept": 1},  # 1 − γλ = 0
    "CSR, mini-batches": {"layout": "csr", "batches": (2, 5), "indexed": True},
    "CSR, float32": {"layout": "csr", "dtype": "float32"},
}
WIDER = [
    ("dense", "fast", 32),
    ("CSR", "fast", 16),
    ("dense, float32", "fast", 16),
    ("CSR, float32", "fast", 32),
]


def step_sizes(case, n, lanes=LANES):
    """(n, lanes), all different; the last two stand still."""
    gammas = case.schedule(n)[0][:, None] * np.linspace(0.1, 1.5, lanes)
    gammas[:, -2:] = 0.0
    return gammas


def side_by_side(case, lengths, lanes=LANES):
    """The models (L, width, lanes) and draws after calls of `steps` with these lengths."""
    W = np.repeat(case.W0[:, :, None], lanes, axis=2)
    S, draws = np.ones((case.L, lanes)), case.draws0.copy()
    model, first = (W, np.zeros((0, 0)), 0.0, S), 0
    samples = case.samples
    arguments = case.path(samples, lanes), samples, case.formula
    gammas, batches = step_sizes(case, sum(lengths), lanes), case.schedule(sum(lengths))[1]
    for n in lengths:
        linear.steps(arguments, model, case.order(draws), NOISE, (gammas, batches, first), n)
        first += n
    settle(W.reshape(case.L, -1), S)
    return W, draws


def alone(case, lane, lanes):
    """The model and draws of a lane's own step sizes, by the plain loops."""
    W, S, draws = case.W0.copy(), np.ones((case.L, 1)), case.draws0.copy()
    schedule = np.ascontiguousarray(step_sizes(case, N, lanes)[:, lane]), case.schedule(N)[1], 0
    model, arguments = (W, np.zeros((0, 0)), 0.0, S), (PLAIN, case.samples, case.formula)
    linear.steps(arguments, model, case.order(draws), NOISE, schedule, N)
    settle(W, S)
    return W, draws


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(
    "keys, kernels, lanes", [(keys, kind, 8) for keys in CASES for kind in KINDS] + WIDER
)
def test_a_lane_is_the_model_alone(keys, rule, kernels, lanes):
    case = Case(rule=rule, kernels=kernels, **CASES[keys])
    W, draws = side_by_side(case, [N], lanes)
    for lane in range(lanes):
        expected, used = alone(case, lane, lanes)
        d = case.dimension
        np.testing.assert_allclose(W[:, :d, lane], expected[:, :d], rtol=1e-12, atol=1e-14)
        np.testing.assert_array_equal(draws, used)


@pytest.mark.parametrize("layout", ["dense", "csr"])
@pytest.mark.parametrize("code", [LEAST_SQUARES, LOGISTIC, SIGMOID, CAUCHY])
def test_nan_spreads_in_a_lane_as_in_the_model_alone(layout, code):
    case = Case(layout=layout, code=code, batches=(1, 1, 2))
    case.W0[:, 0] = np.nan
    W, _ = side_by_side(case, [N])
    for lane in range(LANES):
        np.testing.assert_array_equal(
            np.isnan(W[:, : case.d, lane]), np.isnan(alone(case, lane, LANES)[0][:, : case.d])
        )


@pytest.mark.parametrize("keys", CASES)
def test_a_lane_with_step_size_0_stands_still(keys):
    case = Case(**CASES[keys])
    W, _ = side_by_side(case, [N])
    np.testing.assert_array_equal(W[:, : case.d, -1], case.W0[:, : case.d])


@pytest.mark.parametrize("keys", CASES)
def test_steps_may_be_cut_at_any_multiple_of_64(keys):
    case = Case(n=400, L=20, **CASES[keys])
    for whole, cut in zip(side_by_side(case, [130]), side_by_side(case, [64, 64, 2]), strict=True):
        np.testing.assert_array_equal(whole, cut)


@pytest.mark.parametrize("layout", ["dense", "csr"])
def test_a_lane_that_diverges_leaves_the_others_alone(layout):
    case = Case(layout=layout, code=LEAST_SQUARES, l2=0.1)
    calm, _ = side_by_side(case, [N])
    wild = step_sizes(case, N)
    wild[:, 3] = 1e200
    W, S = np.repeat(case.W0[:, :, None], LANES, axis=2), np.ones((case.L, LANES))
    schedule = wild, case.schedule(N)[1], 0
    model, arguments = (
        (W, np.zeros((0, 0)), 0.0, S),
        (case.path(case.samples, LANES), case.samples, case.formula),
    )
    linear.steps(arguments, model, case.order(case.draws0.copy()), NOISE, schedule, N)
    settle(W.reshape(case.L, -1), S)
    assert not np.isfinite(W[:, : case.d, 3]).all()
    others = [lane for lane in range(LANES) if lane != 3]
    np.testing.assert_array_equal(W[:, : case.d, others], calm[:, : case.d, others])


@pytest.mark.parametrize("code", [LEAST_SQUARES, LOGISTIC, SIGMOID, CAUCHY])
@pytest.mark.parametrize("layout", ["dense", "csr"])
def test_losses_and_gradients_of_all_lanes_are_those_of_each(layout, code):
    case = Case(layout=layout, code=code, intercept=1)
    models, _ = side_by_side(case, [N])
    W, G = np.ascontiguousarray(models[:1]), np.zeros_like(models[:1])
    totals, right = kernels.losses(case.samples, case.formula, W, 3, 31)
    if code != CAUCHY:
        fast = abreast.losses(tag(LANES), case.samples, case.formula, W, 3, 31)
        np.testing.assert_allclose(fast, (totals, right), rtol=1e-13)
    kernels.add_gradient(case.samples, case.formula, W, 3, 31, G)
    for lane in range(LANES):
        own, g = np.ascontiguousarray(W[:, :, lane]), np.zeros_like(W[:, :, lane])
        total, correct = linear.losses(case.samples, case.formula, own, 3, 31)
        linear.add_gradient(case.samples, case.formula, own, 3, 31, g)
        assert totals[lane] == pytest.approx(total, rel=1e-13) and right[lane] == correct
        np.testing.assert_allclose(
            G[:, : case.dimension, lane], g[:, : case.dimension], rtol=1e-11, atol=1e-13
        )
