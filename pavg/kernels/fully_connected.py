"""A fully connected layer in float32 for small batches: its weights pass through the cache once.

Images come in groups of 8; rows that are left over are zero. Weights are (inputs, outputs); outputs a
multiple of 32.
"""

import numpy as np

from pavg.kernels.convolution import ZERO, compiled
from pavg.kernels.tiles import add, multiply_add, tag, zeros

ONE = np.float32(1)
GROUP, BLOCK = tag(8), 64  # images side by side; rows of the weights that stay in the cache


@compiled()
def forward(x, n, W, bias, h):
    """h (·, outputs) ← max(xW + bias, 0) in the first n rows, a multiple of 8."""
    inputs, outputs = W.shape
    for b in range(n):
        for j in range(outputs):
            h[b, j] = bias[j]
    for begin in range(0, inputs, BLOCK):
        for column in range(0, outputs, 32):
            for b in range(0, n, len(GROUP)):
                tile = zeros(GROUP)
                for i in range(begin, min(begin + BLOCK, inputs)):
                    tile = multiply_add(tile, x, b * inputs + i, inputs, W, i * outputs + column)
                add(h, b * outputs + column, outputs, tile)
    for b in range(n):
        for j in range(outputs):
            if h[b, j] < 0:
                h[b, j] = ZERO


@compiled()
def backward_and_step(x, slopes, n, W, V, mu, gamma, back):
    """back ← slopes·Wᵀ; V ← μV + xᵀslopes; then W ← W − γV: W and V pass through the cache once.

    x, back : (·, inputs); slopes : (·, outputs); n : rows of them, a multiple of 8.
    """
    for i in range(x.shape[1]):
        w, v = W[i], V[i]
        for b in range(0, n, 8):
            factor, rate = mu if b == 0 else ONE, gamma if b + 8 == n else ZERO
            x0, x1, x2, x3 = x[b, i], x[b + 1, i], x[b + 2, i], x[b + 3, i]
            x4, x5, x6, x7 = x[b + 4, i], x[b + 5, i], x[b + 6, i], x[b + 7, i]
            d0, d1, d2, d3 = slopes[b], slopes[b + 1], slopes[b + 2], slopes[b + 3]
            d4, d5, d6, d7 = slopes[b + 4], slopes[b + 5], slopes[b + 6], slopes[b + 7]
            s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = ZERO
            for j in range(W.shape[1]):
                s0 += d0[j] * w[j]
                s1 += d1[j] * w[j]
                s2 += d2[j] * w[j]
                s3 += d3[j] * w[j]
                s4 += d4[j] * w[j]
                s5 += d5[j] * w[j]
                s6 += d6[j] * w[j]
                s7 += d7[j] * w[j]
                moved = (
                    factor * v[j]
                    + ((x0 * d0[j] + x1 * d1[j]) + (x2 * d2[j] + x3 * d3[j]))
                    + ((x4 * d4[j] + x5 * d5[j]) + (x6 * d6[j] + x7 * d7[j]))
                )
                v[j] = moved
                w[j] -= rate * moved
            back[b, i], back[b + 1, i], back[b + 2, i], back[b + 3, i] = s0, s1, s2, s3
            back[b + 4, i], back[b + 5, i], back[b + 6, i], back[b + 7, i] = s4, s5, s6, s7
