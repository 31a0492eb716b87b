"""Yu et al.: what the corollaries make of the theorems, Algorithm 2's sequences, and exact algebra."""

from fractions import Fraction

import numpy as np
import pytest

from pavg.theory import yu2019
from pavg.theory.yu2019 import (
    bound,
    bound_terms,
    drift_bound,
    drift_cost,
    longest_period,
    mean_drift_bound,
    rate_terms,
    sequences,
    step_size,
    unequal_bound_terms,
    unequal_rate_terms,
    weights,
)

CASE = dict(L=1.7, G2=3.0, sigma2=0.6, gap=0.9)


def test_theorem_1_is_as_printed_and_its_drift_is_lemma_1():
    T, gamma, I, N = 50, 0.1, 4, 3
    printed = 2 * 0.9 / (0.1 * 50) + 4 * 0.1**2 * 4**2 * 3.0 * 1.7**2 + 1.7 / 3 * 0.1 * 0.6
    assert bound(T, gamma=gamma, I=I, N=N, **CASE) == pytest.approx(printed, rel=1e-14)
    _, drift, _ = bound_terms(T, gamma=gamma, I=I, N=N, **CASE)
    assert drift == pytest.approx(1.7**2 * drift_bound(gamma=gamma, I=I, G2=3.0), rel=1e-14)


@pytest.mark.parametrize("T, N, I", [(64, 4, 1), (1000, 1, 5), (10**6, 30, 2)])
def test_corollary_1_is_theorem_1_with_its_step_size(T, N, I):
    gamma = step_size(T, N=N, L=CASE["L"])
    found = rate_terms(T, I=I, N=N, **CASE)
    assert found == pytest.approx(bound_terms(T, gamma=gamma, I=I, N=N, **CASE), rel=1e-12)
    assert gamma <= 1 / CASE["L"]


def test_the_longest_period_of_corollary_1_is_exact_and_keeps_drift_below_its_share():
    for N in (1, 2, 3, 8, 24):
        for T in [*range(1, 300), *(N**3 * k**4 + e for k in range(1, 40) for e in (-1, 0, 1))]:
            I = longest_period(T, N=N)
            assert I**4 * N**3 <= T < (I + 1) ** 4 * N**3
            if I:
                assert rate_terms(T, I=I, N=N, **CASE)[1] <= 4 * CASE["G2"] / (N * T) ** 0.5 * (1 + 1e-12)


def test_sequences_of_algorithm_2():
    for N in (1, 2, 5, 24):
        K, gamma = sequences(3 * N**3 + 10, N=N, gamma0=0.5)
        s = np.arange(1, K.size + 1)
        assert (((K - 1) * N) ** 3 < s).all() and ((K * N) ** 3 >= s).all()  # K = ⌈s^{1/3}/N⌉, in integers
        np.testing.assert_allclose(gamma, 0.5 * N / np.cbrt(s) ** 2, rtol=1e-12)
        assert (K[: N**3] == 1).all() and K[N**3] == 2
    assert K.dtype == np.int64


def test_algorithm_2_is_of_the_order_that_theorem_2_says():
    """The bound times √(NT)/log T levels off: S = 10² … 10⁶ phases, γ0 so small that all γ^s ≤ 1/L."""
    N, found = 2, []
    for S in (10**3, 10**4, 10**5, 10**6):
        K, gamma = sequences(S, N=N, gamma0=1 / (N * CASE["L"]))
        found.append(
            yu2019.bound_of_sequences(K, gamma, N=N, **CASE) * (N * K.sum()) ** 0.5 / np.log(K.sum())
        )
    assert max(found) / min(found) < 2.5 and found[-1] <= found[0]


def test_weights_of_theorem_3_are_learners_still_at_work():
    lengths = [4, 2, 2, 1]
    found = weights(lengths) * sum(lengths)
    assert found.tolist() == [4, 3, 1, 1]
    largest = [max(j for j in range(1, 5) if k <= lengths[j - 1]) for k in range(1, 5)]  # j_k as defined
    assert found.tolist() == largest
    assert weights([3, 3]).tolist() == pytest.approx([1 / 3] * 3)


def test_theorem_3_with_equal_lengths_is_theorem_1_and_corollary_2_puts_in_its_step():
    case = dict(gamma=0.1, **CASE)
    found = unequal_bound_terms(7, [4, 4, 4], **case)
    assert found == pytest.approx(bound_terms(28, I=4, N=3, **case), rel=1e-14)
    T, lengths = 4096, [6, 4, 4, 2]
    start, drift, noise = unequal_rate_terms(T, lengths, **CASE)
    root = (4 * T) ** 0.5
    expected = 2 * 1.7 * 0.9 / root * 2 / 4, 4 * 4 * 36 * 3.0 / T, 0.6 / root
    assert (start, drift, noise) == pytest.approx(expected, rel=1e-13)
    uniform = unequal_rate_terms(T, [4] * 4, **CASE)
    assert uniform == pytest.approx(rate_terms(T, I=4, N=4, **CASE), rel=1e-13)


