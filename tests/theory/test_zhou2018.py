"""Zhou & Cong: conditions, bounds, their algebra in exact fractions, and the integer minimiser."""

import itertools
from fractions import Fraction

import numpy as np
import pytest

from pavg.theory.zhou2018 import (
    allowed,
    at_equal_steps,
    best_period,
    best_tuned_period,
    bound,
    bound_terms,
    largest_step,
    least_rounds,
    longest_period,
    more_than_one_is_best,
    printed_least_rounds,
    rate,
    step_size,
    tuned,
    unrelaxed_bound,
)


def fractions(rng, *, most_step=Fraction(1, 2)):
    """A case in fractions, Lγ up to `most_step`."""
    draw = lambda low, high: Fraction(int(rng.integers(low, high)), int(rng.integers(1, 20)))  # noqa: E731
    L = draw(1, 40)
    gamma = most_step * Fraction(int(rng.integers(1, 100)), 100) / L
    P, B = int(rng.integers(1, 100)), int(rng.integers(1, 20))
    return dict(L=L, gamma=gamma, M=draw(0, 30), B=B, P=P, gap=draw(0, 200))


@pytest.mark.parametrize("K", [1, 2, 3, 4, 10, 100, 10_000])
def test_the_largest_step_of_a_period_is_the_edge_of_both_conditions(K):
    L = 1.7
    gamma = largest_step(K, L=L)
    assert allowed(K, L=L, gamma=gamma * (1 - 1e-9)) and not allowed(K, L=L, gamma=gamma * (1 + 1e-9))


def test_the_longest_period_is_the_last_that_is_allowed():
    for x in np.concatenate([10.0 ** np.linspace(-3, 0.3, 150), [0.5, 0.2]]):
        K = longest_period(L=2.0, gamma=x / 2.0)
        assert [k for k in range(1, 800) if allowed(k, L=2.0, gamma=x / 2.0)] == list(range(1, K + 1))
    assert longest_period(L=1.0, gamma=1.0) == 0 and longest_period(L=1.0, gamma=0.99) == 1


def test_steps_of_the_proof_of_theorem_3_1_are_identities():
    """(3.13) to (3.17): sums over t, and what is left of ‖∇F(w̃)‖², in exact fractions."""
    for K in range(1, 60):
        assert sum(t**2 for t in range(1, K)) == Fraction((K - 1) * K * (2 * K - 1), 6)
        for i in range(1, K):  # the largest coefficient of ‖∇F(w_i)‖² is that of i = 1
            assert 2 * sum(range(i + 1, K)) == K * (K - 1) - i * (i + 1) <= (K + 1) * (K - 2)
    for K, n in itertools.product(range(1, 30), range(1, 40)):
        x = Fraction(n, 40)
        left = K + 1 - x**2 * K * (K - 1) / 2 - x * K
        spare = 1 - x**2 * (K + 1) * (K - 2) / 2 - x * K
        assert left == K - x**2 + spare  # (3.17): equal where (3.1) is just met


def test_the_bound_is_the_sum_of_its_terms_as_they_are_printed():
    case = dict(L=1.3, gamma=0.1, M=2.0, B=4, P=8, gap=0.5)
    K, N, delta = 5, 30, 0.25
    start = 2 * 0.5 / (30 * (5 - 1 + 0.25) * 0.1)
    noise = 1.3 * 5 * 0.1 * 2.0 / (4 * (5 - 1 + 0.25)) * (5 / 8 + 1.3 * 9 * 4 * 0.1 / 6)
    assert bound(K, N, delta=delta, **case) == pytest.approx(start + noise, rel=1e-14)
    assert bound(K, N, **case) < bound(K, N, delta=delta, **case)  # the strongest δ
    assert bound(K, N, **case) == bound(K, N, delta=1 - 0.13**2, **case)


def test_theorem_3_4_is_b_of_2_below_b_of_1_in_exact_fractions():
    rng, seen = np.random.default_rng(0), {True: 0, False: 0}
    for _ in range(500):
        case = fractions(rng) | {"S": int(rng.integers(1, 400))}
        case["delta"] = Fraction(int(rng.integers(1, 100)), 100) if rng.random() < 0.5 else None
        first, second = (at_equal_steps(K, **case) for K in (1, 2))
        assert isinstance(first, Fraction)
        assert more_than_one_is_best(**case) == (second < first)
        seen[second < first] += 1
    assert min(seen.values()) > 50


def test_b_is_the_bound_with_a_fixed_number_of_steps():
    rng = np.random.default_rng(1)
    for _ in range(100):
        case, K, N = fractions(rng), int(rng.integers(1, 30)), int(rng.integers(1, 50))
        assert at_equal_steps(K, S=N * K, **case) == bound(K, N, **case) == sum(bound_terms(K, N, **case))


