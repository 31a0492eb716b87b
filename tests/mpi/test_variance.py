"""The variance of gradients around an optimum: that of plain NumPy, and of cases that are known exactly."""

import numpy as np
import pytest
from mpi4py import MPI

from pavg.data.store import Store
from pavg.data.synthetic import Samples
from pavg.errors import InputError
from pavg.estimate import stored
from pavg.estimate import variance as variance_
from pavg.estimate.variance import variance
from pavg.estimate.whole import led
from pavg.spec import Synthetic
from tests.building import spec_of, task_of
from tests.mpi.test_optimum import D, drawn, store_of

pytestmark = pytest.mark.mpi
comm = MPI.COMM_WORLD


def objective_of(problem, X, y, layout="dense"):
    return task_of(problem=problem, store=store_of(X, y, layout)).objective


def delta(X, slopes):
    """Δ of single gradients slopes[i]·X[i], by its definition."""
    G = X * slopes[:, None]
    return np.mean(np.sum((G - G.mean(axis=0)) ** 2, axis=1))


def wide(X, intercept):
    return np.column_stack([X, np.ones(len(X))]) if intercept else X


@pytest.mark.parametrize("layout", ["dense", "csr"])
@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.parametrize("name", ["least-squares", "logistic"])
def test_it_is_the_mean_square_of_what_gradients_are_off_by_and_its_slope_the_difference(
    name, intercept, layout
):
    X, y = drawn()
    y = np.sign(y) if name == "logistic" else y
    objective = objective_of({"name": name, "l2": 0.3, "intercept": intercept}, X, y, layout)
    X, rng = wide(X, intercept), np.random.default_rng(1)
    w, v = rng.standard_normal((2, X.shape[1]))

    def exact(w):
        z = X @ w
        return delta(X, z - y if name == "least-squares" else -y / (1 + np.exp(y * z)))

    found, slope = led(comm, objective, lambda whole: (whole.noise(w), whole.noise_slope(w)))
    assert found == pytest.approx(exact(w), rel=1e-12)
    h = 1e-4
    assert slope @ v == pytest.approx((exact(w + h * v) - exact(w - h * v)) / (2 * h), rel=1e-6)


def test_of_least_squares_it_is_a_quadratic_whose_form_numpy_gives(monkeypatch):
    X, y = drawn()
    objective, w = objective_of({"name": "least-squares"}, X, y), np.full(D, 0.5)
    found = variance(comm, objective, w)
    squares, A = np.sum(X**2, axis=1), X.T @ X / len(X)
    Q = (X.T * squares) @ X / len(X) - A @ A
    assert found.largest == pytest.approx(np.linalg.eigvalsh(Q)[-1], rel=1e-7)
    r = X @ w - y
    slope = 2 * X.T @ (r * squares) / len(X) - 2 * A @ (X.T @ r) / len(X)
    assert found.slope == pytest.approx(np.linalg.norm(slope), rel=1e-10)
    assert found.at_optimum == pytest.approx(delta(X, r), rel=1e-12)
    assert found.at_start == pytest.approx(delta(X, -y), rel=1e-12)
    assert found.distance == pytest.approx(np.linalg.norm(w), rel=1e-14)
    # over random directions u the mean of uᵀQu is tr(Q)/d
    assert abs(found.curvature - np.trace(Q) / D) <= 4 * found.error
    assert found.error <= 0.05 * found.curvature or found.lines == variance_.MOST
    low, high = found.interval
    assert low < found.curvature < high and high - low == pytest.approx(2 * 1.96 * found.error, rel=0.1)


