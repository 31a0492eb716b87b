"""Random draws inside kernels: pure functions of a 64-bit key and a counter.

splitmix64 (Steele, Lea & Flood 2014) at position m of the stream that starts at `key`. The only
state is the counter, so a checkpoint keeps one integer a learner, and any draw can be repeated.
"""

import math

import numpy as np
from numba import njit

from pavg.kernels.vectors import inlined

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
MASK32 = np.uint64(0xFFFFFFFF)
REPLACEMENT, RESHUFFLE, ORDER = 0, 1, 2
RULES = {"replacement": REPLACEMENT, "reshuffle": RESHUFFLE, "order": ORDER}
FEISTEL_ROUNDS = 6


@inlined()
def mix(z):
    """splitmix64's finaliser: a bijection of uint64."""
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@inlined()
def bits(key, m):
    """Draw number m: 64 random bits (uint64)."""
    return mix(np.uint64(key) + (np.uint64(m) + np.uint64(1)) * GOLDEN)


@inlined()
def uniform(key, m):
    """Draw number m, uniform in the open interval (0, 1): the middles of 2⁵² equal parts."""
    return (np.float64(bits(key, m) >> np.uint64(12)) + 0.5) * 2.220446049250313e-16


@njit(cache=True, nogil=True)
def uniforms(key, first, n):
    """The draws first … first + n − 1 of `uniform`, float64."""
    drawn = np.empty(n)
    for k in range(n):
        drawn[k] = uniform(key, first + k)
    return drawn


@inlined()
def below(key, m, n):
    """Draw number m, uniform in 0 … n − 1 for n < 2³²: the high word of bits·n."""
    x, n = bits(key, m), np.uint64(n)
    low = ((x & MASK32) * n) >> np.uint64(32)
    return np.int64(((x >> np.uint64(32)) * n + low) >> np.uint64(32))


@inlined()
def grid(n):
    """(a, b) with ab ≥ n, as few more as a square allows: the digits of places 0 … n − 1. At least 8 each:
    digits of fewer values would leave places far from uniform.
    """
    a = max(np.int64(math.ceil(math.sqrt(n))), 8)
    return a, max(-(-n // a), 8)


@inlined()
def part(x, n):
    """The upper half of 64 random bits as a number in 0 … n − 1, n ≤ 2³²."""
    return np.int64(((x >> np.uint64(32)) * np.uint64(n)) >> np.uint64(32))


@inlined()
def permuted(pass_key, a, b, position):
    """A keyed bijection of 0 … ab − 1: a Feistel network on the digits of position = left·b + right.

    In turn each digit gets a number added, modulo its base, that the other one decides.
    """
    left = np.int64(position / b)  # exact: ab < 2⁵²
    right = position - left * b
    for r in range(0, FEISTEL_ROUNDS, 2):
        left += part(bits(pass_key ^ np.uint64(right), r), a)
        left -= a * (left >= a)
        right += part(bits(pass_key ^ np.uint64(left), r + 1), b)
        right -= b * (right >= b)
    return left * b + right


@njit(cache=True, nogil=True)
def shuffled(key, turn, position, n):
    """Place number `position` of pass number `turn` over 0 … n − 1: a keyed bijection.

    That of a grid a little larger, walked along its cycle until it falls below n (Black & Rogaway 2002).
    No permutation is stored. n < 2⁵⁰.
    """
    pass_key = bits(key, turn)
    a, b = grid(n)
    place = permuted(pass_key, a, b, position)
    while place >= n:
        place = permuted(pass_key, a, b, place)
    return place


@njit(cache=True, nogil=True)
def draw(rule, key, m, rows, start, count):
    """The row of the training set that is draw number m of a learner with `count` rows."""
    if rule == REPLACEMENT:
        position = below(key, m, count)
    elif rule == RESHUFFLE:
        position = shuffled(key, m // count, m % count, count)
    else:
        position = m % count
    return rows[start + position] if rows.size > 0 else start + position


@njit(cache=True, nogil=True)
def poly7(r, c0, c1, c2, c3, c4, c5, c6, c7):
    """c0 + c1·r + … + c7·r⁷."""
    return ((((((c7 * r + c6) * r + c5) * r + c4) * r + c3) * r + c2) * r + c1) * r + c0


@njit(cache=True, nogil=True)
def normal(key, m):
    """Draw number m, standard normal: Φ⁻¹ of `uniform`, by Wichura's AS 241 (1e-16 relative)."""
    q = uniform(key, m) - 0.5
    if abs(q) <= 0.425:
        r = 0.180625 - q * q
        numerator = poly7(
            r, 3.387132872796366608, 133.14166789178437745, 1971.5909503065514427,
            13731.693765509461125, 45921.953931549871457, 67265.770927008700853,
            33430.575583588128105, 2509.0809287301226727,
        )  # fmt: skip
        denominator = poly7(
            r, 1.0, 42.313330701600911252, 687.1870074920579083,
            5394.1960214247511077, 21213.794301586595867, 39307.89580009271061,
            28729.085735721942674, 5226.495278852854561,
        )  # fmt: skip
        return q * numerator / denominator
    r = math.sqrt(-math.log(0.5 - abs(q)))
    if r <= 5.0:
        r -= 1.6
        numerator = poly7(
            r, 1.42343711074968357734, 4.6303378461565452959, 5.7694972214606914055,
            3.64784832476320460504, 1.27045825245236838258, 0.24178072517745061177,
            0.0227238449892691845833, 7.7454501427834140764e-4,
        )  # fmt: skip
        denominator = poly7(
            r, 1.0, 2.05319162663775882187, 1.6763848301838038494,
            0.68976733498510000455, 0.14810397642748007459, 0.0151986665636164571966,
            5.475938084995344946e-4, 1.05075007164441684324e-9,
        )  # fmt: skip
    else:
        r -= 5.0
        numerator = poly7(
            r, 6.6579046435011037772, 5.4637849111641143699, 1.7848265399172913358,
            0.29656057182850489123, 0.026532189526576123093, 0.0012426609473880784386,
            2.71155556874348757815e-5, 2.01033439929228813265e-7,
        )  # fmt: skip
        denominator = poly7(
            r, 1.0, 0.59983220655588793769, 0.13692988092273580531,
            0.0148753612908506148525, 7.868691311456132591e-4, 1.8463183175100546818e-5,
            1.4215117583164458887e-7, 2.04426310338993978564e-15,
        )  # fmt: skip
    return math.copysign(numerator / denominator, q)
