"""The finite sum of quadratics (Zhang et al. 2016, Example 1)."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import check_grad, minimize

from pavg.problems.quadratic import Quadratic


def bound(P=1, seed=0, **parameters):
    return Quadratic(**parameters).bind(None, P, seed)


def parts(objective):
    """(Pⱼ (m, d, d), qⱼ (m, d)) from the rows."""
    X, d = objective.samples[0], objective.dimension
    return X[:, : d * d].reshape(-1, d, d), X[:, d * d :]


def value(objective, w):
    return objective.losses("train", np.array([w]), 0, objective.n)[0] / objective.rows["train"]


def slope(objective, w):
    return objective.add_gradient(np.array([w]), 0, objective.n, np.zeros((1, len(w))))[0] / objective.n


@settings(max_examples=25)
@given(st.integers(1, 6), st.integers(1, 30), st.sampled_from([0.0, 0.5, 2.0]), st.integers(0, 1000))
def test_the_optimum_is_what_a_general_minimiser_finds(d, components, spread, instance):
    objective = bound(d=d, components=components, spread=spread, instance=instance)
    found = minimize(
        lambda w: value(objective, w), objective.start, jac=lambda w: slope(objective, w), tol=1e-10
    )
    assert objective.optimum == pytest.approx(found.fun, rel=1e-9, abs=1e-9)


@settings(max_examples=25)
@given(st.integers(1, 6), st.integers(1, 30), st.sampled_from([0.0, 0.5]), st.integers(0, 1000))
def test_the_objective_is_the_mean_of_the_components(d, components, spread, instance):
    objective = bound(d=d, components=components, spread=spread, instance=instance)
    hessians, q = parts(objective)
    w = np.random.default_rng(instance).standard_normal(d)
    expected = np.mean([w @ H @ w / 2 + w @ b for H, b in zip(hessians, q, strict=True)])
    assert value(objective, w) == pytest.approx(expected, rel=1e-11, abs=1e-11)
    assert check_grad(lambda w: value(objective, w), lambda w: slope(objective, w), w) < 1e-4


def test_without_spread_all_components_curve_alike_and_with_it_they_do_not():
    equal, _ = parts(bound())
    assert (equal == equal[0]).all()
    different, q = parts(bound(spread=0.1))
    assert (different[1:] != different[0]).any(axis=(1, 2)).all()
    assert len(np.unique(q, axis=0)) == len(q)


@pytest.mark.parametrize("spread", [0.0, 1.0])
@pytest.mark.parametrize("d", [1, 5, 20])
def test_every_component_is_strongly_convex(d, spread):
    hessians, _ = parts(bound(d=d, spread=spread))
    np.testing.assert_allclose(hessians, hessians.transpose(0, 2, 1), rtol=1e-12)
    assert np.linalg.eigvalsh(hessians).min() > 0.5 - 1e-12


def test_the_instance_alone_decides_what_is_minimised():
    first, second = bound(P=1, seed=0), bound(P=7, seed=5)
    np.testing.assert_array_equal(first.samples[0], second.samples[0])
    assert first.optimum != bound(instance=1).optimum


def test_all_start_where_the_parameter_says():
    objective = bound(d=3, w0=-2.5)
    np.testing.assert_array_equal(objective.start, [-2.5, -2.5, -2.5])
    assert (objective.dimension, objective.n, objective.rows) == (3, 100, {"train": 100})
    assert objective.y.shape == (100,)  # what partitions deal out
