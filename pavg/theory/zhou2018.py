"""Zhou & Cong 2018, "On the convergence properties of a K-step averaging SGD" (K-AVG).

What all functions take, under the paper's assumptions 1 to 4:

- K : local steps in a round; N : rounds; S = N·K : local steps of one learner; P : learners; B : batch size;
- L : Lipschitz constant of ∇F (its units: loss / w²); gamma : step size (w² / loss);
- M : largest variance E‖∇f − ∇F‖² of the gradient of a single sample, whatever w (loss² / w²);
- gap : F(w̃₁) − F* ≥ 0, of the model that all start from (loss);
- delta : δ of (3.1), free in (0, 1 − L²γ²]; None is the strongest choice, 1 − L²γ².

Bounds are of means of ‖∇F(w̃)‖² over the averages that rounds begin with (loss² / w²). Outside their
conditions (`allowed`) they say nothing, and the functions do not look. Of fractions they are fractions.
"""

import math

import numpy as np
from scipy.optimize import minimize_scalar


def allowed(K, *, L, gamma):
    """Whether (3.1) = (3.41) holds for some δ > 0: 1 ≥ L²γ²(K+1)(K−2)/2 + LγK, and L²γ² < 1."""
    x = L * gamma
    return x < 1.0 and x**2 * (K + 1) * (K - 2) / 2.0 + x * K <= 1.0


def largest_step(K, *, L):
    """The largest γ that the first condition of (3.1) allows, 2 / (L(K + √(3K² − 2K − 4))), for K ≥ 2.

    K = 1 is bounded by the second alone: γ < 1/L, and 1/L is what is returned.
    """
    return 1.0 / L if K == 1 else 2.0 / (L * (K + math.sqrt(3 * K**2 - 2 * K - 4)))


def longest_period(*, L, gamma):
    """The largest K that (3.1) allows; 0 where it allows none, as Lγ ≥ 1."""
    x = L * gamma
    if x >= 1.0:
        return 0
    root = math.sqrt((x - x**2 / 2.0) ** 2 + 2.0 * x**2 * (1.0 + x**2))
    K = max(int((root - x + x**2 / 2.0) / x**2), 1)
    while allowed(K + 1, L=L, gamma=gamma):  # what rounding took
        K += 1
    while K > 1 and not allowed(K, L=L, gamma=gamma):
        K -= 1
    return K


def bound_terms(K, N, *, L, gamma, M, B, P, gap, delta=None):
    """The terms of (3.2), Theorem 3.1: of the start, of noise that is averaged, of noise that makes drift.

    2·gap / (N(K−1+δ)γ),  LKγM/(B(K−1+δ)) · K/P,  LKγM/(B(K−1+δ)) · L(2K−1)(K−1)γ/6.
    """
    share = K - 1 + _delta(delta, L, gamma)
    noise = L * K * gamma * M / (B * share)
    drift = noise * L * (2 * K - 1) * (K - 1) * gamma / 6
    return 2 * gap / (N * share * gamma), noise * K / P, drift


def bound(K, N, **case):
    """(3.2) = (3.22) = (3.40), Theorem 3.1: the sum of `bound_terms`."""
    return sum(bound_terms(K, N, **case))


def unrelaxed_bound(K, N, *, L, gamma, M, B, P, gap):
    """What (3.16) gives, before (3.17) gives some of it away: no more than `bound`, whatever δ.

    Its denominators are K + 1 − L²γ²K(K−1)/2 − LγK in place of K − 1 + δ. At S = N·K it grows with K, for
    all that it depends on: that K > 1 is ever best, as Theorem 3.4 says, comes from (3.17).
    """
    x = L * gamma
    share = K + 1 - x**2 * K * (K - 1) / 2 - x * K
    noise = x * K * M / B
    drift = noise * x * (2 * K - 1) * (K - 1) / 6
    return (2 * gap / (N * gamma) + noise * K / P + drift) / share


def bound_of_sequences(K, gammas, batches, *, L, M, P, gap, delta=None):
    """(3.33), Theorem 3.2: of Σ γ_j‖∇F(w̃_j)‖² / Σ γ_j. gammas, batches : γ_j and B_j of the rounds, (N,).

    Each γ_j must satisfy (3.1); δ = 1 − L²·max γ_j² unless it is given.
    """
    gammas, batches = np.asarray(gammas, float), np.asarray(batches, float)
    share = (K - 1.0 + _delta(delta, L, gammas.max())) * gammas.sum()
    each = L * K * gammas**2 * M / batches * (K / P + L * (2 * K - 1) * (K - 1) * gammas / 6.0)
    return float((2.0 * gap + each.sum()) / share)


