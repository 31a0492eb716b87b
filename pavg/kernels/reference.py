"""Local SGD on linear models, dense and CSR: the plain loops, which every fast kernel is tested against.

One source for both layouts: they differ in `margin` (⟨w, xᵢ⟩) and `subtract` (w −= a·xᵢ) only.
"""

import numpy as np
from numba import njit

from pavg.kernels.losses import dloss
from pavg.kernels.streams import draw

# the full set would let LLVM assume that there is no NaN; on CSR even this one makes slow gathers
DENSE_MATH = {"contract", "reassoc", "nsz", "arcp"}
TINY = 1e-100  # of S: below it the model is scaled itself


@njit(cache=True, nogil=True, fastmath=DENSE_MATH)
def margin_dense(X, i, W, l, d):
    z = 0.0
    for j in range(d):
        z += X[i, j] * W[l, j]
    return z


@njit(cache=True, nogil=True)
def margin(X, columns, indptr, i, W, l, d, intercept):
    """⟨xᵢ, W[l]⟩, with the intercept."""
    if X.ndim == 2:
        z = margin_dense(X, i, W, l, d)
    else:
        z = 0.0
        for k in range(indptr[i], indptr[i + 1]):
            z += X[k] * W[l, columns[k]]
    return z + W[l, d] if intercept else z


@njit(cache=True, nogil=True, fastmath=DENSE_MATH)
def subtract_dense(X, i, a, W, l, d):
    for j in range(d):
        W[l, j] -= a * X[i, j]


@njit(cache=True, nogil=True)
def subtract(X, columns, indptr, i, a, W, l, d, intercept):
    """W[l] −= a·xᵢ, with the intercept."""
    if X.ndim == 2:
        subtract_dense(X, i, a, W, l, d)
    else:
        for k in range(indptr[i], indptr[i + 1]):
            W[l, columns[k]] -= a * X[k]
    if intercept:
        W[l, d] -= a


@njit(cache=True, nogil=True)
def shrink(W, S, l, d, intercept, factor):
    """S[l]·W[l] ← factor·S[l]·W[l] but for the intercept, by one number as long as that is not tiny."""
    before = S[l, 0]
    after = before * factor
    if abs(after) < TINY:
        for j in range(d):
            W[l, j] *= after
        after = 1.0
    if intercept:
        W[l, d] *= before / after
    S[l, 0] = after


@njit(cache=True, nogil=True, forceinline=True)
def steps(samples, formula, model, order, schedule, n):
    """n local steps of every learner: w ← w − γ(Σ ℓ'(zᵢ, yᵢ)xᵢ/B + λw), or with momentum.

    Momentum: v ← μv + gradient, w ← w − γv. The L2 term leaves the intercept alone. On CSR it shrinks the
    factor S[l] instead of d numbers (Bottou 2012, section 5.1). Tuples: `pavg.kernels.linear`.
    """
    X, columns, indptr, y = samples
    code, d, l2, intercept = formula
    W, V, mu, S = model
    rule, keys, draws, rows, starts, counts = order
    gammas, batches, first = schedule
    chosen, coefficients = np.empty(1, np.int64), np.empty(1)
    for l in range(W.shape[0]):
        key, start, count, m = keys[l], starts[l], counts[l], draws[l]
        for s in range(first, first + n):
            B, gamma = batches[s], gammas[s]
            if chosen.size < B:
                chosen, coefficients = np.empty(B, np.int64), np.empty(B)
            for k in range(B):  # all coefficients at the old w
                i = draw(rule, key, m, rows, start, count)
                m += 1
                chosen[k] = i
                z = S[l, 0] * margin(X, columns, indptr, i, W, l, d, intercept)
                coefficients[k] = dloss(code, z, y[i]) / B
            if V.size == 0:
                if l2 != 0.0 and X.ndim == 1:
                    shrink(W, S, l, d, intercept, 1.0 - gamma * l2)
                elif l2 != 0.0:
                    for j in range(d):
                        W[l, j] *= 1.0 - gamma * l2
                for k in range(B):
                    a = gamma * coefficients[k] / S[l, 0]
                    subtract(X, columns, indptr, chosen[k], a, W, l, d, intercept)
            else:
                for j in range(d):
                    V[l, j] = mu * V[l, j] + l2 * W[l, j]
                if intercept:
                    V[l, d] *= mu
                for k in range(B):
                    subtract(X, columns, indptr, chosen[k], -coefficients[k], V, l, d, intercept)
                for j in range(d + intercept):
                    W[l, j] -= gamma * V[l, j]
        draws[l] = m
