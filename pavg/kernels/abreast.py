"""Local steps of many models abreast, dense and CSR: a Vector holds one coordinate of all lanes.

All lanes take the same sample, so a row is read once, and every number of it meets a Vector of the models.
Dense: two samples of batch 1 at once, as four in `pavg.kernels.dense`: the model is then read and written
once for both, and the inner product of the two rows is one number for all lanes.
"""

import numpy as np
from numba import njit

from pavg.kernels.ahead import AHEAD, ask_row, draw_ahead, ring
from pavg.kernels.lanes import shrink
from pavg.kernels.losses import CAUCHY, LEAST_SQUARES, SIGMOID
from pavg.kernels.sparse import SOON
from pavg.kernels.vectors import (
    SHIFT,
    clip,
    fma,
    inlined,
    load,
    peek,
    positive,
    prefetch,
    spread,
    store,
    times_power_of_two,
    total,
)

EIGHT = (0,)  # the tag of eight features of a row
LOG2E = 1.4426950408889634
LN2_HIGH, LN2_LOW = 0.693147180369123816490, 1.90821492927058770002e-10  # their sum is ln 2 to 1e-26
FAR = 700.0  # exp of it is finite


@inlined()
def pair(tag, r, r2, c0, c1, c2, c3):
    """c0 + c1·r + c2·r² + c3·r³."""
    low, high = fma(r, spread(tag, c1), spread(tag, c0)), fma(r, spread(tag, c3), spread(tag, c2))
    return fma(high, r2, low)


@inlined()
def exponential(tag, u):
    """eᵘ of a Vector of numbers below 700 in size, within 3e-16 relatively."""
    shifted = fma(u, spread(tag, LOG2E), spread(tag, SHIFT))
    k = shifted - spread(tag, SHIFT)
    r = fma(k, spread(tag, -LN2_LOW), fma(k, spread(tag, -LN2_HIGH), u))
    r2 = r * r
    r4 = r2 * r2
    low = pair(tag, r, r2, 1.0, 1.0, 1 / 2, 1 / 6)
    middle = pair(tag, r, r2, 1 / 24, 1 / 120, 1 / 720, 1 / 5040)
    high = pair(tag, r, r2, 1 / 40320, 1 / 362880, 1 / 3628800, 1 / 39916800)
    high = fma(r4, spread(tag, 1 / 479001600), high)
    return times_power_of_two(fma(fma(high, r4, middle), r4, low), shifted)


@inlined()
def wrong(tag, z, y):
    """(e, 1/(1 + e)) with e = exp(yz), in every lane."""
    e = exponential(tag, clip(z * spread(tag, y), spread(tag, -FAR), spread(tag, FAR)))
    return e, spread(tag, 1.0) / (spread(tag, 1.0) + e)


@inlined()
def slopes(tag, code, z, y):
    """ℓ′(z, y) in every lane."""
    if code == LEAST_SQUARES:
        return z - spread(tag, y)
    if code == CAUCHY:
        r = z - spread(tag, y)
        return r / fma(r, r, spread(tag, 1.0))
    e, p = wrong(tag, z, y)
    if code == SIGMOID:
        p = p * (e / (spread(tag, 1.0) + e))
    return spread(tag, -y) * p


@inlined()
def log_of_one_more(tag, t):
    """log(1 + t) of a Vector of numbers in [0, 1], to rounding: 2 artanh s, s = t/(2 + t) ≤ 1/3."""
    s = t / (spread(tag, 2.0) + t)
    r = s * s
    r2 = r * r
    r4 = r2 * r2
    low = fma(pair(tag, r, r2, 1 / 9, 1 / 11, 1 / 13, 1 / 15), r4, pair(tag, r, r2, 1.0, 1 / 3, 1 / 5, 1 / 7))
    high = fma(
        pair(tag, r, r2, 1 / 25, 1 / 27, 1 / 29, 1 / 31), r4, pair(tag, r, r2, 1 / 17, 1 / 19, 1 / 21, 1 / 23)
    )
    return (s + s) * fma(high, r4 * r4, low)


@inlined()
def loss(tag, code, z, y):
    """ℓ(z, y) in every lane, as `pavg.kernels.losses.loss`: what is below 1e-304 may be 1e-304.

    Not of Cauchy, whose logarithm is of any size.
    """
    if code == LEAST_SQUARES:
        apart = z - spread(tag, y)
        return spread(tag, 0.5) * apart * apart
    if code == SIGMOID:
        return wrong(tag, z, y)[1]
    m = z * spread(tag, -y)
    size = clip(m, spread(tag, -1.0) * m, spread(tag, FAR))
    near = log_of_one_more(tag, exponential(tag, spread(tag, -1.0) * size))
    return clip(m, spread(tag, 0.0), spread(tag, np.inf)) + near


