"""Layers: random bits are the kernels', batch normalisation is PyTorch's."""

import numpy as np
import pytest
from numba import njit

from pavg.kernels import streams
from tests.problems.nets.small import NEEDED

torch = pytest.importorskip("torch", reason=NEEDED)
layers = pytest.importorskip("pavg.problems.nets.layers")


@njit
def one(key, m):
    return streams.bits(key, m)


def keys_of(n):
    return np.random.default_rng(0).integers(0, 2**64, n, np.uint64)


def test_random_bits_are_those_of_the_kernels():
    keys = keys_of(50)
    found = (
        layers.bits(torch.from_numpy(keys.view(np.int64))[:, None], torch.arange(9)).numpy().view(np.uint64)
    )
    assert found.tolist() == [[int(one(key, m)) for m in range(9)] for key in keys]


@pytest.mark.parametrize("p, number", [(0.3, 0), (0.5, 2)])
def test_units_are_dropped_by_the_bits_of_their_sample_s_key(p, number):
    keys, layer = keys_of(3), layers.Dropout(p, number).train()
    layer.keys = torch.from_numpy(keys.view(np.int64))
    found = layer(torch.ones(3, 2, 5, 3)).numpy().reshape(3, -1)
    for sample, key in zip(found, keys, strict=True):
        own = np.uint64(one(key, layers.CROPPED + number))
        fours = np.array([one(own, m) for m in range(8)], np.uint64)
        kept = fours.view(np.int16)[:30] >= round(p * 2**16) - 2**15
        np.testing.assert_allclose(sample, kept / (1 - p), rtol=1e-6)
    assert torch.equal(layer.eval()(torch.ones(4)), torch.ones(4))


def test_as_many_units_are_dropped_as_are_asked_for_in_each_layer_others():
    masks = []
    for number in (0, 1):
        layer = layers.Dropout(0.3, number).train()
        layer.keys = torch.from_numpy(keys_of(100).view(np.int64))
        masks.append(layer(torch.ones(100, 1000)).numpy() > 0)
    for mask in masks:
        assert abs(mask.mean() - 0.7) < 5 * np.sqrt(0.21 / mask.size)
    assert abs((masks[0] & masks[1]).mean() - 0.49) < 5 * np.sqrt(0.25 / masks[0].size)


@pytest.mark.parametrize("shape", [(6, 4, 3, 5), (6, 4)])
def test_batch_normalisation_is_pytorch_s(shape):
    ours = layers.BatchNorm(4)
    theirs = torch.nn.BatchNorm2d(4) if len(shape) == 4 else torch.nn.BatchNorm1d(4)
    x = torch.from_numpy(np.random.default_rng(1).standard_normal(shape).astype(np.float32)) * 3 + 1
    with torch.no_grad():
        for layer in (ours, theirs):
            layer.weight[:], layer.bias[:] = torch.arange(1.0, 5.0), torch.arange(4.0)
    torch.testing.assert_close(ours.train()(x), theirs.train()(x))
    mean, variance = ours.seen
    torch.testing.assert_close(mean * 0.1, theirs.running_mean)
    torch.testing.assert_close(0.9 + variance * 0.1, theirs.running_var)
    ours.mean, ours.variance = theirs.running_mean, theirs.running_var
    torch.testing.assert_close(ours.eval()(x), theirs.eval()(x))
