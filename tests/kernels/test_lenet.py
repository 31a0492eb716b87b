"""LeNet's kernels against plain NumPy in float64, finite differences and PyTorch."""

from functools import cache

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from pavg.bench.eager import Eager
from pavg.data.layouts import Dense
from pavg.data.store import Store
from pavg.kernels import lenet
from pavg.kernels.streams import ORDER, REPLACEMENT
from pavg.problems.base import frozen
from pavg.problems.lenet import LeNet


@cache
def objective(n=90, seed=1, dtype="float64"):
    rng = np.random.default_rng(seed)
    X = np.where(rng.random((n, 784)) < 0.5, 0, rng.integers(0, 256, (n, 784))).astype(dtype)
    part = Dense(X, rng.integers(0, 10, n).astype(float))
    return LeNet().bind(Store("memory", "memory", 784, part, part, "checksum", "dense", {}), 1, seed)


def trained(of, steps, momentum=0.9, batch=8, rule=REPLACEMENT, gamma=0.05, start=None):
    """(W, V, draws) after so many local steps of each of these lists, one learner."""
    W = of.embedded(of.start) if start is None else start
    V, draws, zero = (
        np.zeros_like(W) if momentum else np.zeros((0, 0)),
        np.zeros(1, np.int64),
        np.zeros(1, int),
    )
    order = rule, np.array([7], np.uint64), draws, frozen([], np.int64), zero, np.array([of.n])
    for n in steps:
        schedule = np.full(n, gamma), np.full(n, batch), 0
        of.steps((W, V, momentum, np.ones((1, 1))), order, None, schedule, n)
    return W, V, draws


# --- in plain NumPy ------------------------------------------------------------------------------


def split(w):
    pieces = np.split(w, lenet.ENDS[1:-1])
    return [piece.reshape(shape) for piece, shape in zip(pieces, lenet.SHAPES, strict=True)]


def windows(images):
    """(n, h, h, 25·c): what a filter sees at each pixel of images (n, h, h, c)."""
    framed = np.pad(images, ((0, 0), (2, 2), (2, 2), (0, 0)))
    seen = sliding_window_view(framed, (5, 5), axis=(1, 2)).transpose(0, 1, 2, 4, 5, 3)
    return seen.reshape(*images.shape[:3], -1)