def test_of_gaussian_features_it_is_the_closed_one():
    """x ~ N(0, Σ), y = ⟨w*, x⟩ + ε: Δ(w* + v) = σε²·tr Σ + vᵀ(tr(Σ)·Σ + Σ²)v, with no linear term."""
    rng, n, noise = np.random.default_rng(3), 200_000, 0.7
    deviations = np.array([2.0, 1.0, 0.5])
    X, w = rng.standard_normal((n, 3)) * deviations, np.array([1.0, -2.0, 0.5])
    objective = objective_of({"name": "least-squares"}, X, X @ w + noise * rng.standard_normal(n))
    found = variance(comm, objective, w, error=0.1)
    S = np.diag(deviations**2)
    Q = np.trace(S) * S + S @ S
    assert found.at_optimum == pytest.approx(noise**2 * np.trace(S), rel=0.02)
    assert found.largest == pytest.approx(Q.max(), rel=0.03)
    assert abs(found.curvature - np.trace(Q) / 3) <= 4 * found.error + 0.03 * np.trace(Q) / 3
    assert found.slope < 0.05 * found.largest * found.distance
    expected = Q.max() * (w @ w) / (noise**2 * np.trace(S))
    assert found.rhos["largest"] == pytest.approx(expected, rel=0.05)


def cross(lengths, w, noise):
    """All rows ±aⱼeⱼ with targets ⟨w, x⟩ ± noise: samples whose moments are exact."""
    X = np.concatenate([np.diag(lengths), -np.diag(lengths)])
    return np.concatenate([X, X]), np.concatenate([X @ w + noise, X @ w - noise])


def test_intervals_hold_what_is_known_exactly_in_nine_of_ten_repetitions_or_more():
    """x = ±aⱼeⱼ: Δ(w* + v) = σε²·E‖x‖² + vᵀQv, Q = (E‖x‖²xxᵀ) − (E xxᵀ)² = diag(aⱼ⁴)·(1/d − 1/d²)."""
    lengths, w, noise = np.array([2.0, 1.5, 1.0, 1.0, 0.5]), np.array([1.0, -2.0, 0.5, 0.0, 3.0]), 0.3
    objective = objective_of({"name": "least-squares"}, *cross(lengths, w, noise))
    Q, sigma = lengths**4 * (1 / 5 - 1 / 25), noise**2 * np.mean(lengths**2)
    beta, inside = Q.mean(), 0
    for seed in range(100):
        found = variance(comm, objective, w, error=0.15, seed=seed)
        assert found.at_optimum == pytest.approx(sigma, rel=1e-12) and found.slope < 1e-12
        assert found.largest == pytest.approx(Q.max(), rel=1e-9)
        low, high = found.interval
        inside += low <= beta <= high
        assert found.rhos["printed"] == pytest.approx(found.curvature * (w @ w) / sigma, rel=1e-12)
    assert inside >= 90


def test_of_gaussian_features_intervals_hold_the_rho_of_the_distribution_but_for_its_sampling_error():
    """Synthetic samples: the ρ that was asked for, wherever lines are drawn."""
    samples = Samples(Synthetic(like="year", n=1 << 14, d=5, rho=30.0, pairs=True))
    X, y = (np.concatenate(parts) for parts in zip(*samples.blocks(), strict=True))
    objective, inside = objective_of({"name": "least-squares"}, X, y), 0
    for seed in range(10):
        found = variance(comm, objective, samples.w, error=0.1, seed=seed)
        low, high = (found.rho(beta2) for beta2 in found.interval)
        inside += low * 0.97 <= samples.rho <= high * 1.03
    assert samples.rho == pytest.approx(30.0, rel=1e-12) and inside >= 9


def test_the_envelope_holds_everywhere_and_the_printed_pair_does_not():
    """Where Δ has a linear term at w*: what is said of eq. (5) in `pavg.estimate.variance`."""
    X, y = drawn(seed=5)
    X[:, 0] = np.abs(X[:, 0]) ** 3  # residuals and squares of features go together
    y = y + X[:, 0] * np.abs(y)
    objective = objective_of({"name": "least-squares"}, X, y)
    w = np.linalg.lstsq(X, y, rcond=None)[0]
    found = variance(comm, objective, w)
    tau = found.slope / (2 * found.distance)
    beta, sigma = found.largest + tau, found.at_optimum + found.slope**2 / (4 * tau)
    assert found.rhos["envelope"] == pytest.approx(beta * found.distance**2 / sigma, rel=1e-12)
    rng, broken = np.random.default_rng(0), 0
    for size in np.repeat([1e-3, 0.1, 1.0, 10.0], 50) * found.distance:
        v = rng.standard_normal(D)
        v *= size / np.linalg.norm(v)
        seen = delta(X, X @ (w + v) - y)
        assert seen <= (beta * size**2 + sigma) * (1 + 1e-12)
        broken += seen > found.largest * size**2 + found.at_optimum
    assert broken > 20


