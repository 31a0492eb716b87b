"""ℓ′ fast: the derivative of the losses in a chain of local steps, where latency is what counts.

ℓ′(z, y) = e·bend(s·z + o), with s, o and e functions of y alone: they are ready before z is, and kernels fold
them into what z is made of. Least squares: bend(u) = u. Cauchy: u/(1 + u²). Logistic: t = 1/(1 + exp(u/16)),
looked up: the table holds its Taylor series at every integer, eight coefficients, a cache line. The nearest
integer is at most 1/2 away, where the next term is below 1e-16 of the value. Beyond the table, and for NaN,
the formula. Sigmoid: t(1 − t), at |u|, where both are exact.
"""

import math

import numpy as np

from pavg.kernels.losses import CAUCHY, LEAST_SQUARES, SIGMOID
from pavg.kernels.vectors import SHIFT, fma, inlined, integer_of, peek

SCALE = 16.0  # points of the table in a unit of z
REACH = 512  # points on each side of 0: z up to 32
TERMS = 8


def _table():
    """Coefficients of t(u) = 1/(1 + eᵘ) at each point: (n + 1)tₙ₊₁ = −tₙ + Σ tₖtₙ₋ₖ, as t′ = −t(1 − t)."""
    u = np.arange(-REACH, REACH + 1) / SCALE
    t = np.zeros((u.size, TERMS))
    t[:, 0] = 1 / (1 + np.exp(u))
    for n in range(TERMS - 1):
        square = sum(t[:, k] * t[:, n - k] for k in range(n + 1))
        t[:, n + 1] = (square - t[:, n]) / (n + 1)
    return t / SCALE ** np.arange(TERMS)


TABLE = _table()


@inlined()
def turns(code, y):
    """(s, o, e) for a target y."""
    return (1.0, -y, 1.0) if code == LEAST_SQUARES or code == CAUCHY else (SCALE * y, 0.0, -y)


@inlined()
def bend(code, u):
    """ℓ′ but for s, o and e: within 5e-16 of the formula, relatively."""
    if code == LEAST_SQUARES:
        return u
    if code == CAUCHY:
        return u / (1.0 + u * u)
    if code == SIGMOID:
        t = _looked_up(abs(u))
        return t * (1.0 - t)
    return _looked_up(u)


@inlined()
def _looked_up(u):
    """1/(1 + exp(u/16))."""
    if not abs(u) < REACH:
        return _formula(u / SCALE)
    shifted = u + SHIFT
    r = u - (shifted - SHIFT)
    k = (integer_of(shifted) + REACH) * TERMS
    r2 = r * r
    t0, t1, t2, t3 = peek(TABLE, k), peek(TABLE, k + 1), peek(TABLE, k + 2), peek(TABLE, k + 3)
    t4, t5, t6, t7 = peek(TABLE, k + 4), peek(TABLE, k + 5), peek(TABLE, k + 6), peek(TABLE, k + 7)
    low = fma(fma(t3, r, t2), r2, fma(t1, r, t0))
    high = fma(fma(t7, r, t6), r2, fma(t5, r, t4))
    return fma(high, r2 * r2, low)


@inlined()
def _formula(u):
    if u > 0:
        return math.exp(-u) / (1.0 + math.exp(-u))
    return 1.0 / (1.0 + math.exp(u))
