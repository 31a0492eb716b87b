"""Convolutions of 5×5 that keep an image's size, ReLU and max-pooling of 2×2, in float32.

An image of h×h pixels, the c numbers of each side by side, lies in a frame of two zeros, (h + 4, (h + 4)·c),
so that no loop asks where it ends. Filters are (25·c, o): a row for each number that one sees, in the order
of the image. o is a multiple of 32.
"""

from functools import partial

import numpy as np
from numba import njit

from pavg.kernels.tiles import add, multiply_add, store, tag, zeros

SIDE, EDGE = 5, 2  # of a filter; zeros around an image
PIXELS, ROWS = tag(14), tag(10)  # of a tile: pixels of a convolution's row; rows of a filter's gradient
ZERO = np.float32(0)
FEW = tag(5)  # rows of a filter's gradient with one channel
# NaN stays NaN
compiled = partial(
    njit, cache=True, nogil=True, fastmath={"contract", "reassoc", "nsz", "arcp"}, error_model="numpy"
)


@compiled()
def convolve(image, filters, outputs):
    """outputs (h + 4, (h + 4)·o) ← the filters at each pixel of the image; h a multiple of 14."""
    across, o = image.shape[0], filters.shape[1]
    h, c = across - 2 * EDGE, image.shape[1] // across
    for half in range(0, o, 32):
        for i in range(h):
            for j in range(0, h, len(PIXELS)):
                tile = zeros(PIXELS)
                for k in range(SIDE):
                    seen, row = ((i + k) * across + j) * c, k * SIDE * c * o + half
                    for x in range(SIDE * c):
                        tile = multiply_add(tile, image, seen + x, c, filters, row + x * o)
                store(outputs, ((i + EDGE) * across + j + EDGE) * o + half, o, tile)


@compiled()
def add_filter_gradient(image, slopes, filters, rows):
    """filters += the gradient of the filters behind `convolve`. slopes : that of its outputs, in their frame.

    rows : `ROWS` or `FEW`, the tag of a number of rows that divides 5·c.
    """
    across, o = image.shape[0], filters.shape[1]
    h, c = across - 2 * EDGE, image.shape[1] // across
    for half in range(0, o, 32):
        for k in range(SIDE):
            for r in range(0, SIDE * c, len(rows)):
                tile = zeros(rows)
                for i in range(h):
                    seen = (i + k) * across * c + r
                    slope = ((i + EDGE) * across + EDGE) * o + half
                    for j in range(h):
                        tile = multiply_add(tile, image, seen + j * c, 1, slopes, slope + j * o)
                add(filters, (k * SIDE * c + r) * o + half, o, tile)


@compiled()
def turn(filters, c, turned):
    """turned (25·o, c) ← the filters by which `convolve` makes slopes of the image of those of outputs."""
    o = filters.shape[1]
    for k in range(SIDE * SIDE):
        for x in range(c):
            for y in range(o):
                turned[(SIDE * SIDE - 1 - k) * o + y, x] = filters[k * c + x, y]


@compiled()
def pool(outputs, bias, image, edge, chosen):
    """image ← the largest of 2×2 outputs plus its bias, or 0 (ReLU); chosen ← which of the four, 4 for the 0.

    image : (h/2 + 2·edge, (h/2 + 2·edge)·c); chosen : int32, (h/2, h/2·c).
    """
    c = bias.size
    for i in range(chosen.shape[0]):
        upper, lower = outputs[2 * i + EDGE], outputs[2 * i + 1 + EDGE]
        into, kept = image[i + edge], chosen[i]
        for j in range(chosen.shape[0]):
            left, right = (2 * j + EDGE) * c, (2 * j + 1 + EDGE) * c
            for x in range(c):
                best, which = upper[left + x], 0
                if upper[right + x] > best:
                    best, which = upper[right + x], 1
                if lower[left + x] > best:
                    best, which = lower[left + x], 2
                if lower[right + x] > best:
                    best, which = lower[right + x], 3
                best += bias[x]
                if best <= 0:
                    best, which = ZERO, 4
                into[(j + edge) * c + x] = best
                kept[j * c + x] = which


@compiled()
def unpool(image, edge, chosen, slopes, bias):
    """slopes ← the gradient of what `pool` was given, from that of its image; bias += that of the bias."""
    c = bias.size
    for i in range(chosen.shape[0]):
        upper, lower = slopes[2 * i + EDGE], slopes[2 * i + 1 + EDGE]
        behind, kept = image[i + edge], chosen[i]
        for j in range(chosen.shape[0]):
            left, right = (2 * j + EDGE) * c, (2 * j + 1 + EDGE) * c
            for x in range(c):
                slope, which = behind[(j + edge) * c + x], kept[j * c + x]
                upper[left + x] = slope if which == 0 else ZERO
                upper[right + x] = slope if which == 1 else ZERO
                lower[left + x] = slope if which == 2 else ZERO
                lower[right + x] = slope if which == 3 else ZERO
                bias[x] += slope if which < 4 else ZERO
