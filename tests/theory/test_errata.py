"""docs/errata.md: what shows each slip, computed anew; the numbers there are those that come out here."""

import itertools
import re
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from pavg.data import catalogue
from pavg.theory import exact, yu2019, zhang2016, zhou2018

PAGE = (Path(__file__).resolve().parent.parent.parent / "docs" / "errata.md").read_text()
ROWS = dict(re.findall(r"^\| ([ZHY]\d+) \|(.*)$", PAGE, re.M))


def said(row, text):
    """Whether the page's row has a number, or a sentence."""
    assert text in ROWS[row], (text, ROWS[row])


def test_each_slip_has_a_test():
    tested = {name.split("_")[1].upper() for name in globals() if re.match(r"test_[zhy]\d+_", name)}
    assert tested == set(ROWS) and len(ROWS) > 20


# --- Zhang et al. 2016 -----------------------------------------------------------------------------


def test_z1_equation_4_has_L_and_c_exchanged():
    case = dict(alpha=0.1, c=1.0, L=2.0, sigma2=1.0)
    C = np.zeros((2, 2))
    for _ in range(2000):
        C = zhang2016.covariance_step(C, alpha=0.1, H=np.diag([1.0, 2.0]), noise=np.diag([1.0, 0.0]))
    printed, right = (f(np.inf, **case) for f in (zhang2016.printed_variance_bound, zhang2016.variance_bound))
    assert printed < np.trace(C) <= right
    said("Z1", f"{np.trace(C):.4f} > {printed:.4f}")
    said("Z1", f"right: {right:.4f}")


ROW, RESIDUAL = np.array([1.0, 2.0]), np.array([2.0, -1.0])  # least squares in one dimension, at w*


def test_z2_no_beta_satisfies_equation_5_where_the_variance_has_a_slope():
    assert (ROW * RESIDUAL).mean() == 0  # w* it is
    at = np.var(ROW * RESIDUAL)
    steps = np.array([1.0, 0.1, 0.001])
    ratios = [(np.var(ROW * (RESIDUAL - ROW * v)) - at) / v**2 for v in steps]
    said("Z2", ", ".join(f"{ratio:,.2f} at {v:g}" for ratio, v in zip(ratios, steps, strict=True)))
    slope = 2.0 * np.cov(ROW * RESIDUAL, ROW**2, ddof=0)[0, 1]
    case = dict(largest=np.var(ROW**2), slope=abs(slope), at_optimum=at)
    for tau, v in itertools.product((0.1, 3.0, 50.0), np.linspace(-10, 10, 401)):
        beta2, sigma2 = zhang2016.variance_envelope(tau, **case)
        assert np.var(ROW * (RESIDUAL + ROW * v)) <= (beta2 * v**2 + sigma2) * (1 + 1e-12)


def test_z3_a_mean_curvature_is_no_envelope():
    a = np.array([10.0] + [1.0] * 9)  # rows ±a_j e_j, residuals of ±1: Δ = Δ(w*) + Σ a_j⁴(1/d − 1/d²)v_j²
    Q = a**4 * (1 / 10 - 1 / 100)
    X = np.concatenate([np.diag(a), -np.diag(a)])
    rows, v = np.concatenate([X, X]), np.eye(10)[0]
    residuals = np.repeat([1.0, -1.0], 20)
    G = rows * (residuals + rows @ v)[:, None]
    delta = ((G - G.mean(axis=0)) ** 2).sum(axis=1).mean()
    at = (rows**2).sum(axis=1).mean()
    assert delta == pytest.approx(at + Q.max(), rel=1e-12)
    said("Z3", f"{Q.max() / Q.mean():.2f} times")


def test_z4_beta_and_gamma_of_the_appendix_are_variances():
    case = dict(alpha=0.1, c=1.0, zeta=0.0, M=1)
    lemma = zhang2016.asymptotic_variance(beta2=4.0, sigma2=1.0, **case)
    literal = zhang2016.asymptotic_variance(beta2=2.0, sigma2=1.0, **case)  # αβ as in the last line, β = 2
    Q = S = 0.0
    for _ in range(5000):
        Q, S = zhang2016.moments_step(Q, S, beta2=4.0, sigma2=1.0, **case)
    assert lemma == pytest.approx(Q, rel=1e-9) and literal != pytest.approx(Q, rel=0.1)
    said("Z4", f"{lemma:.4f}, not {literal:.4f}")


