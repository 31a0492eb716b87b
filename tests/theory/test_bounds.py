"""The papers' bounds hold, and are as tight as docs/theory.md says: what bounds.py prints."""

import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from pavg.theory import exact, yu2019, zhou2018
from pavg.theory.zhang2016 import covariance_step

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "benchmarks" / "micro"))
bounds, drawn = import_module("bounds"), import_module("drawn")
TIGHTEST = list(bounds.tightest())


@pytest.mark.parametrize("name", drawn.BOUNDS)
def test_it_holds_in_random_instances_inside_its_conditions(name):
    found = drawn.ratios(drawn.BOUNDS[name], 150)
    assert found.max() <= 1.0 + 1e-9 and np.isfinite(found).all() and found.min() >= 0.0
    assert found.max() > 0.1  # they are not all far from it


@pytest.mark.parametrize("one", TIGHTEST, ids=lambda one: f"{one.bound}, {one.term}")
def test_it_holds_where_it_is_tightest_and_a_planted_factor_is_found_out(one):
    assert one.ratio <= 1.0 + 1e-12
    assert one.factor >= 1 / 3 and one.planted > 1.0
    if one.ratio > 0.9:
        assert one.factor == 0.9


def test_every_term_of_theorems_3_1_and_1_has_an_instance():
    seen = {(one.bound, one.which) for one in TIGHTEST}
    assert {(name, k) for name in ("Zhou Theorem 3.1", "Yu Theorem 1") for k in range(3)} <= seen


def test_the_tables_of_the_page_are_those_that_are_printed(capsys):
    bounds.main("200")
    printed = capsys.readouterr().out
    page = (ROOT / "docs" / "theory.md").read_text()
    assert all(line in page for line in printed.splitlines()), printed


# --- what exact means are exact by ---------------------------------------------------------------


@pytest.mark.parametrize("P, K, N", [(1, 3, 4), (2, 2, 3), (3, 2, 2)])
def test_of_a_quadratic_closed_sum_recursion_and_all_outcomes_agree(P, K, N):
    lam, gamma, start, noise = 0.7, 0.3, 1.3, 0.9
    run = exact.outcomes(start, P, exact.rounds([K] * N, [gamma] * N), slope=lambda X: lam * X, noise=noise)
    averages = [X.mean(axis=1) for X in run][: K * N : K]
    mean, C, squares = start, np.zeros((1, 1)), []
    for j in range(N):
        squares.append(lam**2 * (mean**2 + C[0, 0]))
        assert (lam * averages[j] ** 2).mean() * lam == pytest.approx(squares[-1], rel=1e-12)
        for _ in range(K):
            mean *= 1.0 - gamma * lam
            H, Q = np.array([[lam]]), np.array([[noise**2 / P]])
            C = covariance_step(C, alpha=gamma, H=H, noise=Q)
    case = dict(gamma=gamma, curvatures=[lam], start=[start], noise=[noise**2 / P])
    assert exact.mean_square_slope(N, K, **case) == pytest.approx(np.mean(squares), rel=1e-12)


def drawn_once(start, P, steps, slope, noise, rng):
    """Average after each of `steps`, of one run that draws its noise."""
    x, found = np.full(P, float(start)), []
    for gamma, where, active in steps:
        at = np.full(P, x.mean()) if where == "restart" else x
        base = x if where == "alone" else np.full(P, x.mean())
        G = slope(at[None])[0] + noise * rng.choice([-1.0, 1.0], P)
        x = np.where(True if active is None else active, base - gamma * G, base)
        found.append(x.mean())
    return np.array(found)


@pytest.mark.parametrize(
    "P, steps",
    [(3, [*exact.restarts(4, 2, 0.2)]), (2, [*exact.rounds([[3, 1], [3, 1]], [0.3, 0.1])])],
    ids=["Algorithm 1", "Algorithm 3"],
)
def test_all_outcomes_have_the_moments_of_many_runs(P, steps):
    rng, tilt = np.random.default_rng(0), np.linspace(-0.5, 0.5, P)
    case = dict(slope=lambda X: np.sin(2 * X) + tilt, noise=0.8)
    runs = np.array([drawn_once(0.4, P, steps, rng=rng, **case) for _ in range(1500)])
    averages = [X.mean(axis=1) for X in exact.outcomes(0.4, P, steps, **case)][1:]
    for k in (1, 2):
        expected = np.array([(x**k).mean() for x in averages])
        error = (runs**k).std(axis=0) / len(runs) ** 0.5
        assert (abs((runs**k).mean(axis=0) - expected) < 4 * error + 1e-12).all()


def test_many_learners_stay_where_the_tightest_instances_have_them():
    slope, moved = bounds.many_learners_of_a_tent(0.1)
    assert slope == pytest.approx(0.05) and abs(moved) < 1e-15
    places, slopes = np.array(list(bounds.many_learners_of_algorithm_1(0.1))).T
    np.testing.assert_allclose(places[1:], 0.0, atol=1e-13)
    np.testing.assert_allclose(slopes[1:], 0.1, rtol=1e-12)
    u = np.linspace(-3, 3, 6001)
    for height, radius in ((0.05, 0.2), (0.1, 0.1)):
        tent = bounds.tent(u, height, radius)
        assert np.abs(np.diff(tent)).max() <= (u[1] - u[0]) * (1 + 1e-9)  # L = 1
        assert tent[0] <= 0 and tent[-1] == 0  # F is bounded below


def test_bounds_of_sequences_are_those_of_equal_rounds():
    case = dict(L=1.2, M=2.0, P=4, gap=0.7)
    rest = zhou2018.bound(3, 7, gamma=0.1, B=5, **case)
    assert zhou2018.bound_of_sequences(3, [0.1] * 7, [5] * 7, **case) == pytest.approx(rest, rel=1e-14)
    case = dict(N=3, L=1.2, G2=2.0, sigma2=0.5, gap=0.7)
    rest = yu2019.bound(4 * 7, gamma=0.1, I=4, **case)
    assert yu2019.bound_of_sequences([4] * 7, [0.1] * 7, **case) == pytest.approx(rest, rel=1e-14)
