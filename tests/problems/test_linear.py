"""Least squares and logistic regression bound to samples: labels, formulas, penalties."""

import numpy as np
import pytest
import scipy.sparse
from scipy.optimize import check_grad

from pavg.data import layouts
from pavg.data.store import Store
from pavg.errors import InputError
from pavg.problems.least_squares import LeastSquares
from pavg.problems.logistic import Logistic

n, d = 30, 7
rng = np.random.default_rng(3)
X = rng.standard_normal((n, d)) * (rng.random((n, d)) < 0.6)
CLASSES = rng.permutation(np.arange(n) % 2 == 0)  # both of them


def store(y, layout="dense", test=None, dtype="float64"):
    make = getattr(layouts, layout)

    def part(X, y):
        return make(scipy.sparse.csr_matrix(X), np.asarray(y, float), dtype)

    held_out = None if test is None else part(*test)
    return Store("train.svm", "toy", d, part(X, y), held_out, "checksum", layout, {})


def padded(objective, w):
    W = np.zeros((1, objective.width))
    W[0, : objective.dimension] = w
    return W


def value(objective, w):
    """F(w) as an evaluation makes it."""
    W = padded(objective, w)
    return objective.losses("train", W, 0, n)[0] / n + objective.penalty(W)


def slope(objective, w):
    W = padded(objective, w)
    G = objective.add_gradient(W, 0, n, np.zeros_like(W)) / n
    objective.add_penalty_gradient(W, G)
    return G[0, : objective.dimension]


# --- labels ----------------------------------------------------------------------------------


@pytest.mark.parametrize("labels", [(1, 2), (0, 1), (-1, 1), (-1, 2), (-3.5, 40)])
@pytest.mark.parametrize("layout", ["dense", "csr"])
def test_the_smaller_of_two_labels_becomes_minus_1_and_the_larger_plus_1(labels, layout):
    objective = Logistic().bind(store(np.where(CLASSES, labels[1], labels[0]), layout), 4, 0)
    np.testing.assert_array_equal(objective.y, np.where(CLASSES, 1.0, -1.0))
    np.testing.assert_array_equal(objective.samples["train"][-1], objective.y)
    assert objective.notes["labels"] == f"{labels[0]:g} → -1, {labels[1]:g} → +1"
    assert objective.classes


@pytest.mark.parametrize(
    "y", [np.arange(n) % 3, np.zeros(n), np.linspace(0, 1, n)], ids=["three", "one", "many"]
)
def test_other_numbers_of_labels_are_refused(y):
    with pytest.raises(InputError) as caught:
        Logistic().bind(store(y), 4, 0)
    message = str(caught.value)
    assert "train.svm" in message and "expects two" in message
    assert f"{len(set(y))} different labels" in message
    assert ("…" in message) == (len(set(y)) > 5)


def test_test_labels_are_mapped_as_training_labels_even_if_one_is_missing():
    objective = Logistic().bind(store(np.where(CLASSES, 2, 1), test=(X[:5], np.full(5, 2))), 4, 0)
    np.testing.assert_array_equal(objective.samples["test"][-1], np.ones(5))


def test_test_labels_that_training_lacks_are_refused():
    with pytest.raises(InputError, match="the same in training and test"):
        Logistic().bind(store(np.where(CLASSES, 2, 1), test=(X[:5], np.full(5, 3))), 4, 0)


def test_targets_of_least_squares_are_left_alone():
    y = rng.standard_normal(n)
    objective = LeastSquares().bind(store(y), 4, 0)
    np.testing.assert_array_equal(objective.y, y)
    assert not objective.classes and objective.notes == {}


# --- formulas --------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", ["dense", "csr"])
@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.parametrize("l2", [0.0, 0.3])
@pytest.mark.parametrize("problem", [LeastSquares, Logistic])
def test_the_objective_is_the_formula_of_the_docstring(problem, l2, intercept, layout):
    y = np.where(CLASSES, 1.0, -1.0)
    objective = problem(l2=l2, intercept=intercept).bind(store(y, layout), 4, 0)
    assert objective.dimension == d + intercept and objective.width >= objective.dimension
    w = rng.standard_normal(objective.dimension)
    z = X @ w[:d] + (w[d] if intercept else 0.0)
    losses = np.logaddexp(0, -y * z) if problem is Logistic else (z - y) ** 2 / 2
    assert value(objective, w) == pytest.approx(losses.mean() + l2 / 2 * np.sum(w[:d] ** 2), rel=1e-12)
    assert check_grad(lambda w: value(objective, w), lambda w: slope(objective, w), w) < 1e-6


@pytest.mark.parametrize("problem", [LeastSquares, Logistic])
def test_training_and_test_rows_are_counted_and_evaluated_apart(problem):
    y = np.where(CLASSES, 1.0, -1.0)
    objective = problem().bind(store(y, test=(X[8:13], y[8:13])), 4, 0)
    assert objective.n == n and objective.rows == {"train": n, "test": 5}
    W = padded(objective, rng.standard_normal(d))
    assert objective.losses("test", W, 0, 5) == objective.losses("train", W, 8, 13)
    assert objective.losses("test", W, 0, 5) != objective.losses("train", W, 0, 5)


def test_without_test_samples_there_are_no_test_rows():
    objective = LeastSquares().bind(store(np.zeros(n)), 4, 0)
    assert objective.rows == {"train": n}


def test_models_start_at_zero_and_own_no_samples_that_can_be_written():
    objective = Logistic(intercept=True).bind(store(CLASSES), 4, 0)
    np.testing.assert_array_equal(objective.start, np.zeros(d + 1))
    assert not any(array.flags.writeable for array in objective.samples["train"])


@pytest.mark.parametrize("layout", ["dense", "csr"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("problem", [LeastSquares, Logistic])
def test_the_stores_own_memory_is_used_whatever_its_type(problem, layout, dtype):
    kept = store(np.where(CLASSES, 1.0, -1.0), layout, dtype=dtype)
    objective = problem().bind(kept, 1, 0)
    X = objective.samples["train"][0]
    assert X.dtype == kept.dtype == dtype
    for array in vars(kept.train).values():
        assert any(np.shares_memory(array, used) for used in objective.samples["train"])


@pytest.mark.parametrize("features", range(1, 20))
@pytest.mark.parametrize("intercept", [False, True])
def test_a_model_fills_cache_lines_with_room_for_the_dummy_column(features, intercept):
    part = layouts.csr(scipy.sparse.csr_matrix(np.ones((4, features))), np.zeros(4))
    objective = LeastSquares(intercept=intercept).bind(
        Store("x", "x", features, part, None, "checksum", "csr", {}), 1, 0
    )
    assert objective.width % 8 == 0 and objective.width > max(features, objective.dimension - 1)