def test_z5_a_step_and_then_a_coin_has_the_limit_of_either_or():
    for zeta, M in itertools.product((0.01, 0.3, 0.9), (2, 24)):
        case = dict(alpha=0.2, c=1.0, beta2=1.5, sigma2=0.7, M=M)
        Q = S = 0.0
        for _ in range(3000):
            Q, S = zhang2016.moments_step(Q, S, zeta=0.0, **case)  # the text: a step …
            S = (1.0 - zeta) * S + zeta * Q  # … and then all average, or not
        assert zhang2016.asymptotic_variance(zeta=zeta, **case) == pytest.approx(Q, rel=1e-12)
        either = zhang2016.moments_step(1.0, 2.0, zeta=zeta, **case)
        first = zhang2016.moments_step(1.0, 2.0, zeta=0.0, **case)
        assert either[0] != pytest.approx(first[0], rel=1e-3)  # though a step is another one


def test_z6_table_1_exchanges_two_numbers_of_features():
    said("Z6", f"{catalogue.find('E2006-tfidf').d:,}")
    said("Z6", f"{catalogue.find('E2006-log1p').d:,}")
    assert catalogue.find("E2006-tfidf").d < catalogue.find("E2006-log1p").d


# --- Zhou & Cong 2018 ------------------------------------------------------------------------------


def test_h1_the_sum_over_steps_belongs_outside_the_norm_in_3_13():
    g = np.array([1.0, -1.0])
    assert 2 * abs(g.sum()) ** 2 == 0 and 2 * (g**2).sum() == 4
    said("H1", "0 = 4")


def test_h2_n_rounds_lead_to_the_model_after_them():
    """F = ½w², no noise, N = 1, K = 1, γ = ½, from w = 1: (3.19)."""
    gamma = 0.5
    right = -(1 - gamma**2) * gamma / 2  # δ = 1 − L²γ²
    assert 0 > right and 0.5 * (1 - gamma) ** 2 - 0.5 <= right
    said("H2", f"0 ≤ {right:.4f}".replace("-", "−"))


def test_h3_rounds_of_3_24_imply_neither_3_1_nor_3_26():
    case = dict(L=1.0, M=1e-3, B=1, gap=1.0)
    K, P = 16, 128
    N = zhou2018.printed_least_rounds(K, P=P, **case)
    gamma = zhou2018.step_size(K, N, P=P, **case)
    assert gamma == pytest.approx(1 / P, rel=1e-12)  # 1/(LP)
    asked = P * (2 * K - 1) * (K - 1) * gamma / 6
    said("H3", f"{K} > {asked:.1f}")
    ratio = zhou2018.bound(K, N, gamma=gamma, P=P, **case) / zhou2018.rate(K, N, P=P, **case)
    said("H3", f"{ratio:.2f} times")
    printed_3_30 = case["gap"] * P**3 * (2 * K - 1) * (K - 1) / (6 * K**4 * case["M"])
    assert printed_3_30 < N < zhou2018.least_rounds(K, P=P, **case)
    N = zhou2018.printed_least_rounds(4, P=1, **case)  # = (3.31)
    x = zhou2018.step_size(4, N, P=1, **case)
    assert not zhou2018.allowed(4, L=1.0, gamma=x)
    said("H3", f"1 ≥ {x**2 * 5 * 2 / 2 + 4 * x:.4f}")


def test_h4_the_third_sum_of_3_34_is_not_needed_so_that_at_most_infinite_does_no_harm():
    """Lγ_j ≤ 1 makes Σγ³/B finite where Σγ²/B is. γ_j = 1, B_j = j²: Σγ³ = ∞, and the bound falls to 0."""
    case = dict(L=0.1, M=1.0, P=1, gap=1.0)
    few, many = (
        zhou2018.bound_of_sequences(2, np.ones(n), np.arange(1.0, n + 1) ** 2, **case) for n in (10**3, 10**4)
    )
    assert many == pytest.approx(few / 10, rel=1e-3)
    rng = np.random.default_rng(0)
    for _ in range(100):
        gammas, batches = rng.uniform(0, 1 / 0.7, 30), rng.integers(1, 50, 30)
        assert (gammas**3 / batches).sum() <= (gammas**2 / batches).sum() / 0.7


