"""LeNet of Zhang et al. (2016), section 3.2, forwards and backwards, for up to `MOST` images at once.

    28×28 → 5×5 convolution, 32 → ReLU, 2×2 max-pool → 5×5, 64 → ReLU, 2×2 max-pool → 512 → ReLU → 10

and the cross-entropy of softmax. All in float32, but for sums of losses. A model is one row, in this order:
filters (25, 32), bias (32), filters (800, 64), bias (64), weights (3136, 512), bias (512), weights (10, 512),
bias (10). Images go through in groups of 8.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pavg.kernels.convolution import (
    FEW,
    ROWS,
    ZERO,
    add_filter_gradient,
    compiled,
    convolve,
    pool,
    turn,
    unpool,
)
from pavg.kernels.fully_connected import backward_and_step, forward
from pavg.kernels.streams import draw
from pavg.kernels.vectors import aligned_zeros

PIXELS, FIRST, SECOND, FEATURES, HIDDEN, CLASSES = 784, 32, 64, 3136, 512, 10
SHAPES = (
    *((25, FIRST), (1, FIRST), (25 * FIRST, SECOND), (1, SECOND)),
    *((FEATURES, HIDDEN), (1, HIDDEN), (CLASSES, HIDDEN), (1, CLASSES)),
)
ENDS = tuple(np.cumsum([0, *(rows * columns for rows, columns in SHAPES)]).tolist())
DIMENSION = ENDS[-1]
MOST, GROUP = 64, 8  # images at once; side by side in the first fully connected layer


class Net(NamedTuple):
    """A model, float32: `flat` (DIMENSION,), and its parts, which share its memory."""

    flat: NDArray
    filters1: NDArray
    bias1: NDArray
    filters2: NDArray
    bias2: NDArray
    weights3: NDArray
    bias3: NDArray
    weights4: NDArray
    bias4: NDArray


class Buffers(NamedTuple):
    """Memory of a pass through the net, float32 where nothing else is said.

    rows : int64, of the samples; labels : int64; images (MOST, 32, 32), pooled (MOST, 18, 18·32) : in frames
    of zeros; outputs1, outputs2 : of the convolutions, of one image; chosen1, chosen2 : int32, what pooling
    has chosen; maps (MOST, 7, 7·64) : pooled again, and as rows `features` (MOST, 3136); hidden (MOST, 512);
    logits (MOST, 10); behind, behind_maps, slopes : gradients of features, maps and hidden; turned : filters.
    """

    rows: NDArray
    labels: NDArray
    images: NDArray
    pooled: NDArray
    outputs1: NDArray
    outputs2: NDArray
    chosen1: NDArray
    chosen2: NDArray
    maps: NDArray
    features: NDArray
    hidden: NDArray
    logits: NDArray
    behind: NDArray
    behind_maps: NDArray
    slopes: NDArray
    turned: NDArray


def net() -> Net:
    """A new one, of zeros."""
    flat = _aligned((DIMENSION,))
    pieces = zip(np.split(flat, ENDS[1:-1]), SHAPES, strict=True)
    return Net(flat, *(piece if rows == 1 else piece.reshape(rows, -1) for piece, (rows, _) in pieces))


def buffers() -> Buffers:
    """New ones."""
    features, behind = _aligned((MOST, FEATURES)), _aligned((MOST, FEATURES))
    return Buffers(
        rows=np.zeros(MOST, np.int64),
        labels=np.zeros(MOST, np.int64),
        images=_aligned((MOST, 32, 32)),
        pooled=_aligned((MOST, 18, 18 * FIRST)),
        outputs1=_aligned((32, 32 * FIRST)),
        outputs2=_aligned((18, 18 * SECOND)),
        chosen1=np.zeros((MOST, 14, 14 * FIRST), np.int32),
        chosen2=np.zeros((MOST, 7, 7 * SECOND), np.int32),
        maps=features.reshape(MOST, 7, -1),
        features=features,
        hidden=_aligned((MOST, HIDDEN)),
        logits=_aligned((MOST, CLASSES)),
        behind=behind,
        behind_maps=behind.reshape(MOST, 7, -1),
        slopes=_aligned((MOST, HIDDEN)),
        turned=_aligned((25 * SECOND, FIRST)),
    )


def _aligned(shape):
    """float32 zeros that begin with a cache line. shape : of an even number of entries."""
    return aligned_zeros((math.prod(shape) // 2,)).view(np.float32).reshape(shape)


@compiled()
def draw_rows(order, l, n, rows):
    """rows[:n] ← the next n draws of learner l, which are used up."""
    rule, keys, draws, shards, starts, counts = order
    for b in range(n):
        rows[b] = draw(rule, keys[l], draws[l] + b, shards, starts[l], counts[l])
    draws[l] += n


@compiled()
def look(X, y, white, n, buffers):
    """images and labels ← those of the first n rows; X : (·, 784), a pixel is divided by `white`."""
    for b in range(n):
        row = buffers.rows[b]
        buffers.labels[b] = np.int64(y[row])
        for i in range(28):
            for j in range(28):
                buffers.images[b, i + 2, j + 2] = X[row, 28 * i + j] / white


@compiled()
def predict(net, n, buffers):
    """logits ← the net's outputs for the first n images."""
    for b in range(n):
        convolve(buffers.images[b], net.filters1, buffers.outputs1)
        pool(buffers.outputs1, net.bias1, buffers.pooled[b], 2, buffers.chosen1[b])
        convolve(buffers.pooled[b], net.filters2, buffers.outputs2)
        pool(buffers.outputs2, net.bias2, buffers.maps[b], 0, buffers.chosen2[b])
    groups = -(-n // GROUP) * GROUP
    for b in range(n, groups):
        for i in range(FEATURES):
            buffers.features[b, i] = ZERO
    forward(buffers.features, groups, net.weights3, net.bias3, buffers.hidden)
    for b in range(n):
        for k in range(CLASSES):
            logit = net.bias4[k]
            for j in range(HIDDEN):
                logit += buffers.hidden[b, j] * net.weights4[k, j]
            buffers.logits[b, k] = logit


@compiled()
def compare(n, scale, buffers):
    """(Σ loss, right classes) of the first n images, in float64; logits ← scale times the loss's gradient.

    The class is that of the largest logit, the first one if there are several.
    """
    loss, right = 0.0, 0
    for b in range(n):
        logits, label = buffers.logits[b], buffers.labels[b]
        best = 0
        for k in range(1, CLASSES):
            if logits[k] > logits[best]:
                best = k
        largest, total = np.float64(logits[best]), 0.0
        for k in range(CLASSES):
            total += math.exp(logits[k] - largest)
        loss += math.log(total) + largest - logits[label]
        right += best == label
        for k in range(CLASSES):
            logits[k] = scale * (math.exp(logits[k] - largest) / total - (k == label))
    return loss, right


@compiled()
def learn(net, moved, n, mu, gamma, buffers):
    """moved ← μ·moved + the gradient of the first n images, after `compare`; then net ← net − γ·moved."""
    slopes, outputs1, outputs2 = buffers.slopes, buffers.outputs1, buffers.outputs2
    for begin, end in ((0, ENDS[4]), (ENDS[5], DIMENSION)):
        for j in range(begin, end):
            moved.flat[j] *= mu
    groups = -(-n // GROUP) * GROUP
    for b in range(groups):
        for j in range(HIDDEN):
            slopes[b, j] = ZERO
    for b in range(n):
        for k in range(CLASSES):
            slope = buffers.logits[b, k]
            moved.bias4[k] += slope
            for j in range(HIDDEN):
                slopes[b, j] += slope * net.weights4[k, j]
                moved.weights4[k, j] += slope * buffers.hidden[b, j]
        for j in range(HIDDEN):
            slopes[b, j] = slopes[b, j] if buffers.hidden[b, j] > 0 else ZERO
            moved.bias3[j] += slopes[b, j]
    backward_and_step(
        buffers.features, slopes, groups, net.weights3, moved.weights3, mu, gamma, buffers.behind
    )
    turn(net.filters2, FIRST, buffers.turned)
    for b in range(n):
        pooled = buffers.pooled[b]
        unpool(buffers.behind_maps[b], 0, buffers.chosen2[b], outputs2, moved.bias2)
        add_filter_gradient(pooled, outputs2, moved.filters2, ROWS)
        convolve(outputs2, buffers.turned, pooled)  # its gradient takes its place
        unpool(pooled, 2, buffers.chosen1[b], outputs1, moved.bias1)
        add_filter_gradient(buffers.images[b], outputs1, moved.filters1, FEW)
    for begin, end in ((0, ENDS[4]), (ENDS[5], DIMENSION)):
        for j in range(begin, end):
            net.flat[j] -= gamma * moved.flat[j]