def test_lines_are_drawn_until_the_error_is_small_enough(monkeypatch):
    X, y = drawn()
    objective, w = objective_of({"name": "least-squares"}, X, y), np.full(D, 0.5)
    few, many = (variance(comm, objective, w, error=error) for error in (0.2, 0.04))
    assert variance_.FEWEST <= few.lines < many.lines
    assert few.error <= 0.2 * few.curvature and many.error <= 0.04 * many.curvature
    assert variance(comm, objective, w, error=0.2) == few  # of a seed alone
    assert variance(comm, objective, w, error=0.2, seed=1).curvature != few.curvature
    monkeypatch.setattr(variance_, "MOST", 20)
    assert variance(comm, objective, w, error=1e-9).lines == 20


def test_the_largest_ratio_is_that_of_points_away_from_the_optimum():
    X, y = drawn(d=1, rank=1)
    objective, w = objective_of({"name": "least-squares"}, X, y), np.array([0.5])
    found = variance(comm, objective, w)
    at = found.distance * np.array([s for s in np.linspace(-1, 1, 9) if s])
    ratios = [(delta(X, X @ (w + s) - y) - found.at_optimum) / s**2 for s in at]
    assert found.ratio == pytest.approx(max(ratios), rel=1e-9)
    assert found.curvature == pytest.approx(found.largest, rel=1e-9) and found.lines == variance_.FEWEST


@pytest.mark.parametrize("problem", ["least-squares", {"name": "logistic", "l2": 0.1}])
def test_what_is_kept_comes_back(problem, folder):
    X, y = drawn()
    problem = spec_of(problem=problem, data={"name": "digits"}).problem
    store = store_of(X, np.sign(y))
    store = Store(folder / "store.h5", *list(vars(store).values())[1:])
    found = variance(comm, problem.bind(store, 4, 0), np.full(D, 0.5), error=0.2)
    if comm.Get_rank() == 0:
        stored.keep(problem, store, found)
    comm.Barrier()
    assert stored.stored(stored.Variance, problem, store) == found
    assert (found.largest is None) == (problem.name == "logistic")
    assert stored.stored(stored.Optimum, problem, store) is None


def test_who_watches_is_told_of_lines_and_of_passes_on_one_rank_alone():
    X, y = drawn()
    objective, told = objective_of({"name": "least-squares"}, X, y), []
    found = variance(comm, objective, np.full(D, 0.5), 0.1, progress=lambda *how: told.append(how))
    if comm.Get_rank():
        assert told == []
        return
    lines = [(done, total) for stage, done, total in told if stage == "lines through w*"]
    assert [done for done, _ in lines] == list(range(found.lines))
    assert all(variance_.FEWEST <= total <= variance_.MOST and done < total for done, total in lines)
    passes = [(done, total) for stage, done, total in told if stage == "λmax: passes over the rows"]
    assert passes == sorted(passes, key=lambda one: one[0]) and {total for _, total in passes} == {None}
    assert len(passes) + len(lines) == len(told)


def test_where_there_is_no_distance_or_no_gradient_of_a_sample_it_says_so():
    X, y = drawn()
    with pytest.raises(InputError, match="runs start at the optimum"):
        variance(comm, objective_of({"name": "least-squares"}, X, y), np.zeros(D))
    with pytest.raises(InputError, match="gradients of single samples are not known"):
        variance(comm, task_of(problem="pca").objective, np.zeros(10))
