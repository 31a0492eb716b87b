"""Exact means of what runs do, for checking bounds: no sampling noise.

On quadratics second moments obey a recursion that sums up in closed form. Elsewhere, in one dimension, all
outcomes of a noise of two values are gone through: after t steps of P learners 2^(P·t), equally likely.
"""

import numpy as np


def mean_square_slope(N, K, *, gamma, curvatures, start, noise):
    """(1/N) Σ E‖∇F(w̃_j)‖² over the averages w̃_1 … w̃_N that rounds of K local steps begin with (K-AVG).

    F(w) = ½ Σ λ_k w_k². The mean over learners of w and its covariance obey the recursion of one learner.

    Parameters
    ----------
    curvatures, start, noise : λ, w̃_1 and the variances of the mean of all learners' gradients, (d,)
    gamma : step size, below 2/λ
    """
    lam, w = np.asarray(curvatures, float), np.asarray(start, float)
    rate = (1.0 - gamma * lam) ** 2
    limit = gamma**2 * np.asarray(noise, float) / (1.0 - rate)
    left = (1.0 - rate ** (K * N)) / (1.0 - rate**K) / N  # mean of rate^(K(j−1))
    return float((lam**2 * (w**2 * left + limit * (1.0 - left))).sum())


def outcomes(start, P, steps, *, slope, noise):
    """Models (outcomes, P) of P learners before the first of `steps`, and after each.

    Parameters
    ----------
    start : what all begin at
    steps : (γ, where, active) of each step. where : what steps start at and take gradients at: "alone", each
        learner's own model; "restart", the average; "printed", from the average, with gradients at own
        models (Yu et al. 2019, Algorithm 1). active : which learners step, (P,) of bool, or None for all
    slope : models (outcomes, P) → exact gradients of the same shape, column i of learner i's objective
    noise : what is added to each gradient, or subtracted from it, with probability ½
    """
    X = np.full((1, P), float(start))
    yield X
    for gamma, where, active in steps:
        active = np.ones(P, bool) if active is None else np.asarray(active)
        average = np.broadcast_to(X.mean(axis=1, keepdims=True), X.shape)
        base = X if where == "alone" else average
        G = slope(average if where == "restart" else X)
        signs = _signs(active) if noise else np.zeros((1, P))
        X = (base[:, None] - gamma * active * (G[:, None] + noise * signs)).reshape(-1, P)
        yield X


def rounds(lengths, gammas):
    """`steps` of rounds of so many local steps, each from the average: K-AVG, and Algorithms 2 and 3 of Yu.

    lengths : of the rounds; an entry may be a list, of the steps of each learner; gammas : of the rounds
    """
    for length, gamma in zip(lengths, gammas, strict=True):
        for k in range(np.max(length)):
            active = np.asarray(length) > k if np.ndim(length) else None
            yield gamma, "alone" if k else "restart", active


def restarts(T, I, gamma):
    """`steps` t = 1 … T of Yu et al. 2019, Algorithm 1, as it is printed."""
    for t in range(1, T + 1):
        yield gamma, "alone" if t % I else "printed", None


def _signs(active):
    """All choices of a sign for each active learner, and 0 for the others: (2^active, P)."""
    signs = np.zeros((1 << active.sum(), active.size))
    signs[:, active] = 1 - 2 * np.indices((2,) * active.sum()).reshape(active.sum(), -1).T
    return signs