@inlined()
def correct(tag, code, z, y):
    """1 in every lane where the sign of z is the class y = ±1, else 0, as `pavg.kernels.losses.correct`."""
    if code == LEAST_SQUARES:
        return spread(tag, 0.0)
    return positive(z) if y > 0 else spread(tag, 1.0) - positive(z)


@inlined()
def row_product(X, i, j, stride):
    """⟨xᵢ, xⱼ⟩ of dense rows."""
    products = spread(EIGHT, 0.0)
    for k in range(0, stride, 8):
        products = fma(load(EIGHT, X, i * stride + k), load(EIGHT, X, j * stride + k), products)
    return total(products)


@inlined()
def margins(tag, X, columns, indptr, i, W, at, d, lanes):
    """⟨xᵢ, w⟩ in every lane: models from element `at` of W on."""
    even, odd = spread(tag, 0.0), spread(tag, 0.0)
    if X.ndim == 2:
        begin = i * X.shape[1]
        for j in range(0, d - 1, 2):
            even = fma(spread(tag, peek(X, begin + j)), load(tag, W, at + j * lanes), even)
            odd = fma(spread(tag, peek(X, begin + j + 1)), load(tag, W, at + (j + 1) * lanes), odd)
        if d % 2:
            even = fma(spread(tag, peek(X, begin + d - 1)), load(tag, W, at + (d - 1) * lanes), even)
    else:
        third, fourth = spread(tag, 0.0), spread(tag, 0.0)
        for k in range(peek(indptr, i), peek(indptr, i + 1), 4):  # rows are filled up to whole eights
            even = fma(spread(tag, peek(X, k)), load(tag, W, at + peek(columns, k) * lanes), even)
            odd = fma(spread(tag, peek(X, k + 1)), load(tag, W, at + peek(columns, k + 1) * lanes), odd)
            third = fma(spread(tag, peek(X, k + 2)), load(tag, W, at + peek(columns, k + 2) * lanes), third)
            fourth = fma(spread(tag, peek(X, k + 3)), load(tag, W, at + peek(columns, k + 3) * lanes), fourth)
        even, odd = even + third, odd + fourth
    return even + odd


@inlined()
def add(tag, X, columns, indptr, i, a, W, at, d, lanes):
    """w += a·xᵢ in every lane."""
    if X.ndim == 2:
        begin = i * X.shape[1]
        for j in range(d):
            place = at + j * lanes
            store(W, place, fma(spread(tag, peek(X, begin + j)), a, load(tag, W, place)))
    else:
        for k in range(peek(indptr, i), peek(indptr, i + 1), 4):  # all read before any is written
            p0, p1 = at + peek(columns, k) * lanes, at + peek(columns, k + 1) * lanes
            p2, p3 = at + peek(columns, k + 2) * lanes, at + peek(columns, k + 3) * lanes
            w0, w1, w2, w3 = load(tag, W, p0), load(tag, W, p1), load(tag, W, p2), load(tag, W, p3)
            store(W, p0, fma(spread(tag, peek(X, k)), a, w0))
            store(W, p1, fma(spread(tag, peek(X, k + 1)), a, w1))
            store(W, p2, fma(spread(tag, peek(X, k + 2)), a, w2))
            store(W, p3, fma(spread(tag, peek(X, k + 3)), a, w3))


@inlined()
def two_steps(tag, X, y, formula, gammas, s, W, at, lanes, i0, i1):
    """Two steps of one sample each on dense rows i0 and i1, with step sizes gammas[s] and gammas[s + 1]."""
    code, d, l2, intercept = formula
    stride = X.shape[-1]  # of the dense X; compiled, not called, for CSR
    first0, first1 = i0 * stride, i1 * stride
    g0, g1 = load(tag, gammas, s * lanes), load(tag, gammas, (s + 1) * lanes)
    r0 = fma(spread(tag, -l2), g0, spread(tag, 1.0))
    r1 = fma(spread(tag, -l2), g1, spread(tag, 1.0))
    z0, z1 = spread(tag, 0.0), spread(tag, 0.0)
    for j in range(d):
        w = load(tag, W, at + j * lanes)
        z0 = fma(spread(tag, peek(X, first0 + j)), w, z0)
        z1 = fma(spread(tag, peek(X, first1 + j)), w, z1)
    h, z1 = row_product(X, i0, i1, stride), z1 * r0
    b = load(tag, W, at + d * lanes)
    if intercept:
        h, z0, z1 = h + 1.0, z0 + b, z1 + b
    a0 = g0 * slopes(tag, code, z0, peek(y, i0))
    a1 = g1 * slopes(tag, code, fma(spread(tag, -h), a0, z1), peek(y, i1))
    f0, f1, rho = spread(tag, -1.0) * a0 * r1, spread(tag, -1.0) * a1, r0 * r1
    for j in range(d):
        w = load(tag, W, at + j * lanes) * rho
        w = fma(spread(tag, peek(X, first0 + j)), f0, w)
        store(W, at + j * lanes, fma(spread(tag, peek(X, first1 + j)), f1, w))
    if intercept:
        store(W, at + d * lanes, b - a0 - a1)


