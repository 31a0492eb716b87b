"""Sums of given seconds: the same to the bit, however a stretch of draws is cut."""

import math

from numba import njit

from pavg.kernels.streams import uniform

CONSTANT, EXPONENTIAL, TRACE = range(3)


@njit(cache=True, nogil=True)
def add(rule, keys, trace, first, n, sums):
    """sums[l] += the draws first … first + n − 1 of stream l, one after the other, of mean 1.

    A constant is 1, an exponential draw −log(uniform); a trace (length, streams) begins again at its end.
    """
    for l in range(sums.size):
        if rule == CONSTANT:
            sums[l] += n
        elif rule == EXPONENTIAL:
            for m in range(first, first + n):
                sums[l] -= math.log(uniform(keys[l], m))
        else:
            for m in range(first, first + n):
                sums[l] += trace[m % trace.shape[0], l]
