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

from numba import njit

from pavg.kernels.choice import choose
from pavg.kernels.losses import correct, dloss, loss
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
