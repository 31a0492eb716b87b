"""Local SGD on linear models and sums over samples, dense and CSR.

The tuples, in one order everywhere, unpacked once a call (passed on, they would be counted):

- arguments: (path, samples, formula); path says which kernel, by its type (`pavg.kernels.choice`);
- samples: (X (n, stride), columns, indptr, y (n,)) for dense, with empty columns and indptr; for CSR, X is
  one-dimensional: the values. numba keeps only the branch of `X.ndim` that is taken. X is float64, or
  float32 that is widened as it is read: all else and all arithmetic is float64;
- formula: (code of the loss, d, λ, intercept as 0 or 1). The model is w[0 … d−1], its intercept w[d];
- model: (W (L, width), V (L, width) or (0, 0) without momentum, μ, S (L, 1)): the models are S[l]·W[l];
  with lanes W (L, width, lanes), S (L, lanes), and no momentum;
- order: (rule, keys (L,), draws (L,), rows, starts (L,), counts (L,)); `draws` is advanced;
- schedule: (step sizes (window,) or (window, lanes), batch sizes, first): the n local steps take entries
  first … first+n−1.
"""

import numpy as np
from numba import njit

from pavg.kernels.choice import choose
from pavg.kernels.losses import correct, ddloss, dloss, loss
from pavg.kernels.reference import margin, subtract
from pavg.kernels.streams import draw


@njit(cache=True, nogil=True)
def steps(arguments, model, order, noise, schedule, n):
    """n local steps of every learner (`pavg.kernels.reference` says which), in every lane."""
    path, samples, formula = arguments
    choose(path, samples, formula, model, order, schedule, n)


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


@njit(cache=True, nogil=True)
def add_curvature(samples, formula, W, V, begin, end, G):
    """G[0] += Σ ℓ''(zᵢ, yᵢ)·⟨xᵢ, V[0]⟩·xᵢ over the rows begin … end − 1, at W[0] (without the L2 term)."""
    X, columns, indptr, y = samples
    code, d, _, intercept = formula
    for i in range(begin, end):
        c = ddloss(code, margin(X, columns, indptr, i, W, 0, d, intercept), y[i])
        c *= margin(X, columns, indptr, i, V, 0, d, intercept)
        subtract(X, columns, indptr, i, -c, G, 0, d, intercept)


@njit(cache=True, nogil=True)
def add_square(X, columns, indptr, i, c, H, d, intercept):
    """H += c·xᵢxᵢᵀ below and on the diagonal, with the intercept's 1 as the last entry of xᵢ."""
    if X.ndim == 2:
        for j in range(d):
            a = c * X[i, j]
            for k in range(j + 1):
                H[j, k] += a * X[i, k]
            if intercept:
                H[d, j] += a
    else:
        for m in range(indptr[i], indptr[i + 1]):
            j = columns[m]
            if j == d:  # padding
                continue
            for o in range(indptr[i], indptr[i + 1]):
                if columns[o] <= j:
                    H[j, columns[o]] += c * X[m] * X[o]
            if intercept:
                H[d, j] += c * X[m]
    if intercept:
        H[d, d] += c


@njit(cache=True, nogil=True)
def add_hessian(samples, formula, W, begin, end, H):
    """H += Σ ℓ''(zᵢ, yᵢ)·xᵢxᵢᵀ over the rows begin … end − 1, at W[0], without the L2 term.

    Of a symmetric matrix, the half below and on the diagonal.
    """
    X, columns, indptr, y = samples
    code, d, _, intercept = formula
    for i in range(begin, end):
        c = ddloss(code, margin(X, columns, indptr, i, W, 0, d, intercept), y[i])
        add_square(X, columns, indptr, i, c, H, d, intercept)


@njit(cache=True, nogil=True)
def square(X, columns, indptr, i, d, intercept):
    """‖xᵢ‖², with the intercept's 1 in xᵢ."""
    total = float(intercept)
    if X.ndim == 2:
        for j in range(d):
            total += X[i, j] * X[i, j]
    else:
        for m in range(indptr[i], indptr[i + 1]):
            total += X[m] * X[m]  # padding is 0
    return total


@njit(cache=True, nogil=True)
def add_gradient_and_squares(samples, formula, W, begin, end, G):
    """Σ ℓ'(zᵢ, yᵢ)²·‖xᵢ‖² over the rows begin … end − 1, at W[0]; G[0] as by `add_gradient`."""
    X, columns, indptr, y = samples
    code, d, _, intercept = formula
    total = 0.0
    for i in range(begin, end):
        c = dloss(code, margin(X, columns, indptr, i, W, 0, d, intercept), y[i])
        total += c * c * square(X, columns, indptr, i, d, intercept)
        subtract(X, columns, indptr, i, -c, G, 0, d, intercept)
    return total


@njit(cache=True, nogil=True)
def add_noise_slopes(samples, formula, W, V, begin, end, G):
    """G[0] += Σ ℓ''·⟨ℓ'·xᵢ − V[0], xᵢ⟩·xᵢ over the rows begin … end − 1, at W[0] (without the L2 term).

    Half the gradient of Σ ‖ℓ'·xᵢ − V[0]‖² in W[0]: of n times the variance, where V[0] is the mean gradient.
    """
    X, columns, indptr, y = samples
    code, d, _, intercept = formula
    for i in range(begin, end):
        z = margin(X, columns, indptr, i, W, 0, d, intercept)
        c = dloss(code, z, y[i]) * square(X, columns, indptr, i, d, intercept)
        c -= margin(X, columns, indptr, i, V, 0, d, intercept)
        subtract(X, columns, indptr, i, -c * ddloss(code, z, y[i]), G, 0, d, intercept)


@njit(cache=True, nogil=True)
def least_margin(samples, formula, W, begin, end):
    """min yᵢzᵢ over the rows begin … end − 1, at W[0]: positive where W[0] tells all classes apart."""
    X, columns, indptr, y = samples
    _, d, _, intercept = formula
    least = np.inf
    for i in range(begin, end):
        least = min(least, y[i] * margin(X, columns, indptr, i, W, 0, d, intercept))
    return least