@inlined()
def one_step(tag, samples, formula, gammas, s, B, W, S, l, lanes, ring, k, kept):
    """A step of B samples, draws k … of the ring; kept : room for their slopes, all at the old models."""
    X, columns, indptr, y = samples
    code, d, l2, intercept = formula
    at, mask = l * W.shape[1] * lanes, ring.size - 1
    gamma, scale = load(tag, gammas, s * lanes), load(tag, S, l * lanes)
    for q in range(k, k + B):
        i = peek(ring, q & mask)
        z = margins(tag, X, columns, indptr, i, W, at, d, lanes)
        if intercept:
            z = z + load(tag, W, at + d * lanes)
        store(kept, (q & mask) * lanes, slopes(tag, code, z * scale, peek(y, i)))
    if l2 != 0.0:
        if X.ndim == 1:
            for lane in range(lanes):
                shrink(W, S, l, lane, d, intercept, 1.0 - gammas[s, lane] * l2)
        else:
            rho = fma(spread(tag, -l2), gamma, spread(tag, 1.0))
            for j in range(d):
                store(W, at + j * lanes, load(tag, W, at + j * lanes) * rho)
    a = gamma / (spread(tag, -1.0 * B) * load(tag, S, l * lanes))
    for q in range(k, k + B):
        step = a * load(tag, kept, (q & mask) * lanes)
        add(tag, X, columns, indptr, peek(ring, q & mask), step, W, at, d, lanes)
        if intercept:
            store(W, at + d * lanes, load(tag, W, at + d * lanes) + step)


@njit(cache=True, nogil=True, error_model="numpy")
def steps(tag, samples, formula, model, order, schedule, n):
    """n local steps of every learner in every lane, as `pavg.kernels.lanes.steps`."""
    X, columns, indptr, y = samples
    W, _, _, S = model
    draws = order[2]
    gammas, batches, first = schedule
    lanes = W.shape[2]
    zero = np.int64(0)  # with a literal 0, what it is passed to would be compiled twice
    rows, every = ring(batches, first, n)
    mask, kept = rows.size - 1, np.empty(rows.size * lanes)
    early = AHEAD if X.ndim == 2 else min(1 + SOON * y.size // max(X.size, 1), AHEAD)  # rows
    for l in range(W.shape[0]):
        m, k, s, drawn, asked, soon = draws[l], zero, first, zero, zero, zero
        while s < first + n:
            two = X.ndim == 2 and s + 2 <= first + n and max(batches[s], batches[s + 1]) == 1
            used = 2 if two else batches[s]
            drawn = draw_ahead(order, l, m, drawn, min(k + used + AHEAD, every), every, rows)
            while asked < min(k + used + AHEAD, every):
                prefetch(y, peek(rows, asked & mask))
                prefetch(indptr, peek(rows, asked & mask))
                asked += 1
            while soon < min(k + used + early, every):
                ask_row(X, columns, indptr, peek(rows, soon & mask))
                soon += 1
            if two:
                i0, i1 = peek(rows, k & mask), peek(rows, (k + 1) & mask)
                two_steps(tag, X, y, formula, gammas, s, W, l * W.shape[1] * lanes, lanes, i0, i1)
                s += 2
            else:
                one_step(tag, samples, formula, gammas, s, used, W, S, l, lanes, rows, k, kept)
                s += 1
            k += used
        draws[l] = m + every


@njit(cache=True, nogil=True, error_model="numpy")
def losses(tag, samples, formula, W, begin, end):
    """(Σ loss, number of right classes) of every lane over rows, as `pavg.kernels.lanes.losses`.

    Not of Cauchy (`loss`).
    """
    X, columns, indptr, y = samples
    code, d, _, intercept = formula
    lanes, first = W.shape[2], np.int64(0)
    total, right = np.empty(lanes), np.empty(lanes)
    sum_, count = spread(tag, 0.0), spread(tag, 0.0)
    for i in range(begin, end):
        z = margins(tag, X, columns, indptr, i, W, first, d, lanes)
        if intercept:
            z = z + load(tag, W, d * lanes)
        sum_ = sum_ + loss(tag, code, z, peek(y, i))
        count = count + correct(tag, code, z, peek(y, i))
    store(total, 0, sum_)
    store(right, 0, count)
    return total, right