def pooled(outputs):
    """(The largest of 2×2, or 0; 1 where it is the first such, in the place of the outputs)."""
    n, h, _, c = outputs.shape
    squares = outputs.reshape(n, h // 2, 2, h // 2, 2, c).transpose(0, 1, 3, 5, 2, 4).reshape(-1, 4)
    mask = np.zeros_like(squares)
    mask[np.arange(len(squares)), squares.argmax(axis=1)] = squares.max(axis=1) > 0
    image = np.maximum(squares.max(axis=1), 0).reshape(n, h // 2, h // 2, c)
    mask = mask.reshape(n, h // 2, h // 2, c, 2, 2).transpose(0, 1, 4, 2, 5, 3).reshape(outputs.shape)
    return image, mask


def spread(slopes, mask):
    return slopes.repeat(2, axis=1).repeat(2, axis=2) * mask


def reference(w, X, y):
    """(Σ loss, its gradient, logits) of images, divided by 255."""
    filters1, bias1, filters2, bias2, weights3, bias3, weights4, bias4 = split(w)
    images = X.reshape(-1, 28, 28, 1) / 255
    seen1 = windows(images)
    image1, mask1 = pooled(seen1 @ filters1 + bias1)
    seen2 = windows(image1)
    image2, mask2 = pooled(seen2 @ filters2 + bias2)
    x = image2.reshape(len(X), -1)
    hidden = np.maximum(x @ weights3 + bias3, 0)
    logits = hidden @ weights4.T + bias4
    logits -= logits.max(axis=1, keepdims=True)
    logs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    at = np.arange(len(X)), y.astype(int)
    slopes4 = np.exp(logs)
    slopes4[at] -= 1
    slopes3 = slopes4 @ weights4 * (hidden > 0)
    slopes2 = spread((slopes3 @ weights3.T).reshape(image2.shape), mask2)
    turned = filters2.reshape(25, 32, 64)[::-1].transpose(0, 2, 1).reshape(-1, 32)
    slopes1 = spread(windows(slopes2) @ turned, mask1)
    gradient = [
        np.tensordot(seen1, slopes1, ([0, 1, 2], [0, 1, 2])),
        slopes1.sum(axis=(0, 1, 2)),
        np.tensordot(seen2, slopes2, ([0, 1, 2], [0, 1, 2])),
        slopes2.sum(axis=(0, 1, 2)),
        *(x.T @ slopes3, slopes3.sum(axis=0), slopes4.T @ hidden, slopes4.sum(axis=0)),
    ]
    return -logs[at].sum(), np.concatenate([part.ravel() for part in gradient]), logits


def test_the_gradient_in_numpy_is_that_of_finite_differences():
    of, rng = objective(), np.random.default_rng(0)
    X, y, _ = of.samples["train"]
    w, (X, y) = of.start + 0.01, (X[:2], y[:2])
    _, gradient, _ = reference(w, X, y)
    for begin, end in zip(lenet.ENDS, lenet.ENDS[1:], strict=False):  # of each layer, where it counts
        largest = begin + np.argsort(-np.abs(gradient[begin:end]))[: 1 + (end - begin) // 4]
        j, step = rng.choice(largest), np.zeros_like(w)
        step[j] = 1e-6
        slope = (reference(w + step, X, y)[0] - reference(w - step, X, y)[0]) / 2e-6
        assert slope == pytest.approx(gradient[j], rel=1e-4, abs=1e-7)


@pytest.mark.parametrize("n", [1, 11])
def test_losses_and_gradients_are_those_of_numpy(n):
    of = objective()
    X, y, _ = of.samples["train"]
    W = of.embedded(of.start + 0.01)
    loss, gradient, logits = reference(W[0, : of.dimension], X[5 : 5 + n], y[5 : 5 + n])
    found, right = of.losses("train", W, 5, 5 + n)
    assert found == pytest.approx(loss, rel=1e-6)
    assert right == (logits.argmax(axis=1) == y[5 : 5 + n]).sum()
    G = np.ones_like(W)
    of.add_gradient(W, 5, 5 + n, G)
    for begin, end in zip(lenet.ENDS, lenet.ENDS[1:], strict=False):
        expected, of_layer = gradient[begin:end], G[0, begin:end] - 1
        np.testing.assert_allclose(of_layer, expected, rtol=0, atol=2e-5 * np.abs(expected).max())


@pytest.mark.parametrize("momentum, batch, steps", [(0.9, 8, 2), (0.0, 3, 2), (0.5, 66, 1)])
def test_local_steps_are_those_of_numpy(momentum, batch, steps):
    of = objective()
    X, y, _ = of.samples["train"]
    w, v = of.start.copy(), np.zeros(of.dimension)
    for s in range(steps):
        rows = np.arange(s * batch, (s + 1) * batch) % of.n
        v = momentum * v + reference(w, X[rows], y[rows])[1] / batch
        w -= 0.05 * v
    W, V, draws = trained(of, [steps], momentum, batch, ORDER)
    assert draws[0] == steps * batch
    np.testing.assert_allclose(W[0, : of.dimension], w, rtol=0, atol=1e-5 * np.abs(w).max())
    if momentum:
        np.testing.assert_allclose(V[0, : of.dimension], v, rtol=0, atol=3e-5 * np.abs(v).max())


def test_the_mini_batch_gradient_is_that_of_a_step():
    of = objective()
    W, draws, zero = of.embedded(of.start), np.zeros(1, np.int64), np.zeros(1, int)
    order = REPLACEMENT, np.array([7], np.uint64), draws, frozen([], np.int64), zero, np.array([of.n])
    G = np.zeros_like(W)
    of.gradients((W, np.zeros((0, 0)), 0.0, np.ones((1, 1))), order, None, 8, G)
    _, V, drawn = trained(of, [1])
    np.testing.assert_array_equal(G, V)
    np.testing.assert_array_equal(draws, drawn)


@pytest.mark.parametrize("momentum, batch", [(0.9, 8), (0.0, 5)])
def test_where_local_steps_are_interrupted_changes_no_bit(momentum, batch):
    whole = trained(objective(), [7], momentum, batch)
    parts = trained(objective(), [3, 0, 4], momentum, batch)
    for one, other in zip(whole, parts, strict=True):
        np.testing.assert_array_equal(one, other)


def test_no_steps_leave_a_model_that_float32_cannot_hold_as_it_is():
    of = objective()
    average = of.embedded(of.start / 3)
    W, _, _ = trained(of, [0], start=average.copy())
    np.testing.assert_array_equal(W, average)


def test_images_may_be_stored_in_either_type():
    for one, other in zip(trained(objective(), [2]), trained(objective(dtype="float32"), [2]), strict=True):
        np.testing.assert_array_equal(one, other)


def test_what_is_no_number_stays_none():
    of = objective()
    start = of.embedded(of.start)
    start[0, -20] = np.nan
    W, _, _ = trained(of, [1], start=start)
    assert np.isnan(of.losses("train", W, 0, 8)[0])


def test_local_steps_with_momentum_are_those_of_pytorch():
    pytest.importorskip("torch", reason="PyTorch is an extra: pip install '.[torch]'")
    of = objective()
    X, y, _ = of.samples["train"]
    theirs = Eager(of.start, X / 255, y, 0.05, 0.9, 8)
    theirs.step(5)
    W, _, _ = trained(of, [5], rule=ORDER)
    np.testing.assert_allclose(W[0, : of.dimension], theirs.w, rtol=0, atol=1e-6)