def test_b_is_convex_or_grows_throughout_so_that_its_minimiser_is_found_by_halving():
    """B = q(K) + c(2ηK + …) + c·q(c)/(K − c), c = 1 − δ: convex for q(c) ≥ 0, else growing."""
    rng = np.random.default_rng(2)
    for _ in range(200):
        case = fractions(rng) | {"S": int(rng.integers(1, 4000))}
        case["delta"] = Fraction(int(rng.integers(1, 100)), 100)
        B = [at_equal_steps(K, **case) for K in range(1, 40)]
        steps = [b - a for a, b in itertools.pairwise(B)]
        assert all(a <= b for a, b in itertools.pairwise(steps)) or all(step > 0 for step in steps)


def test_the_best_period_is_the_best_of_all_that_are_allowed():
    rng, found = np.random.default_rng(3), []
    for _ in range(300):
        case = dict(L=1.0, gamma=10.0 ** rng.uniform(-2.5, -0.1), M=10.0 ** rng.uniform(-5, 1), B=1)
        case |= dict(P=int(rng.integers(1, 200)), gap=10.0 ** rng.uniform(-1, 3), S=int(rng.integers(1, 500)))
        periods = np.arange(1, min(longest_period(L=1.0, gamma=case["gamma"]), case["S"]) + 1)
        B = at_equal_steps(periods, **case)
        best = best_period(**case)
        assert best in periods and at_equal_steps(best, **case) <= B.min() * (1 + 1e-13)
        if B.size > 1:
            assert more_than_one_is_best(**case) == (best > 1)
        found.append(best)
    assert 50 < sum(K > 1 for K in found) < 250 and max(found) > 20
    assert best_period(L=1.0, gamma=1.0, M=1.0, B=1, P=1, gap=1.0, S=10) is None


def test_before_3_17_the_bound_is_smaller_and_its_best_period_is_1():
    rng = np.random.default_rng(4)
    for _ in range(200):
        case = fractions(rng)
        S, last = 720, longest_period(L=case["L"], gamma=case["gamma"])
        values = [unrelaxed_bound(K, Fraction(S, K), **case) for K in range(1, min(last, 60) + 1)]
        assert all(a <= b for a, b in itertools.pairwise(values))
        assert all(v <= at_equal_steps(K, S=S, **case) for K, v in enumerate(values, 1))


CASE = dict(L=1.3, M=2.0, B=4, gap=0.5)


@pytest.mark.parametrize("K, P", [*itertools.product([1, 2, 3, 5, 16, 64], [1, 4, 128])])
def test_the_fewest_rounds_of_corollary_3_1_are_just_enough(K, P):
    def follows(N):
        gamma = step_size(K, N, P=P, **CASE)
        enough = K / P >= CASE["L"] * (2 * K - 1) * (K - 1) * gamma / 6 * (1 - 1e-12)
        return enough and allowed(K, L=CASE["L"], gamma=gamma * (1 - 1e-12))

    N = least_rounds(K, P=P, **CASE)
    assert follows(N) and (N == 1 or not follows(N - 1))
    gamma = step_size(K, N, P=P, **CASE)
    assert bound(K, N, gamma=gamma, P=P, **CASE) <= rate(K, N, P=P, **CASE) * (1 + 1e-12)
    delta = 0.9
    more = least_rounds(K, P=P, delta=delta, **CASE)
    assert (CASE["L"] * step_size(K, more, P=P, **CASE)) ** 2 <= 1 - delta + 1e-12


def test_rounds_as_printed_are_too_few_by_what_is_said():
    case = dict(L=1.0, M=1e-6, B=1, gap=1.0)
    missing = [least_rounds(K, P=1, **case) / printed_least_rounds(K, P=1, **case) for K in (3, 10, 10_000)]
    assert missing == pytest.approx([1.409, 1.771, 1.866], abs=1e-3)
    assert least_rounds(2, P=1, **case) == pytest.approx(printed_least_rounds(2, P=1, **case), rel=1e-6)
    many = {K: least_rounds(K, P=10**4, **case) / printed_least_rounds(K, P=10**4, **case) for K in (4, 5)}
    assert many[4] <= 1.0 < many[5] == pytest.approx(1.44, rel=1e-9)


def test_a_tuned_step_is_the_best_of_a_fine_grid_of_those_allowed():
    case = dict(S=4096, L=2.0, M=3.0, B=16, P=8, gap=1.0)
    for K in (1, 2, 8, 64):
        gamma, value = tuned(K, **case)
        assert allowed(K, L=2.0, gamma=gamma)
        grid = largest_step(K, L=2.0) * np.linspace(1e-4, 1 - 1e-6, 20_000)
        values = [at_equal_steps(K, gamma=g, **case) for g in grid]
        assert value == pytest.approx(min(values), rel=1e-6) and value <= min(values) * (1 + 1e-9)
    values = {K: tuned(K, **case)[1] for K in (1, 2, 8, 64)}
    assert best_tuned_period([1, 2, 8, 64], **case) == min(values, key=values.get)
    quiet = case | {"M": 0.0, "gap": 100.0}
    assert best_tuned_period([1, 2], **quiet) == 2  # 2/(½·(2 − ¼)) < 1/(x(1 − x²)), whatever x
