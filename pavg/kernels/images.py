"""Images of mini-batches: drawn, cut out and turned over at random, and normalised, all in one pass.

An image is a row of c·h·w numbers: c channels, each of h rows of w pixels.
"""

import numpy as np
from numba import njit

from pavg.kernels.streams import below, bits, draw

NONE, FLIP, CROP = range(3)  # what is done to an image at random
AUGMENTATIONS = {"none": NONE, "flip": FLIP, "crop": CROP}
PAD = 4  # zeros around an image that is cut out


@njit(cache=True, nogil=True)
def draw_images(order, noise, l, n, rows, keys):
    """rows[:n] ← the next n draws of learner l, which are used up; keys[:n] ← the key of each of them.

    The key of draw m is bits(m) of the learner's noise: whatever is random about that sample follows from it.
    """
    rule, ids, draws, shards, starts, counts = order
    for b in range(n):
        m = draws[l] + b
        rows[b] = draw(rule, ids[l], m, shards, starts[l], counts[l])
        keys[b] = bits(noise[l], m)
    draws[l] += n


@njit(cache=True, nogil=True, error_model="numpy")
def take(X, rows, keys, augmentation, shift, scale, images):
    """images (n, c, h, w) ← (x − shift[channel]) / scale[channel] of these rows of X.

    FLIP: mirrored, left to right, by the first bit of draw 0 of the image's key. CROP: also moved by up to
    PAD pixels, down by below(1, 2·PAD + 1) − PAD and right by below(2, 2·PAD + 1) − PAD, zeros moving in.
    """
    c, h, w = images.shape[1:]
    for b in range(rows.size):
        down, right, mirrored = 0, 0, False
        if augmentation != NONE:
            mirrored = bits(keys[b], 0) >> np.uint64(63) == 1
        if augmentation == CROP:
            down = below(keys[b], 1, 2 * PAD + 1) - PAD
            right = below(keys[b], 2, 2 * PAD + 1) - PAD
        for k in range(c):
            for i in range(h):
                y = i - down
                for j in range(w):
                    x = j - right
                    if 0 <= y < h and 0 <= x < w:
                        x = w - 1 - x if mirrored else x
                        value = (X[rows[b], (k * h + y) * w + x] - shift[k]) / scale[k]
                    else:
                        value = 0.0
                    images[b, k, i, j] = value


@njit(cache=True, nogil=True)
def moments(X, c, size):
    """Mean and standard deviation (c,) of the channels, of `size` pixels each; 1 for a deviation of 0."""
    means, squares = np.zeros(c), np.zeros(c)
    for row in range(X.shape[0]):
        for k in range(c):
            for j in range(k * size, (k + 1) * size):
                means[k] += X[row, j]
                squares[k] += np.float64(X[row, j]) ** 2
    n = X.shape[0] * size
    means /= n
    deviations = np.sqrt(np.maximum(squares / n - means**2, 0.0))
    return means, np.where(deviations > 0, deviations, 1.0)
