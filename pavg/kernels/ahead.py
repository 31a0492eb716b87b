"""The rows of the next local steps, drawn some way ahead, so that memory can be asked for them in time."""

import numpy as np
from numba import njit

from pavg.kernels.streams import REPLACEMENT, RESHUFFLE, below, bits, grid, permuted
from pavg.kernels.vectors import inlined

CHUNK = 64  # draws made at once
AHEAD = 16  # draws between asking for a row and using it


@inlined()
def ring(batches, first, n):
    """(ring of row numbers, all draws of n steps): room for the draws of four steps and those ahead."""
    most, every = 0, 0
    for s in range(first, first + n):
        most = max(most, batches[s])
        every += batches[s]
    size = 2 * CHUNK
    while size < 4 * most + AHEAD + CHUNK:
        size *= 2
    return np.empty(size, np.int64), every


@inlined()
def draw_ahead(order, l, m, drawn, wanted, ring):
    """Fill the ring with learner l's draws number m + drawn … up to at least m + wanted: how many there are.

    The draws are those of `pavg.kernels.streams.draw`, without its divisions.
    """
    rule, keys, _, rows, starts, counts = order
    key, start, count = keys[l], starts[l], counts[l]
    while drawn < wanted:
        here = drawn & (ring.size - 1)  # whole chunks: the ring does not end within one
        if rule == REPLACEMENT:
            for k in range(CHUNK):
                ring[here + k] = below(key, m + drawn + k, count)
        else:
            k = 0
            while k < CHUNK:  # stretches of one pass
                turn, position = (m + drawn + k) // count, (m + drawn + k) % count
                now = min(CHUNK - k, count - position)
                if rule == RESHUFFLE:
                    shuffle_stretch(bits(key, turn), position, count, ring, here + k, now)
                else:
                    for q in range(now):
                        ring[here + k + q] = position + q
                k += now
        for k in range(here, here + CHUNK):
            ring[k] = rows[start + ring[k]] if rows.size > 0 else start + ring[k]
        drawn += CHUNK
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