def vectors(rng, *shape):
    return np.vectorize(Fraction)(rng.integers(-9, 10, shape), rng.integers(1, 9, shape))


def square(z):
    return (z * z).sum(axis=-1)


def test_steps_of_the_proofs_in_exact_fractions():
    """Algebra only: (a) to (d) of Lemma 1, and that for the mean over learners a quarter is enough.

    G[t, i] : gradients of t − t0 = I steps of N learners; G² is the largest mean square.
    """
    rng, gamma = np.random.default_rng(0), Fraction(1, 7)
    for _ in range(60):
        I, N, d = (int(n) for n in rng.integers(1, 6, 3))
        G = vectors(rng, I, N, d)
        Z, mean = G.sum(axis=0), G.sum(axis=0).sum(axis=0) / N
        apart = [gamma**2 * square(mean - Z[i]) for i in range(N)]
        a = [2 * gamma**2 * (square(mean) + square(Z[i])) for i in range(N)]
        each = square(G)  # (I, N)
        averages = square(G.sum(axis=1) / N)
        b = [2 * gamma**2 * I * (averages.sum() + each[:, i].sum()) for i in range(N)]
        c = [2 * gamma**2 * I * ((each.sum(axis=1) / N).sum() + each[:, i].sum()) for i in range(N)]
        G2 = each.max()
        last = drift_bound(gamma=gamma, I=I, G2=G2)
        for chain in zip(apart, a, b, c, [last] * N, strict=True):
            assert list(chain) == sorted(chain)
        assert sum(apart) / N == gamma**2 * (sum(square(Z)) / N - square(mean))
        assert sum(apart) / N <= mean_drift_bound(gamma=gamma, I=I, G2=G2) == last / 4


def test_the_step_from_12_to_a_bound_of_unequal_rounds_in_exact_fractions():
    """Algebra only: with j of N learners at work, Lγ(j/N)²σ²/j = (j/N)·Lγσ²/N, and Σ j_k/N = Ī."""
    rng = np.random.default_rng(1)
    for _ in range(50):
        lengths = np.sort(rng.integers(1, 9, rng.integers(1, 7)))[::-1].tolist()
        N = len(lengths)
        counts = [sum(k <= I for I in lengths) for k in range(1, lengths[0] + 1)]
        assert sum(Fraction(j, N) for j in counts) == Fraction(sum(lengths), N)
        assert all(Fraction(j, N) ** 2 / j == Fraction(j, N) / N for j in counts)


def step_from(models, hessians, centres, gamma, noise):
    """(F after a step from models apart, after one from their average, ‖∇F‖, D), F_i = ½(w − c)ᵀA(w − c)."""

    def gradients(at):
        return [A @ (w - c) for A, w, c in zip(hessians, at, centres, strict=True)]

    def F(w):
        return np.mean([(w - c) @ A @ (w - c) / 2 for A, c in zip(hessians, centres, strict=True)])

    mean = np.mean(models, axis=0)
    whole = np.mean(gradients([mean] * len(models)), axis=0)
    apart, together = (
        np.mean([F(mean - gamma * (b + xi)) for xi in noise])
        for b in (np.mean(gradients(models), axis=0), whole)
    )
    return apart, together, np.linalg.norm(whole), np.mean(np.sum((models - mean) ** 2, axis=1))


def test_drift_takes_no_more_of_a_step_than_smoothness_allows():
    """150 random quadratics, convex and not, with noise of known variance."""
    draw, L = np.random.default_rng(3), 1.7
    for _ in range(150):
        N, d = draw.integers(2, 6), draw.integers(1, 5)
        hessians = []
        for _ in range(N):
            Q, _ = np.linalg.qr(draw.standard_normal((d, d)))
            hessians.append(Q @ np.diag(draw.uniform(-L, L, d)) @ Q.T)
        models, centres = (scale * draw.standard_normal((N, d)) for scale in draw.choice([0.1, 1.0, 10.0], 2))
        gamma, xi = draw.uniform(0, 2 / L), draw.choice([0.0, 3.0]) * draw.standard_normal((8, d))
        noise = [*xi, *-xi]
        apart, together, slope, drift = step_from(models, hessians, centres, gamma, noise)
        variance = np.mean(np.sum(np.square(noise), axis=1))
        cost = drift_cost(gamma=gamma, L=L, gradient=slope, drift=drift, noise=variance)
        assert apart - together <= cost * (1 + 1e-12)


def test_the_cost_of_drift_is_tight_and_a_tenth_less_would_be_too_little():
    """Two learners whose curvatures are L and −L: F is straight, and drift turns the gradient round."""
    L, gamma, reach = 2.0, 1e-3, 0.5
    hessians, centres = [np.array([[L]]), np.array([[-L]])], np.array([[1.0], [-1.0]])
    models = np.array([[reach], [-reach]])
    apart, together, slope, drift = step_from(models, hessians, centres, gamma, np.zeros((1, 1)))
    cost = drift_cost(gamma=gamma, L=L, gradient=slope, drift=drift)
    assert 0.9 * cost < apart - together <= cost
