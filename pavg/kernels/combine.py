"""Models of several learners to one flat buffer and back."""

from numba import njit


@njit(cache=True, nogil=True, forceinline=True)
def settle(W, S):
    """W[l] ← S[l]·W[l] and S[l] ← 1: models are what they are, not a factor of it.

    W : (L, width·lanes), lanes innermost; S : (L, lanes).
    """
    lanes = S.shape[1]
    for l in range(W.shape[0]):
        settled = True
        for k in range(lanes):
            settled &= S[l, k] == 1.0
        if not settled:
            for j in range(0, W.shape[1], lanes):
                for k in range(lanes):
                    W[l, j + k] *= S[l, k]
            S[l] = 1.0


@njit(cache=True, nogil=True, forceinline=True)
def gather(W, weights, flat, begin, d):
    """flat[begin : begin + d] ← Σ weights[l]·W[l, :d], in the order of the learners."""
    for j in range(d):
        flat[begin + j] = weights[0] * W[0, j]
    for l in range(1, W.shape[0]):
        for j in range(d):
            flat[begin + j] += weights[l] * W[l, j]


@njit(cache=True, nogil=True, forceinline=True)
def scatter(flat, begin, d, total, W):
    """W[l, :d] ← flat[begin : begin + d] / total, for every learner."""
    for j in range(d):
        flat[begin + j] /= total
    for l in range(W.shape[0]):
        for j in range(d):
            W[l, j] = flat[begin + j]
