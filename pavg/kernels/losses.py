"""Losses of linear models, ℓ(z, y) with z = ⟨w, x⟩, chosen by an integer code.

An integer code, rather than a function that is passed, keeps the kernels in numba's disk cache.
"""

import math

from numba import njit

LEAST_SQUARES, LOGISTIC = 0, 1


@njit(cache=True, nogil=True)
def loss(code, z, y):
    """ℓ(z, y): ½(z − y)², or log(1 + exp(−yz)) without overflow for any z."""
    if code == LEAST_SQUARES:
        return 0.5 * (z - y) * (z - y)
    m = y * z
    return math.log1p(math.exp(-m)) if m > 0 else math.log1p(math.exp(m)) - m


@njit(cache=True, nogil=True)
def dloss(code, z, y):
    """∂ℓ/∂z: z − y, or −y / (1 + exp(yz)) without overflow for any z."""
    if code == LEAST_SQUARES:
        return z - y
    m = y * z
    if m > 0:
        e = math.exp(-m)
        return -y * e / (1.0 + e)
    return -y / (1.0 + math.exp(m))


@njit(cache=True, nogil=True)
def ddloss(code, z, y):
    """∂²ℓ/∂z²: 1, or p(1 − p) of the class's probability p, without overflow for any z."""
    if code == LEAST_SQUARES:
        return 1.0
    e = math.exp(-abs(y * z))
    return e / ((1.0 + e) * (1.0 + e))


@njit(cache=True, nogil=True)
def correct(code, z, y):
    """1 if the sign of z is the class y = ±1, else 0 (always 0 for regression)."""
    return 1.0 if code == LOGISTIC and (z > 0) == (y > 0) else 0.0
