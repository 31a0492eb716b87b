"""Local SGD on linear models, dense and CSR: the plain loops.

One source for both layouts: they differ in `margin` (⟨w, xᵢ⟩) and `subtract` (w −= a·xᵢ) only.

The tuples, in one order everywhere, unpacked once a call (passed on, they would be counted):

- samples: (X (n, stride), columns, indptr, y (n,)) for dense, with empty columns and indptr; for CSR, X is
  one-dimensional: the values. numba keeps only the branch of `X.ndim` that is taken. X is float64, or
  float32 that is widened as it is read: all else and all arithmetic is float64;
- formula: (code of the loss, d, λ, intercept as 0 or 1). The model is w[0 … d−1], its intercept w[d];
- model: (W (L, width), V (L, width) or (0, 0) without momentum, μ);
- order: (rule, keys (L,), draws (L,), rows, starts (L,), counts (L,)); `draws` is advanced;
- schedule: (step sizes, batch sizes, first): the n local steps take entries first … first+n−1.
"""

import numpy as np
from numba import njit

from pavg.kernels.losses import correct, dloss, loss
from pavg.kernels.streams import draw

# the full set would let LLVM assume that there is no NaN; on CSR even this one makes slow gathers
DENSE_MATH = {"contract", "reassoc", "nsz", "arcp"}


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
def steps(samples, formula, model, order, schedule, n):
    """n local steps of every learner: w ← w − γ(Σ ℓ'(zᵢ, yᵢ)xᵢ/B + λw), or with momentum.

    Momentum: v ← μv + gradient, w ← w − γv. The L2 term leaves the intercept alone.
    """
    X, columns, indptr, y = samples
    code, d, l2, intercept = formula
    W, V, mu = model
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
                z = margin(X, columns, indptr, i, W, l, d, intercept)
                coefficients[k] = dloss(code, z, y[i]) / B
            if V.size == 0:
                if l2 != 0.0:
                    for j in range(d):
                        W[l, j] *= 1.0 - gamma * l2
                for k in range(B):
                    a = gamma * coefficients[k]
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


@njit(cache=True, nogil=True)
def gradients(samples, formula, model, order, batch, G):
    """G[l] ← the mini-batch gradient of every learner at its own model; the draws are used up."""
    X, columns, indptr, y = samples
    code, d, l2, intercept = formula
    W = model[0]
    rule, keys, draws, rows, starts, counts = order
    for l in range(W.shape[0]):
        for j in range(d):
            G[l, j] = l2 * W[l, j]
        if intercept:
            G[l, d] = 0.0
        for _ in range(batch):
            i = draw(rule, keys[l], draws[l], rows, starts[l], counts[l])
            draws[l] += 1
            c = dloss(code, margin(X, columns, indptr, i, W, l, d, intercept), y[i]) / batch
            subtract(X, columns, indptr, i, -c, G, l, d, intercept)


@njit(cache=True, nogil=True)
def losses(samples, formula, W, begin, end):
    """(Σ ℓ(zᵢ, yᵢ), number of right classes) over the rows begin … end − 1, at W[0]."""
    X, columns, indptr, y = samples
    code, d, _, intercept = formula
    total, right = 0.0, 0.0
    for i in range(begin, end):
        z = margin(X, columns, indptr, i, W, 0, d, intercept)
        total += loss(code, z, y[i])
        right += correct(code, z, y[i])
    return total, right


@njit(cache=True, nogil=True)
def add_gradient(samples, formula, W, begin, end, G):
    """G[0] += Σ ℓ'(zᵢ, yᵢ)·xᵢ over the rows begin … end − 1, at W[0] (without the L2 term)."""
    X, columns, indptr, y = samples
    code, d, _, intercept = formula
    for i in range(begin, end):
        c = dloss(code, margin(X, columns, indptr, i, W, 0, d, intercept), y[i])
        subtract(X, columns, indptr, i, -c, G, 0, d, intercept)
