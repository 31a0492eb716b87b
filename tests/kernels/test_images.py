"""Images of mini-batches: what is drawn, and what becomes of it at random, against NumPy."""

import numpy as np
import pytest
from numba import njit

from pavg.kernels import images
from pavg.kernels.images import CROP, FLIP, NONE, PAD
from pavg.kernels.lenet import draw_rows
from pavg.kernels.streams import below, bits

C, H, W = 3, 6, 5
SHIFT, SCALE = np.array([1.0, -2.0, 0.5]), np.array([2.0, 3.0, 0.25])


@njit
def first(key):
    return bits(key, 0)


@njit
def place(key, m):
    return below(key, m, 2 * PAD + 1)


def rows_of_numbers(n=7):
    return np.random.default_rng(0).integers(0, 256, (n, C * H * W)).astype(np.float32)


def taken(X, rows, keys, augmentation):
    out = np.full((len(rows), C, H, W), np.nan, np.float32)
    images.take(X, rows, keys, augmentation, SHIFT, SCALE, out)
    return out


def by_numpy(row, key, augmentation):
    image = (row.reshape(C, H, W) - SHIFT[:, None, None]) / SCALE[:, None, None]
    if augmentation != NONE and int(first(key)) >= 2**63:
        image = image[:, :, ::-1]
    if augmentation == CROP:
        padded = np.pad(image, ((0, 0), (PAD, PAD), (PAD, PAD)))
        down, right = int(place(key, 1)), int(place(key, 2))
        y, x = 2 * PAD - down, 2 * PAD - right
        image = padded[:, y : y + H, x : x + W]
    return image


@pytest.mark.parametrize("augmentation", [NONE, FLIP, CROP])
def test_images_are_normalised_mirrored_and_moved_as_by_numpy(augmentation):
    X, rng = rows_of_numbers(), np.random.default_rng(1)
    rows, keys = rng.integers(0, len(X), 200), rng.integers(0, 2**64, 200, np.uint64)
    found = taken(X, rows, keys, augmentation)
    for image, row, key in zip(found, rows, keys, strict=True):
        np.testing.assert_allclose(image, by_numpy(X[row], key, augmentation), rtol=1e-6)


def test_each_place_and_each_side_is_as_likely():
    keys = np.random.default_rng(2).integers(0, 2**64, 20_000, np.uint64)
    X = np.arange(1.0, 1 + C * 9 * 9)[None]  # large enough to tell all places apart
    out = np.empty((len(keys), C, 9, 9), np.float32)
    images.take(X, np.zeros(len(keys), np.int64), keys, CROP, np.zeros(C), np.ones(C), out)
    _, counts = np.unique(out.reshape(len(keys), -1), axis=0, return_counts=True)
    assert counts.size == 2 * 81
    expected = len(keys) / counts.size
    assert ((counts - expected) ** 2 / expected).sum() < 161 + 5 * np.sqrt(2 * 161)


def test_draws_are_those_of_other_problems_and_each_has_a_key_of_its_own():
    def order():
        shards = np.array([5, 9, 2, 7]), np.array([0, 1]), np.array([1, 3])
        return 1, np.array([3, 4], np.uint64), np.array([0, 6]), *shards

    noise = np.array([11, 12], np.uint64)
    rows, keys, ours, theirs = np.zeros(8, np.int64), np.zeros(8, np.uint64), order(), order()
    images.draw_images(ours, noise, 1, 5, rows, keys)
    alone = np.zeros(8, np.int64)
    draw_rows(theirs, 1, 5, alone)
    assert rows.tolist() == alone.tolist() and ours[2].tolist() == theirs[2].tolist() == [0, 11]
    assert len(set(keys[:5].tolist())) == 5


def test_keys_of_draws_do_not_depend_on_how_these_are_asked_for():
    def drawn(*pieces):
        nothing = np.empty(0, np.int64)
        order = 0, np.array([3], np.uint64), np.zeros(1, np.int64), nothing, np.zeros(1, int), np.full(1, 9)
        found = []
        for n in pieces:
            rows, keys = np.zeros(n, np.int64), np.zeros(n, np.uint64)
            images.draw_images(order, np.array([8], np.uint64), 0, n, rows, keys)
            found += zip(rows.tolist(), keys.tolist(), strict=True)
        return found

    assert drawn(2, 5, 1) == drawn(8)


def test_moments_are_those_of_each_channel():
    X = rows_of_numbers()
    means, deviations = images.moments(X, C, H * W)
    channels = X.reshape(len(X), C, -1).astype(float)
    np.testing.assert_allclose(means, channels.mean(axis=(0, 2)), rtol=1e-12)
    np.testing.assert_allclose(deviations, channels.std(axis=(0, 2)), rtol=1e-12)
    assert images.moments(np.ones((2, 4)), 1, 4)[1] == 1.0