def test_h5_with_batches_that_do_not_grow_3_34_allows_no_more_than_3_38():
    """γ_j = j^(−½) has Σγ³ < ∞, but K/(PB)·Σγ² grows like log N, whatever K, P and B."""
    gamma2 = [sum(1.0 / j for j in range(1, n + 1)) for n in (10**3, 10**4, 10**5)]
    gamma3 = [sum(j**-1.5 for j in range(1, n + 1)) for n in (10**3, 10**4, 10**5)]
    growth = np.diff(gamma2)
    assert growth == pytest.approx([np.log(10)] * 2, rel=1e-3) and np.diff(gamma3)[1] < 0.05
    said("H5", f"{growth[1]:.2f}")


def test_h6_the_bound_of_asgd_has_other_units_than_a_squared_gradient():
    """F → 10·F: ‖∇F‖² and (3.2) grow by 100, the second term of (3.39) by 10,000."""
    units = {"L": 10.0, "M": 100.0, "gap": 10.0, "gamma": 0.1}
    case = dict(L=1.3, gamma=0.1, M=2.0, B=4, P=8, gap=0.5)
    scaled = {name: value * units.get(name, 1.0) for name, value in case.items()}
    assert zhou2018.bound(5, 30, **scaled) == pytest.approx(100 * zhou2018.bound(5, 30, **case), rel=1e-12)
    second = [c["L"] ** 2 * c["gamma"] ** 2 * c["M"] ** 2 * c["P"] / c["B"] for c in (case, scaled)]
    said("H6", f"{second[1] / second[0]:,.0f}")


H7 = dict(S=20, L=Fraction(1), gamma=Fraction(1, 2), M=Fraction(1), B=1, P=10**6, delta=Fraction(3, 4))


def test_h7_the_last_term_of_3_42_is_a_half_not_a_third():
    case = H7 | {"gap": Fraction(3)}
    left = (1 - case["delta"]) * case["gap"] / (case["S"] * case["gamma"] * case["delta"])
    small = (3 * case["delta"] - 1) * case["gamma"] / (2 * case["delta"] * case["P"])
    printed = left > small + case["gamma"] ** 2 / Fraction(3)
    first, second = (zhou2018.at_equal_steps(K, **case) for K in (1, 2))
    assert printed and not second < first and not zhou2018.more_than_one_is_best(**case)
    said("H7", f"B(1) = {float(first):.3f} < B(2) = {float(second):.3f}")


def test_h8_a_growing_times_a_falling_factor_has_any_number_of_minima():
    grows, falls = [1, 1.6, 1.7, 2.9, 3], [1, 0.6, 0.59, 0.3, 0.299]
    product = np.multiply(grows, falls)
    assert np.all(np.diff(grows) > 0) and np.all(np.diff(falls) < 0)
    assert (np.sign(np.diff(product)) == [-1, 1, -1, 1]).all()
    tie = dict(S=1, L=Fraction(1), gamma=Fraction(1, 2), M=Fraction(1), B=1, P=1, delta=Fraction(3, 4))
    # (3.47) with equality: α·(1 − δ)/(2δ) = β(3δ − 1)/(2δ) + 3η
    alpha = (Fraction(1, 2) * Fraction(5, 6) + Fraction(1, 8)) * 6
    tie["gap"] = alpha * tie["gamma"] / 2
    assert zhou2018.at_equal_steps(1, **tie) == zhou2018.at_equal_steps(2, **tie)
    assert zhou2018.at_equal_steps(3, **tie) > zhou2018.at_equal_steps(2, **tie)
    said("H8", "B(1) = B(2)")


