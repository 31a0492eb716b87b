"""Yu, Yang & Zhu 2019, "Parallel restarted SGD with faster convergence and less communication".

What all functions take, under the paper's assumption 1:

- I : local steps between averages; T : steps of one learner; N : learners (P elsewhere);
- L : Lipschitz constant of each ∇f_i (loss / w²); gamma : step size, at most 1/L (w² / loss);
- G2 : G², largest second moment E‖∇F_i‖² of a stochastic gradient, whatever w and i (loss² / w²);
- sigma2 : σ², its largest variance; gap : f(x̄⁰) − f* ≥ 0 (loss).

A stochastic gradient is that of a learner's step: of a mini-batch, where there is one. Bounds are of means of
‖∇f(x̄)‖² over all steps (loss² / w²); outside γ ≤ 1/L they say nothing, and the functions do not look.
"""

import math

import numpy as np


def drift_bound(*, gamma, I, G2):
    """Lemma 1: E‖x̄^t − x_i^t‖² ≤ 4γ²I²G², for each learner (w²)."""
    return 4 * gamma**2 * I**2 * G2


def mean_drift_bound(*, gamma, I, G2):
    """(1/N)Σ E‖x̄^t − x_i^t‖² ≤ γ²I²G²: a quarter of Lemma 1, for the mean over learners (w²).

    As the mean square about the mean is no more than the mean square. Theorem 1 needs this mean alone, so
    that a quarter of its drift term would do.
    """
    return gamma**2 * I**2 * G2


def drift_cost(*, gamma, L, gradient, drift, noise=0.0):
    """How much less F falls in a step from models apart than in one from their average, at most (loss).

    With a = ∇f(x̄) and b the mean of ∇f_i(x_i), ‖a − b‖ ≤ L√D for D = (1/N)Σ‖x_i − x̄‖² (as in (7) to (9)). So
    smoothness gives E f(x̄ − γ(b + ξ)) − E f(x̄ − γ(a + ξ)) ≤ γL√D·((1 + γL)‖a‖ + γL√(E‖ξ‖²)) + γ²L³D/2.
    The paper's γL²D/2 holds against what a step guarantees, not against what it does.

    gradient : ‖a‖; drift : D (w²); noise : E‖ξ‖², variance of the mean of the stochastic gradients.
    """
    apart = L * math.sqrt(drift)
    slope = (1 + gamma * L) * gradient + gamma * L * math.sqrt(noise)
    return gamma * apart * slope + gamma**2 * L * apart**2 / 2


def bound_terms(T, *, gamma, I, N, L, G2, sigma2, gap):
    """The terms of Theorem 1: of the start, 2·gap/(γT); of drift, 4γ²I²G²L²; of noise, Lγσ²/N."""
    drift = L**2 * drift_bound(gamma=gamma, I=I, G2=G2)
    return 2 * gap / (gamma * T), drift, L * gamma * sigma2 / N


def bound(T, **case):
    """Theorem 1: the sum of `bound_terms`."""
    return sum(bound_terms(T, **case))


def step_size(T, *, N, L):
    """γ = √N/(L√T), Corollary 1: at most 1/L for T ≥ N."""
    return math.sqrt(N / T) / L


def longest_period(T, *, N):
    """The largest integer I ≤ T^{1/4}/N^{3/4} (Corollary 1, part 2), exactly; 0, for none, where T < N³."""
    I = int((T / N**3) ** 0.25)
    while (I + 1) ** 4 * N**3 <= T:  # what rounding took
        I += 1
    while I**4 * N**3 > T:
        I -= 1
    return I


def rate_terms(T, *, I, N, L, G2, sigma2, gap):
    """Corollary 1, part 1: 2L·gap/√(NT), 4N·I²G²/T, σ²/√(NT), for T ≥ N; with γ of `step_size`.

    With I ≤ `longest_period` the second is at most 4G²/√(NT): part 2.
    """
    root = math.sqrt(N * T)
    return 2.0 * L * gap / root, 4.0 * N * I**2 * G2 / T, sigma2 / root


def sequences(S, *, N, gamma0=1.0):
    """(K^s, γ^s) of rounds s = 1 … S of Algorithm 2: ⌈s^{1/3}/N⌉ steps, γ0·N/s^{2/3}. Arrays (S,).

    K^s = 1 up to s = N³. Printed with γ0 = 1, where γ^s > 1/L for s < (N·L)^{3/2}.
    """
    s = np.arange(1, S + 1)
    K = np.ceil(np.cbrt(s) / N).astype(np.int64)
    K -= ((K - 1) * N) ** 3 >= s  # what rounding of the root adds
    return K, gamma0 * N / s ** (2.0 / 3.0)


def bound_of_sequences(K, gammas, *, N, L, G2, sigma2, gap):
    """Of the mean of ‖∇f(x̄^{s,k−1})‖² weighted by γ^s, all γ^s ≤ 1/L: what Theorem 2 gives the order of.

    (2·gap + Σ_s K^s(4(γ^s)³(K^s)²G²L² + L(γ^s)²σ²/N)) / Σ_s K^s·γ^s: Theorem 1's (12), times γ^s, summed.
    K, gammas : K^s and γ^s of the rounds, (S,).
    """
    K, gammas = np.asarray(K, float), np.asarray(gammas, float)
    each = 4.0 * gammas**3 * K**2 * G2 * L**2 + L * gammas**2 * sigma2 / N
    return float((2.0 * gap + (K * each).sum()) / (K * gammas).sum())


def weights(lengths):
    """j_k/ΣI_i for k = 1 … I_1 (Theorem 3): how the means over a round of Algorithm 3 are weighted. (I_1,).

    j_k : learners that take a k-th step. The average moves by x̄^{s,k} = x̄^{s,k−1} − γ(1/N)Σ G_i^{s,k} over
    those (printed: + γ). lengths : I_i of all learners.
    """
    lengths = np.asarray(lengths)
    return (lengths[:, None] >= np.arange(1, lengths.max() + 1)).sum(axis=0) / lengths.sum()


def unequal_bound_terms(S, lengths, *, gamma, L, G2, sigma2, gap):
    """The terms of (16), Theorem 3: 2·gap/(γSĪ), 4γ²I_1²G²L², Lγσ²/N; Ī is the mean of I_i, I_1 the largest.

    S : rounds of Algorithm 3; lengths : I_i of all N learners, who draw from one distribution.
    """
    drift = L**2 * drift_bound(gamma=gamma, I=max(lengths), G2=G2)
    return 2 * gap / (gamma * S * np.mean(lengths)), drift, L * gamma * sigma2 / len(lengths)


def unequal_rate_terms(T, lengths, *, L, G2, sigma2, gap):
    """Corollary 2, with its constants: (16) with γ = √N/(L√T) and S = T/I_N, I_N the least of I_i.

    2L·gap/√(NT)·I_N/Ī, 4N·I_1²G²/T, σ²/√(NT), for T ≥ N.
    """
    case = dict(gamma=step_size(T, N=len(lengths), L=L), L=L, G2=G2, sigma2=sigma2, gap=gap)
    return unequal_bound_terms(T / min(lengths), lengths, **case)
