"""The rows of the next local steps, drawn some way ahead, so that memory can be asked for them in time."""

import numpy as np
from numba import njit

from pavg.kernels.streams import REPLACEMENT, RESHUFFLE, below, bits, draw, grid, permuted
from pavg.kernels.vectors import inlined, peek, prefetch

CHUNK = 64  # draws made at once
LINE = 8  # doubles of a cache line
AHEAD = 16  # draws between asking for a row and using it


@inlined()
def ring(batches, first, n):
    """(ring of row numbers, all draws of n steps): room for the draws of four steps and those ahead."""
    most, every = 0, 0
    for s in range(first, first + n):
        most = max(most, batches[s])
        every += batches[s]
    size = CHUNK
    while size < min(4 * most + AHEAD + CHUNK, every):
        size *= 2
    return np.empty(size, np.int64), every


@inlined()
def draw_ahead(order, l, m, drawn, wanted, every, ring):
    """Fill the ring with learner l's draws number m + drawn … up to at least m + wanted: how many there are.

    every : draws that will be wanted in all: no more are made.

    The draws are those of `pavg.kernels.streams.draw`, without its divisions.
    """
    rule, keys, _, rows, starts, counts = order
    key, start, count = keys[l], starts[l], counts[l]
    while drawn < wanted:
        many = min(CHUNK, every - drawn)
        here = drawn & (ring.size - 1)  # whole chunks: the ring does not end within one
        if rule == REPLACEMENT:
            for k in range(many):
                ring[here + k] = below(key, m + drawn + k, count)
        else:
            k = 0
            while k < many:  # stretches of one pass
                turn, position = (m + drawn + k) // count, (m + drawn + k) % count
                now = min(many - k, count - position)
                if rule == RESHUFFLE:
                    shuffle_stretch(bits(key, turn), position, count, ring, here + k, now)
                else:
                    for q in range(now):
                        ring[here + k + q] = position + q
                k += now
        for k in range(here, here + many):
            ring[k] = rows[start + ring[k]] if rows.size > 0 else start + ring[k]
        drawn += many
    return drawn


@njit(cache=True, nogil=True, error_model="numpy")
def shuffle_stretch(pass_key, position, n, places, begin, many):
    """places[begin …] ← `pavg.kernels.streams.shuffled` of so many positions of one pass, side by side."""
    a, b = grid(n)
    for k in range(many):
        places[begin + k] = permuted(pass_key, a, b, position + k)
    for k in range(begin, begin + many):
        while places[k] >= n:
            places[k] = permuted(pass_key, a, b, places[k])


@inlined()
def ask_row(X, columns, indptr, i):
    """Ask for the memory of a row, dense or CSR."""
    if X.ndim == 2:
        for j in range(0, X.shape[1], LINE):
            prefetch(X, i * X.shape[1] + j)
    else:
        for k in range(peek(indptr, i), peek(indptr, i + 1), LINE):
            prefetch(X, k)
            prefetch(columns, k)


@inlined()
def ask(samples, order):
    """Ask for the memory of the row that each learner draws next: before an average, which takes a while."""
    X, columns, indptr, y = samples
    rule, keys, draws, rows, starts, counts = order
    for l in range(keys.size):
        i = draw(rule, keys[l], draws[l], rows, starts[l], counts[l])
        prefetch(y, i)
        ask_row(X, columns, indptr, i)