def test_h9_the_minimiser_of_b_may_lie_where_the_bound_does_not_hold():
    case = dict(S=10, L=1.0, gamma=0.4, M=0.01, B=1, P=100, gap=100.0)
    free = 1 + int(np.argmin(zhou2018.at_equal_steps(np.arange(1, 11), **case)))
    best = zhou2018.best_period(**case)
    assert not zhou2018.allowed(free, L=1.0, gamma=0.4) and best < free
    said("H9", f"K = {free}")
    said("H9", f"allows K ≤ {zhou2018.longest_period(L=1.0, gamma=0.4)}")


def test_h10_that_more_than_one_step_is_best_comes_from_what_3_17_gives_away():
    case = dict(L=1.0, gamma=0.4, M=0.01, B=1, P=100, gap=100.0)
    printed = [zhou2018.at_equal_steps(K, S=12, **case) for K in (1, 2)]
    before = [zhou2018.unrelaxed_bound(K, 12 / K, **case) for K in (1, 2)]
    assert printed[1] < printed[0] and before[0] < before[1] < printed[1]
    said("H10", f"{printed[0]:.1f} and {printed[1]:.1f}")
    said("H10", f"{before[0]:.1f} and {before[1]:.1f}")


# --- Yu et al. 2019 --------------------------------------------------------------------------------


def test_y1_the_average_goes_down_the_gradient():
    lengths, gamma = [2, 1], 0.1
    run = exact.outcomes(0.0, 2, exact.rounds([lengths], [gamma]), slope=lambda X: 0 * X + 1.0, noise=0.0)
    averages = [X.mean() for X in run]
    assert averages == pytest.approx([0.0, -0.1, -0.15], abs=1e-15)  # −γ·j_k/N: 2 of 2 learners, then 1
    said("Y1", "−0.1, then −0.15")


CURVATURES = np.array([1.0, 2.0])  # f_1 = ½x², f_2 = x²; two learners, γ = ¼, from x = 1, no noise


def averages(steps):
    run = exact.outcomes(1.0, 2, steps, slope=lambda X: CURVATURES * X, noise=0.0)
    return [float(X.mean()) for X in run]


def test_y2_algorithm_1_with_I_of_1_is_not_mini_batch_sgd():
    printed, batch = averages(exact.restarts(2, 1, 0.25)), averages(exact.rounds([1, 1], [0.25] * 2))
    assert printed[1] == batch[1]
    said("Y2", f"{printed[2]:.6f}, not {batch[2]:.6f}")


def test_y3_algorithm_3_with_equal_lengths_is_not_algorithm_1():
    printed, equal = averages(exact.restarts(4, 2, 0.25)), averages(exact.rounds([[2, 2]] * 2, [0.25] * 2))
    said("Y3", f"{printed[4]:.6f}, not {equal[4]:.6f}")


def test_y4_a_phase_does_not_begin_where_a_learner_ended():
    *_, X = exact.outcomes(1.0, 2, exact.rounds([2], [0.25]), slope=lambda X: CURVATURES * X, noise=0.0)
    ended = X[0]
    said("Y4", f"{ended[0]:.4f} and {ended[1]:.4f}")
    said("Y4", f"{ended.mean():.5f}")


def test_y5_steps_of_algorithm_2_begin_above_1_over_L():
    K, gamma = yu2019.sequences(600, N=8)
    above = int((gamma > 1.0).sum())
    growth = np.abs(np.cumprod(1.0 - gamma))
    assert above == int(8**1.5) and (K[:512] == 1).all() and K[512] == 2
    said("Y5", f"first {above} phases, and x grows {growth.max():.0f} times")


def test_y6_with_one_phase_theorem_2_has_nothing_that_falls_with_N():
    """S = 1: T = K¹ = 1, and the weighted mean is ‖∇f(x̄⁰)‖² for any N."""
    for N in (1, 100, 10**6):
        K, gamma = yu2019.sequences(1, N=N)
        assert K.tolist() == [1] and gamma[0] * K[0] / (gamma * K).sum() == 1.0
    said("Y6", "‖∇f(x̄⁰)‖²")


def test_y7_between_N_and_N_cubed_no_period_is_short_enough():
    for N in (2, 8, 24):
        assert all(yu2019.longest_period(T, N=N) == 0 for T in range(N, N**3))
        assert yu2019.longest_period(N**3, N=N) == 1
    said("Y7", f"N = 8, T = 511: {511**0.25 / 8**0.75:.4f}")
