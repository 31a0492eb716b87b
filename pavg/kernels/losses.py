"""Losses of linear models, ℓ(z, y) with z = ⟨w, x⟩, chosen by an integer code.

Convex: least squares ½(z − y)², logistic log(1 + exp(−yz)). Not convex, with slopes that are bounded: sigmoid
1/(1 + exp(yz)), a smooth count of wrong classes; Cauchy ½log(1 + (z − y)²), which outliers pull less.
An integer code, rather than a function that is passed, keeps the kernels in numba's disk cache.
"""

import math

from numba import njit

LEAST_SQUARES, LOGISTIC, SIGMOID, CAUCHY = range(4)
STEEPEST = math.inf, 1.0, 0.25, 0.5  # the largest |∂ℓ/∂z|, whatever z and y
MOST_CURVED = 1.0, 0.25, 1.0 / (6.0 * math.sqrt(3.0)), 1.0  # the largest |∂²ℓ/∂z²|


@njit(cache=True, nogil=True)
def loss(code, z, y):
    """ℓ(z, y), without overflow for any z where ℓ itself has none."""
    if code == LEAST_SQUARES:
        return 0.5 * (z - y) * (z - y)
    if code == CAUCHY:
        return 0.5 * math.log1p((z - y) * (z - y))
    m = y * z
    if code == SIGMOID:
        return math.exp(-m) / (1.0 + math.exp(-m)) if m > 0 else 1.0 / (1.0 + math.exp(m))
    return math.log1p(math.exp(-m)) if m > 0 else math.log1p(math.exp(m)) - m


@njit(cache=True, nogil=True)
def dloss(code, z, y):
    """∂ℓ/∂z: z − y; −y / (1 + exp(yz)); −y·p(1 − p), p the sigmoid loss; (z − y) / (1 + (z − y)²)."""
    if code == LEAST_SQUARES:
        return z - y
    if code == CAUCHY:
        return (z - y) / (1.0 + (z - y) * (z - y))
    m = y * z
    if code == SIGMOID:
        return -y * (math.exp(-abs(m)) / ((1.0 + math.exp(-abs(m))) * (1.0 + math.exp(-abs(m)))))
    if m > 0:
        e = math.exp(-m)
        return -y * e / (1.0 + e)
    return -y / (1.0 + math.exp(m))


@njit(cache=True, nogil=True)
def ddloss(code, z, y):
    """∂²ℓ/∂z²: 1; p(1 − p); p(1 − p)(1 − 2p); (1 − (z − y)²) / (1 + (z − y)²)². p : the sigmoid loss."""
    if code == LEAST_SQUARES:
        return 1.0
    if code == CAUCHY:
        square = (z - y) * (z - y)
        return (1.0 - square) / (1.0 + square) / (1.0 + square)
    e = math.exp(-abs(y * z))
    slope = e / ((1.0 + e) * (1.0 + e))
    if code == SIGMOID:
        return slope * math.tanh(0.5 * y * z)
    return slope


@njit(cache=True, nogil=True)
def correct(code, z, y):
    """1 if the sign of z is the class y = ±1, else 0 (always 0 for regression)."""
    return 1.0 if (code == LOGISTIC or code == SIGMOID) and (z > 0) == (y > 0) else 0.0
