"""Layers whose randomness and statistics are pavg's."""

import torch
from torch import nn
from torch.nn import functional

GOLDEN, FIRST, SECOND = -0x61C8864680B583EB, -0x40A7B892E31B1A47, -0x6B2FB644ECCEEE15  # as int64
CROPPED = 3  # draws of a sample's key that `pavg.kernels.images` uses up


class BatchNorm(nn.Module):
    """Batch normalisation (Ioffe & Szegedy 2015) of (B, C) or (B, C, h, w).

    In training by the batch's own mean and variance, which are left in `seen`, the variance as a sample's
    (divided by one less); else by `mean` and `variance`, which whoever evaluates sets.
    """

    mean: torch.Tensor
    variance: torch.Tensor
    seen: tuple[torch.Tensor, torch.Tensor]

    def __init__(self, channels: int, epsilon: float = 1e-5):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(channels))
        self.bias = nn.Parameter(torch.empty(channels))
        self.epsilon = epsilon

    def forward(self, x):
        by = self.weight, self.bias
        if not self.training:
            return functional.batch_norm(x, self.mean, self.variance, *by, False, 0.0, self.epsilon)
        y, mean, inverse = torch.native_batch_norm(x, *by, None, None, True, 0.0, self.epsilon)
        n = x.numel() // x.shape[1]
        variance = (inverse.detach() ** -2 - self.epsilon).clamp_min(0.0)
        self.seen = mean.detach(), variance * (n / max(n - 1, 1))
        return y


class Dropout(nn.Module):
    """Dropout (Srivastava et al. 2014): in training a unit is 0 with probability p, else divided by 1 − p.

    number : of this layer among those of the net; keys : (B,) int64, of the samples, which whoever trains
    sets. With k = bits(CROPPED + number) of a sample's key, unit u is dropped if the u mod 4-th 16 bits of
    bits(⌊u / 4⌋) of k, as a signed number, are less than 2¹⁶·p − 2¹⁵, rounded.
    """

    keys: torch.Tensor

    def __init__(self, p: float, number: int):
        super().__init__()
        self.p, self.number = p, number
        self.least = round(p * 2**16) - 2**15

    def forward(self, x):
        if not self.training:
            return x
        units = x.numel() // x.shape[0]
        keys = bits(self.keys, CROPPED + self.number)
        fours = bits(keys[:, None], torch.arange(-(-units // 4), device=x.device))
        kept = fours.view(torch.int16)[:, :units] >= self.least
        return x * kept.view(x.shape) / (1 - self.p)


def bits(keys, m):
    """Draws number m of keys, as `pavg.kernels.streams.bits`, in int64."""
    z = keys + (torch.as_tensor(m) + 1) * GOLDEN
    z = (z ^ _shifted(z, 30)) * FIRST
    z = (z ^ _shifted(z, 27)) * SECOND
    return z ^ _shifted(z, 31)


def _shifted(z, k):
    """z >> k of unsigned numbers."""
    return (z >> k) & ((1 << (64 - k)) - 1)
