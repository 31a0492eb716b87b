"""Local steps on dense samples, one model: rows and model in vector registers over a whole call.

A single sample's step is bound by latency: dot product → slope → update → next dot product. So four
samples of batch 1 are taken at once. Their margins z at the model before them and their inner products
G_ij = ⟨xᵢ, xⱼ⟩ do not wait for anything; what is left in the chain is z_j −= Σ_{i<j} γᵢ cᵢ G_ij. It is
sequential SGD, to rounding. An L2 term scales the model by ρ = 1 − γλ a step; products of ρ go with G.
"""

import numpy as np
from numba import njit

from pavg.kernels.ahead import AHEAD, ask_row, draw_ahead, ring
from pavg.kernels.slopes import bend, turns
from pavg.kernels.vectors import fma, inlined, load, peek, prefetch, spread, store, total

FOUR = 4  # groups of 8 features up to which four rows fit into registers beside the model


@inlined()
def one_step(tag, samples, formula, gamma, B, w, b, ring, k):
    """(w, b) after a step of B samples, draws k … of the ring, all of their slopes at the old model."""
    X, y = samples
    code, l2 = formula
    stride, mask = X.shape[1], ring.size - 1
    g, slopes = spread(tag, 0.0), 0.0
    for q in range(k, k + B):
        i = peek(ring, q & mask)
        x = load(tag, X, i * stride)
        turn, offset, sign = turns(code, peek(y, i))
        c = sign * bend(code, fma(turn, total(x * w) + b, offset))
        g = fma(spread(tag, c), x, g)
        slopes += c
    a = gamma / B
    w = fma(spread(tag, -a), g, w * spread(tag, 1.0 - gamma * l2))
    return w, b - a * slopes


@inlined()
def four_steps(tag, samples, formula, gammas, s, w, b, intercept, ring, k):
    """(w, b) after four steps of one sample each: draws k … k + 3, step sizes gammas[s … s + 3]."""
    X, y = samples
    code, l2 = formula
    stride, mask = X.shape[1], ring.size - 1
    i0, i1 = peek(ring, k & mask), peek(ring, (k + 1) & mask)
    i2, i3 = peek(ring, (k + 2) & mask), peek(ring, (k + 3) & mask)
    x0, x1 = load(tag, X, i0 * stride), load(tag, X, i1 * stride)
    x2, x3 = load(tag, X, i2 * stride), load(tag, X, i3 * stride)
    g0, g1, g2, g3 = peek(gammas, s), peek(gammas, s + 1), peek(gammas, s + 2), peek(gammas, s + 3)
    r0, r1, r2, r3 = 1.0 - g0 * l2, 1.0 - g1 * l2, 1.0 - g2 * l2, 1.0 - g3 * l2
    s0, o0, e0 = turns(code, peek(y, i0))
    s1, o1, e1 = turns(code, peek(y, i1))
    s2, o2, e2 = turns(code, peek(y, i2))
    s3, o3, e3 = turns(code, peek(y, i3))
    a0, a1, a2, a3 = g0 * e0, g1 * e1, g2 * e2, g3 * e3
    h01, h02, h03 = total(x0 * x1), r1 * total(x0 * x2), r1 * r2 * total(x0 * x3)
    h12, h13, h23 = total(x1 * x2), r2 * total(x1 * x3), total(x2 * x3)
    z0, z1, z2 = total(w * x0), r0 * total(w * x1), r0 * r1 * total(w * x2)
    z3 = r0 * r1 * r2 * total(w * x3)
    if intercept:  # a feature that is always 1, and that no ρ shrinks
        h01, h02, h03, h12, h13, h23 = h01 + 1.0, h02 + 1.0, h03 + 1.0, h12 + 1.0, h13 + 1.0, h23 + 1.0
        z0, z1, z2, z3 = z0 + b, z1 + b, z2 + b, z3 + b
    u1, u2, u3 = fma(s1, z1, o1), fma(s2, z2, o2), fma(s3, z3, o3)
    c0 = bend(code, fma(s0, z0, o0))
    u1, u2, u3 = fma(-c0, a0 * s1 * h01, u1), fma(-c0, a0 * s2 * h02, u2), fma(-c0, a0 * s3 * h03, u3)
    c1 = bend(code, u1)
    u2, u3 = fma(-c1, a1 * s2 * h12, u2), fma(-c1, a1 * s3 * h13, u3)
    c2 = bend(code, u2)
    c3 = bend(code, fma(-c2, a2 * s3 * h23, u3))
    w = fma(spread(tag, -c0 * (a0 * r1 * r2 * r3)), x0, w * spread(tag, r0 * r1 * r2 * r3))
    w = fma(spread(tag, -c1 * (a1 * r2 * r3)), x1, w)
    w = fma(spread(tag, -c2 * (a2 * r3)), x2, w)
    w = fma(spread(tag, -c3 * a3), x3, w)
    return w, b - (c0 * a0 + c1 * a1 + (c2 * a2 + c3 * a3))


@njit(cache=True, nogil=True, error_model="numpy")
def steps(tag, samples, formula, model, order, schedule, n):
    """n local steps of every learner, as `pavg.kernels.reference.steps`, without momentum."""
    X, columns, indptr, y = samples
    code, d, l2, intercept = formula
    W = model[0]
    draws = order[2]
    gammas, batches, first = schedule
    width = W.shape[1]
    some, how = (X, y), (code, l2)
    zero = np.int64(0)  # with a literal 0, what it is passed to would be compiled twice
    rows, every = ring(batches, first, n)
    mask = rows.size - 1
    for l in range(W.shape[0]):
        w, b = load(tag, W, l * width), W[l, d] if intercept else 0.0
        m, k, s, drawn, asked = draws[l], zero, first, zero, zero
        while s < first + n:
            four = (
                len(tag) <= FOUR
                and s + 4 <= first + n
                and max(batches[s], batches[s + 1], batches[s + 2], batches[s + 3]) == 1
            )
            used = 4 if four else batches[s]
            drawn = draw_ahead(order, l, m, drawn, min(k + used + AHEAD, every), every, rows)
            while asked < min(k + used + AHEAD, every):
                ask_row(X, columns, indptr, peek(rows, asked & mask))
                prefetch(y, peek(rows, asked & mask))
                asked += 1
            if four:
                w, b = four_steps(tag, some, how, gammas, s, w, b, intercept, rows, k)
                s += 4
            else:
                w, b = one_step(tag, some, how, gammas[s], used, w, b if intercept else 0.0, rows, k)
                s += 1
            k += used
        store(W, l * width, w)
        if intercept:
            W[l, d] = b
        draws[l] = m + every
