"""Models of several learners to one flat buffer and back."""

from numba import njit


@njit(cache=True, nogil=True)
def gather(W, weights, flat, begin, d):
    """flat[begin : begin + d] ← Σ weights[l]·W[l, :d], in the order of the learners."""
    for j in range(d):
        flat[begin + j] = weights[0] * W[0, j]
    for l in range(1, W.shape[0]):
        for j in range(d):
            flat[begin + j] += weights[l] * W[l, j]


@njit(cache=True, nogil=True)
def scatter(flat, begin, d, total, W):
    """W[l, :d] ← flat[begin : begin + d] / total, for every learner."""
    for j in range(d):
        flat[begin + j] /= total
    for l in range(W.shape[0]):
        for j in range(d):
            W[l, j] = flat[begin + j]
