"""Models of several learners to one flat buffer and back."""

import numpy as np
from numba import njit

from pavg.kernels.vectors import LINE, load, stream

EIGHT = 8  # columns of a cache line
MANY = 1 << 20  # numbers of all models together that no cache holds
PIECE = 256  # columns at a time, a multiple of all lanes: a stack of them stays in the nearest cache


def models(W, S):
    """S·W, a new array. W : (L, width), or (L, width, lanes); S : (L, lanes)."""
    return W * (S if W.ndim == 2 else S[:, None, :])


@njit(cache=True, nogil=True, forceinline=True)
def is_settled(S):
    """Whether all factors are 1."""
    for l in range(S.shape[0]):
        for k in range(S.shape[1]):
            if S[l, k] != 1.0:
                return False
    return True


@njit(cache=True, nogil=True, forceinline=True)
def settle(W, S):
    """W[l] ← S[l]·W[l] and S[l] ← 1: models are what they are, not a factor of it.

    W : (L, width·lanes), lanes innermost; S : (L, lanes).
    """
    lanes = S.shape[1]
    for l in range(W.shape[0]):
        if not is_settled(S[l : l + 1]):
            for j in range(0, W.shape[1], lanes):
                for k in range(lanes):
                    W[l, j + k] *= S[l, k]
            S[l] = 1.0


@njit(cache=True, nogil=True, forceinline=True)
def gather(W, weights, flat, begin, d):
    """flat[begin : begin + d] ← Σ weights[l]·W[l, :d], in the order of the learners."""
    for c in range(0, d, PIECE):
        end = min(c + PIECE, d)
        for j in range(c, end):
            flat[begin + j] = weights[0] * W[0, j]
        for l in range(1, W.shape[0]):
            for j in range(c, end):
                flat[begin + j] += weights[l] * W[l, j]


@njit(cache=True, nogil=True)
def factors(S, columns):
    """S of every learner, repeated over so many columns (a multiple of its lanes)."""
    lanes = S.shape[1]
    found = np.empty((S.shape[0], columns))
    for l in range(S.shape[0]):
        for j in range(0, columns, lanes):
            for k in range(lanes):
                found[l, j + k] = S[l, k]
    return found


@njit(cache=True, nogil=True, forceinline=True)
def gather_models(W, S, weights, flat, d):
    """`gather` of the models S·W, which need not be settled for it: the same bits. W, S : as for `settle`."""
    if is_settled(S):
        gather(W, weights, flat, 0, d)
        return
    F = factors(S, min(PIECE, d))
    for c in range(0, d, PIECE):
        n = min(PIECE, d - c)
        for j in range(n):
            flat[c + j] = weights[0] * (F[0, j] * W[0, c + j])
        for l in range(1, W.shape[0]):
            for j in range(n):
                flat[c + j] += weights[l] * (F[l, j] * W[l, c + j])


@njit(cache=True, nogil=True, forceinline=True)
def scatter(flat, begin, d, total, W):
    """W[l, :d] ← flat[begin : begin + d] / total, for every learner."""
    far = W.size > MANY and W.ctypes.data % LINE == 0 and W.shape[1] % EIGHT == 0
    for c in range(0, d, PIECE):
        end = min(c + PIECE, d)
        for j in range(c, end):
            flat[begin + j] /= total
        if far and end - c == PIECE:
            copy_far(flat, begin + c, c, W)
            continue
        for l in range(W.shape[0]):
            for j in range(c, end):
                W[l, j] = flat[begin + j]


@njit(cache=True, nogil=True)
def copy_far(flat, begin, c, W):
    """W[l, c : c + PIECE] ← flat[begin : begin + PIECE], for every learner, past the caches."""
    for l in range(W.shape[0]):
        for j in range(0, PIECE, EIGHT):
            stream(W, l * W.shape[1] + c + j, load((0,), flat, begin + j))


@njit(cache=True, nogil=True)
def add_distances(W, S, w, d, out):
    """out[l, k] += Σⱼ (S[l, k]·W[l, j] − w[j])² over coordinates j < d of lane k. W, S : as for `settle`."""
    F, sums = factors(S, PIECE), np.zeros((W.shape[0], PIECE))
    for c in range(0, d, PIECE):
        n = min(PIECE, d - c)
        for l in range(W.shape[0]):
            for j in range(n):
                sums[l, j] += (F[l, j] * W[l, c + j] - w[c + j]) ** 2
    for l in range(W.shape[0]):
        for j in range(PIECE):
            out[l, j % S.shape[1]] += sums[l, j]


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
