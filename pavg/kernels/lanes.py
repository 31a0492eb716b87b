"""Linear models with many step sizes side by side: the plain loops, dense and CSR.

As `pavg.kernels.linear`, with models W (L, width, lanes), lanes contiguous, and step sizes (window, lanes).
All lanes draw the same rows; each does what it would do alone. A lane whose step size is 0 stands still.
"""

import numpy as np
from numba import njit

from pavg.kernels.losses import correct, dloss, loss
from pavg.kernels.reference import TINY
from pavg.kernels.streams import draw


@njit(cache=True, nogil=True)
def margins(X, columns, indptr, i, W, l, d, intercept, z):
    """z[k] ← ⟨xᵢ, W[l, :, k]⟩ of every lane k, with the intercept."""
    for k in range(z.size):
        z[k] = W[l, d, k] if intercept else 0.0
    if X.ndim == 2:
        for j in range(d):
            for k in range(z.size):
                z[k] += X[i, j] * W[l, j, k]
    else:
        for m in range(indptr[i], indptr[i + 1]):
            j = columns[m]
            for k in range(z.size):
                z[k] += X[m] * W[l, j, k]


@njit(cache=True, nogil=True)
def subtract(X, columns, indptr, i, a, W, l, d, intercept):
    """W[l, :, k] −= a[k]·xᵢ for every lane k, with the intercept."""
    if X.ndim == 2:
        for j in range(d):
            for k in range(a.size):
                W[l, j, k] -= a[k] * X[i, j]
    else:
        for m in range(indptr[i], indptr[i + 1]):
            j = columns[m]
            for k in range(a.size):
                W[l, j, k] -= a[k] * X[m]
    if intercept:
        for k in range(a.size):
            W[l, d, k] -= a[k]


@njit(cache=True, nogil=True)
def shrink(W, S, l, k, d, intercept, factor):
    """As `pavg.kernels.reference.shrink`, in lane k."""
    before = S[l, k]
    after = before * factor
    if abs(after) < TINY:
        for j in range(d):
            W[l, j, k] *= after
        after = 1.0
    if intercept:
        W[l, d, k] *= before / after
    S[l, k] = after


@njit(cache=True, nogil=True)
def steps(samples, formula, model, order, schedule, n):
    """n local steps of every learner in every lane: w ← w − γ(Σ ℓ'(zᵢ, yᵢ)xᵢ/B + λw). No momentum."""
    X, columns, indptr, y = samples
    code, d, l2, intercept = formula
    W, _, _, S = model
    rule, keys, draws, rows, starts, counts = order
    gammas, batches, first = schedule
    lanes = W.shape[2]
    z, chosen, coefficients = np.empty(lanes), np.empty(1, np.int64), np.empty((1, lanes))
    for l in range(W.shape[0]):
        for s in range(first, first + n):
            B = batches[s]
            if chosen.size < B:
                chosen, coefficients = np.empty(B, np.int64), np.empty((B, lanes))
            for b in range(B):  # all coefficients at the old w
                i = draw(rule, keys[l], draws[l], rows, starts[l], counts[l])
                draws[l] += 1
                chosen[b] = i
                margins(X, columns, indptr, i, W, l, d, intercept, z)
                for k in range(lanes):
                    coefficients[b, k] = gammas[s, k] * dloss(code, S[l, k] * z[k], y[i]) / B
            if l2 != 0.0 and X.ndim == 1:
                for k in range(lanes):
                    shrink(W, S, l, k, d, intercept, 1.0 - gammas[s, k] * l2)
            elif l2 != 0.0:
                for j in range(d):
                    for k in range(lanes):
                        W[l, j, k] *= 1.0 - gammas[s, k] * l2
            for b in range(B):
                for k in range(lanes):
                    z[k] = coefficients[b, k] / S[l, k]
                subtract(X, columns, indptr, chosen[b], z, W, l, d, intercept)


@njit(cache=True, nogil=True)
def losses(samples, formula, W, begin, end):
    """(Σ ℓ(zᵢ, yᵢ), number of right classes), each (lanes,), over the rows begin … end − 1, at W[0]."""
    X, columns, indptr, y = samples
    code, d, _, intercept = formula
    lanes = W.shape[2]
    z, total, right = np.empty(lanes), np.zeros(lanes), np.zeros(lanes)
    for i in range(begin, end):
        margins(X, columns, indptr, i, W, 0, d, intercept, z)
        for k in range(lanes):
            total[k] += loss(code, z[k], y[i])
            right[k] += correct(code, z[k], y[i])
    return total, right


@njit(cache=True, nogil=True)
def add_gradient(samples, formula, W, begin, end, G):
    """G[0] += Σ ℓ'(zᵢ, yᵢ)·xᵢ over the rows begin … end − 1, at W[0] (without the L2 term)."""
    X, columns, indptr, y = samples
    code, d, _, intercept = formula
    z = np.empty(W.shape[2])
    for i in range(begin, end):
        margins(X, columns, indptr, i, W, 0, d, intercept, z)
        for k in range(z.size):
            z[k] = -dloss(code, z[k], y[i])
        subtract(X, columns, indptr, i, z, G, 0, d, intercept)
