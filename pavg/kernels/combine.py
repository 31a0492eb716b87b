"""Models of several learners to one flat buffer and back."""

import numpy as np
from numba import njit

PIECE = 256  # columns at a time: a stack of them stays in the nearest cache


def models(W, S):
    """S·W, a new array. W : (L, width), or (L, width, lanes); S : (L, lanes)."""
    return W * (S if W.ndim == 2 else S[:, None, :])


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


@njit(cache=True, nogil=True)
def fold(W, weights, merges, bounds, begin, d, out):
    """Push weights[k]·W[k, :d] on a stack, for k = 0, 1, …, each time adding its two topmost merges[k] times.

    What is left, from the bottom, are rows of `out`, which holds the columns bounds[s] … bounds[s+1] − 1 of
    all rows, for s = 0, 1, …; W's columns are those from `begin` on (`pavg.comm.reduction`).
    """
    left = W.shape[0] - merges.sum()
    deepest, depth = 0, 0
    for k in range(W.shape[0]):
        deepest = max(deepest, depth + 1)
        depth += 1 - merges[k]
    stack = np.empty((deepest, PIECE))
    for s in range(bounds.size - 1):
        first, width = bounds[s], bounds[s + 1] - bounds[s]
        end = min(first + width, begin + d)
        for c in range(max(first, begin), end, PIECE):
            n = min(PIECE, end - c)
            top = -1
            for k in range(W.shape[0]):
                row, a = W[k, c - begin : c - begin + n], weights[k]
                if merges[k] == 0:
                    top += 1
                    into = stack[top]
                    for j in range(n):
                        into[j] = a * row[j]
                else:
                    into = stack[top]
                    for j in range(n):
                        into[j] += a * row[j]
                for _ in range(1, merges[k]):
                    top -= 1
                    into, other = stack[top], stack[top + 1]
                    for j in range(n):
                        into[j] += other[j]
            for t in range(left):
                row = out[left * first + t * width + c - first :]
                for j in range(n):
                    row[j] = stack[t, j]