def step_size(K, N, *, L, M, B, P, gap):
    """γ = √(gap·B·P / (L·M·K²·N)), (3.23)."""
    return math.sqrt(gap * B * P / (L * M * K**2 * N))


def rate(K, N, *, L, M, B, P, gap, delta=None):
    """(3.25), Corollary 3.1: 4K/(K−1+δ) · √(gap·L·M/(B·P)) / √N, with γ of (3.23), for N ≥ `least_rounds`."""
    gamma = step_size(K, N, L=L, M=M, B=B, P=P, gap=gap)
    return 4.0 * K / (K - 1.0 + _delta(delta, L, gamma)) * math.sqrt(gap * L * M / (B * P * N))


def least_rounds(K, *, L, M, B, P, gap, delta=None):
    """The least N for which Corollary 3.1 follows: (3.24) put right. int.

    With U = gap·L·B·P/M, N must be at least U·P²(2K−1)²(K−1)²/(36K⁴), for (3.26), and U/(K·Lγ)² with γ the
    largest that (3.1) allows. (3.30) has lost two squares, and (3.31) is too little from K = 3 on.
    """
    U = gap * L * B * P / M
    for_drift = U * P**2 * (2 * K - 1) ** 2 * (K - 1) ** 2 / (36.0 * K**4)
    first = U / (K * L * largest_step(K, L=L)) ** 2
    second = 0.0 if delta is None else U / (K**2 * (1.0 - delta))
    if K == 1 and delta is None:  # γ < 1/L, not ≤
        first = math.nextafter(first, math.inf)
    return max(math.ceil(max(for_drift, first, second)), 1)


def printed_least_rounds(K, *, L, M, B, P, gap):
    """(3.24) as printed, gap·L·B·P/M · max(P²/K², 1): too few from K = 3 on. float."""
    return gap * L * B * P / M * max(P**2 / K**2, 1.0)


def at_equal_steps(K, *, S, L, gamma, M, B, P, gap, delta=None):
    """B(K) of (3.44): the bound (3.2) of S = N·K local steps of each learner. K may be an array."""
    share = K - 1 + _delta(delta, L, gamma)
    alpha, beta = 2 * gap / (S * gamma), L * gamma * M / (P * B)
    eta = L**2 * gamma**2 * M / (6 * B)
    return (alpha + beta * K + eta * (2 * K - 1) * (K - 1)) * (K / share)


def more_than_one_is_best(*, S, L, gamma, M, B, P, gap, delta=None):
    """Whether B(2) < B(1): (3.42) of Theorem 3.4, its last term L²γ²M/(2B), where 3 is printed for 2.

    B is convex or grows throughout, so this is not sufficient alone, but necessary for a best K above 1.
    It is about the bound (3.2): see `unrelaxed_bound`.
    """
    d = _delta(delta, L, gamma)
    start = (1 - d) * gap / (S * gamma * d)
    noise = (3 * d - 1) * L * gamma * M / (2 * d * P * B)
    return start > noise + L**2 * gamma**2 * M / (2 * B)


def best_period(*, S, L, gamma, M, B, P, gap, delta=None):
    """The K that minimises B(K) over those that (3.41) allows, at most S: (3.46); None if it allows none.

    Of two that are equally good, the smaller.
    """
    low, high = 1, min(longest_period(L=L, gamma=gamma), int(S))
    if high < 1:
        return None
    case = dict(S=S, L=L, gamma=gamma, M=M, B=B, P=P, gap=gap, delta=delta)
    while low < high:  # convex, or growing throughout
        middle = (low + high) // 2
        if at_equal_steps(middle + 1, **case) < at_equal_steps(middle, **case):
            low = middle + 1
        else:
            high = middle
    return low


def tuned(K, *, S, L, M, B, P, gap):
    """(γ, B(K)) of the step size that is best for this K among those that (3.41) allows, δ = 1 − L²γ²."""
    case = dict(S=S, L=L, M=M, B=B, P=P, gap=gap)
    most = math.log(largest_step(K, L=L))
    found = minimize_scalar(
        lambda log: at_equal_steps(K, gamma=math.exp(log), **case),
        bounds=(most - 30.0, most), method="bounded", options={"xatol": 1e-10},
    )  # fmt: skip
    return math.exp(found.x), float(found.fun)


def best_tuned_period(periods, **case):
    """The K of `periods` whose B(K) is least, each with a step size of its own, as experiments tune them.

    case : what `tuned` takes. B is convex in γ, so there is one valley for each K.
    """
    return min(periods, key=lambda K: (tuned(K, **case)[1], K))


def _delta(delta, L, gamma):
    return 1 - (L * gamma) ** 2 if delta is None else delta
