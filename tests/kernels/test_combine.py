"""Models to one flat buffer and back, and how far they are apart."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pavg.kernels.combine import MANY, add_distances, gather, gather_models, scatter, settle
from pavg.kernels.vectors import aligned_zeros

numbers = st.floats(-1e3, 1e3)


@st.composite
def cases(draw):
    """(W (L, width), weights, begin, d, length of the flat buffer)."""
    L, d = draw(st.integers(1, 6)), draw(st.integers(1, 9))
    width = d + draw(st.integers(0, 8))
    W = np.array(draw(st.lists(numbers, min_size=L * width, max_size=L * width))).reshape(L, width)
    weights = np.array(draw(st.lists(st.floats(0.1, 100), min_size=L, max_size=L)))
    begin = draw(st.integers(0, 5))
    return W, weights, begin, d, begin + d + draw(st.integers(0, 5))


@given(cases())
def test_gather_is_the_weighted_sum_and_touches_nothing_else(case):
    W, weights, begin, d, size = case
    flat, before = np.full(size, np.nan), W.copy()
    gather(W, weights, flat, begin, d)
    np.testing.assert_allclose(flat[begin : begin + d], weights @ W[:, :d], rtol=1e-12, atol=1e-9)
    assert np.isnan(flat[:begin]).all() and np.isnan(flat[begin + d :]).all()
    np.testing.assert_array_equal(W, before)


@given(cases())
def test_gather_adds_in_the_order_of_the_learners(case):
    W, _, begin, d, size = case
    flat, total = np.empty(size), W[0, :d].copy()
    for w in W[1:, :d]:
        total += w
    gather(W, np.ones(len(W)), flat, begin, d)
    np.testing.assert_array_equal(flat[begin : begin + d], total)


@pytest.mark.parametrize("lanes", [1, 8, 32])
@pytest.mark.parametrize("settled", [True, False])
def test_models_need_not_be_settled_to_be_gathered(lanes, settled):
    rng = np.random.default_rng(lanes)
    W, weights, d = rng.normal(size=(3, 700 * lanes)), np.array([1.0, 3.0, 7.0]), 600 * lanes
    S = np.ones((3, lanes)) if settled else rng.uniform(0.1, 1, (3, lanes))
    flat, expected, before = np.empty(d), np.empty(d), W.copy()
    gather_models(W, S, weights, flat, d)
    np.testing.assert_array_equal(W, before)
    settle(W, S.copy())
    gather(W, weights, expected, 0, d)
    np.testing.assert_array_equal(flat, expected)


@pytest.mark.parametrize("lanes", [1, 8, 32])
def test_distances_are_those_of_the_models_from_one(lanes):
    rng = np.random.default_rng(lanes)
    W, S, w = rng.normal(size=(3, 70 * lanes)), rng.uniform(0.1, 1, (3, lanes)), rng.normal(size=60 * lanes)
    out = np.ones((3, lanes))
    add_distances(W, S, w, w.size, out)
    settle(W, S)
    apart = (W[:, : w.size] - w).reshape(3, 60, lanes)
    np.testing.assert_allclose(out, 1 + np.sum(apart**2, axis=1), rtol=1e-13)


@given(cases(), st.floats(0.5, 1e3))
def test_scatter_gives_every_learner_the_quotient_and_leaves_the_padding(case, total):
    W, _, begin, d, size = case
    flat, before = np.arange(1.0, size + 1), W.copy()
    expected = flat[begin : begin + d] / total
    scatter(flat, begin, d, total, W)
    np.testing.assert_array_equal(W[:, :d], np.tile(expected, (len(W), 1)))
    np.testing.assert_array_equal(W[:, d:], before[:, d:])


@pytest.mark.parametrize("shift", [0, 1])
def test_what_no_cache_holds_is_scattered_as_all_else_is(shift):
    d, width = MANY // 2 + 100, MANY // 2 + 128
    W = aligned_zeros((3 * width + shift,))[shift:].reshape(3, width)
    flat = np.random.default_rng(0).normal(size=d)
    expected = flat / 3.0
    scatter(flat, 0, d, 3.0, W)
    np.testing.assert_array_equal(W, np.tile(np.append(expected, np.zeros(28)), (3, 1)))


def test_nan_in_one_model_reaches_all():
    W, flat = np.ones((3, 4)), np.zeros(4)
    W[1, 2] = np.nan
    gather(W, np.ones(3), flat, 0, 4)
    scatter(flat, 0, 4, 3.0, W)
    assert np.isnan(W[:, 2]).all() and (W[:, [0, 1, 3]] == 1).all()
