"""What one core can do at most: numbers read a second, multiplications and additions a second."""

import numpy as np
from numba import njit

from pavg.kernels.vectors import fma, load, store, tag

WIDE = tag(8)
FLOPS = 12 * 8 * 2  # of one pass of `multiply_add`


@njit(nogil=True)
def read(words):
    """The sum of uint64 words: the least that a program can do that has to look at all of them."""
    found = np.uint64(0)
    for i in range(words.size):
        found += words[i]
    return found


@njit(nogil=True, boundscheck=False)
def multiply_add(lanes, numbers, times):
    """`FLOPS` operations, so many times: twelve independent chains of fused multiply-adds of 8 doubles."""
    a, b = load(lanes, numbers, 0), load(lanes, numbers, 8)
    c0, c1, c2, c3 = a, b, a, b
    c4, c5, c6, c7 = b, a, b, a
    c8, c9, c10, c11 = a, a, b, b
    for _ in range(times):
        c0, c1, c2, c3 = fma(c0, a, b), fma(c1, a, b), fma(c2, a, b), fma(c3, a, b)
        c4, c5, c6, c7 = fma(c4, a, b), fma(c5, a, b), fma(c6, a, b), fma(c7, a, b)
        c8, c9, c10, c11 = fma(c8, a, b), fma(c9, a, b), fma(c10, a, b), fma(c11, a, b)
    store(numbers, 0, ((c0 + c1) + (c2 + c3)) + ((c4 + c5) + (c6 + c7)) + ((c8 + c9) + (c10 + c11)))


def words(arrays):
    """Arrays as uint64 words; each must be whole words long."""
    return [np.ascontiguousarray(array).reshape(-1).view(np.uint64) for array in arrays if array.size]
