"""Local steps on CSR samples, one model.

Rows come in groups of eight nonzeros, filled up with value 0 at a dummy column: loops are unrolled by
eight and nothing is left over. A group's entries of the model are all read before any is written: groups
have no column twice but the dummy, whose chain of reads and writes would cost more than the rest. An L2 term
shrinks S, one number (`pavg.kernels.reference.shrink`). Memory is read without tests for negative indices.
"""

import numpy as np
from numba import njit

from pavg.kernels.ahead import AHEAD, ask_row, draw_ahead, ring
from pavg.kernels.reference import shrink
from pavg.kernels.slopes import bend, turns
from pavg.kernels.vectors import fma, inlined, peek, poke, prefetch

SOON = 512  # nonzeros, about, between asking for some and using them; AHEAD asks for where they begin
GROUP = 8


@inlined()
def product(values, columns, begin, end, W, at):
    """⟨x, w⟩ of a row: nonzeros begin … end − 1, w from element `at` of W on."""
    z0, z1, z2, z3 = 0.0, 0.0, 0.0, 0.0
    for k in range(begin, end, GROUP):
        z0 = fma(peek(values, k), peek(W, at + peek(columns, k)), z0)
        z1 = fma(peek(values, k + 1), peek(W, at + peek(columns, k + 1)), z1)
        z2 = fma(peek(values, k + 2), peek(W, at + peek(columns, k + 2)), z2)
        z3 = fma(peek(values, k + 3), peek(W, at + peek(columns, k + 3)), z3)
        z0 = fma(peek(values, k + 4), peek(W, at + peek(columns, k + 4)), z0)
        z1 = fma(peek(values, k + 5), peek(W, at + peek(columns, k + 5)), z1)
        z2 = fma(peek(values, k + 6), peek(W, at + peek(columns, k + 6)), z2)
        z3 = fma(peek(values, k + 7), peek(W, at + peek(columns, k + 7)), z3)
    return (z0 + z1) + (z2 + z3)


@inlined()
def add(a, values, columns, begin, end, W, at):
    """w += a·x for a row, as in `product`."""
    for k in range(begin, end, GROUP):
        c0, c1 = at + peek(columns, k), at + peek(columns, k + 1)
        c2, c3 = at + peek(columns, k + 2), at + peek(columns, k + 3)
        c4, c5 = at + peek(columns, k + 4), at + peek(columns, k + 5)
        c6, c7 = at + peek(columns, k + 6), at + peek(columns, k + 7)
        w0, w1 = fma(a, peek(values, k), peek(W, c0)), fma(a, peek(values, k + 1), peek(W, c1))
        w2, w3 = (
            fma(a, peek(values, k + 2), peek(W, c2)),
            fma(a, peek(values, k + 3), peek(W, c3)),
        )
        w4, w5 = (
            fma(a, peek(values, k + 4), peek(W, c4)),
            fma(a, peek(values, k + 5), peek(W, c5)),
        )
        w6, w7 = (
            fma(a, peek(values, k + 6), peek(W, c6)),
            fma(a, peek(values, k + 7), peek(W, c7)),
        )
        poke(W, c0, w0)
        poke(W, c1, w1)
        poke(W, c2, w2)
        poke(W, c3, w3)
        poke(W, c4, w4)
        poke(W, c5, w5)
        poke(W, c6, w6)
        poke(W, c7, w7)


@njit(cache=True, nogil=True, error_model="numpy")
def steps(samples, formula, model, order, schedule, n):
    """n local steps of every learner, as `pavg.kernels.reference.steps`, without momentum."""
    values, columns, indptr, y = samples
    code, d, l2, intercept = formula
    W, _, _, S = model
    draws = order[2]
    gammas, batches, first = schedule
    width = W.shape[1]
    early = min(1 + SOON * y.size // max(values.size, 1), AHEAD)  # rows
    zero = np.int64(0)  # with a literal 0, what it is passed to would be compiled twice
    rows, every = ring(batches, first, n)
    mask, slopes = rows.size - 1, np.empty(rows.size)
    for l in range(W.shape[0]):
        at = l * width
        m, k, drawn, asked, soon = draws[l], zero, zero, zero, zero
        for s in range(first, first + n):
            B = batches[s]
            drawn = draw_ahead(order, l, m, drawn, min(k + B + AHEAD, every), every, rows)
            while asked < min(k + B + AHEAD, every):
                prefetch(indptr, peek(rows, asked & mask))
                prefetch(y, peek(rows, asked & mask))
                asked += 1
            while soon < min(k + B + early, every):
                ask_row(values, columns, indptr, peek(rows, soon & mask))
                soon += 1
            for q in range(k, k + B):  # all slopes at the old w
                i = peek(rows, q & mask)
                turn, offset, sign = turns(code, peek(y, i))
                z = product(values, columns, peek(indptr, i), peek(indptr, i + 1), W, at)
                if intercept:
                    z += peek(W, at + d)
                poke(slopes, q & mask, sign * bend(code, fma(turn, S[l, 0] * z, offset)))
            if l2 != 0.0:
                shrink(W, S, l, d, intercept, 1.0 - gammas[s] * l2)
            a = -gammas[s] / (B * S[l, 0])
            for q in range(k, k + B):
                i = peek(rows, q & mask)
                step = a * peek(slopes, q & mask)
                add(step, values, columns, peek(indptr, i), peek(indptr, i + 1), W, at)
                if intercept:
                    poke(W, at + d, peek(W, at + d) + step)
            k += B
        draws[l] = m + every
