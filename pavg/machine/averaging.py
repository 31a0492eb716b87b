"""Seconds of an averaging of d doubles over P ranks.

On one rank, a + b·m + c·max(m − m₀, 0) for m = 8d bytes: models are gathered into a buffer and scattered
back, more slowly from m₀ on, where they leave the caches. Between ranks the Allreduce comes on top, by the
cheaper of two algorithms (Thakur, Rabenseifner and Gropp 2005, section 4.5), with l = ⌈log₂ P⌉:

- short messages, recursive doubling: l·(α + β·m)
- long ones, reduce-scatter and allgather: 2l·α' + 2(P − 1)/P·β'·m

where α, β and α', β' are latency and seconds a byte, additions included, of messages of each kind.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares

from pavg.errors import InputError
from pavg.machine.lines import line

DOUBLE = 8  # bytes
LEAST = 1e-15  # of numbers whose logarithms are fitted
LEAVES = (2.0**18, 2.0**20, 2.0**22)  # bytes at which models may leave the caches, that the fit starts from


@dataclass(frozen=True)
class Averaging:
    """Numbers of the formula above. ranks : those that were measured; deviation : of the logarithm."""

    alone: tuple[float, float, float, float]
    short: tuple[float, float]
    long: tuple[float, float]
    ranks: tuple[int, ...]
    deviation: float

    def seconds(self, d, P):
        """Seconds of an averaging. InputError for P > 1 if none was measured between ranks."""
        if P > 1 and self.most == 1:
            raise InputError(f"P = {P}: one rank was measured; expected: pavg bench machine -n 2")
        own = _local(self.alone, d)
        return float(own + (_between(self.short, self.long, d, P) if P > 1 else 0.0))

    def bounds(self, d, P):
        """(low, high) around `seconds`.

        Twice the deviation. Beyond the measured ranks, low is as if more of them cost nothing more, and high
        as if each doubling cost as much as the whole message.
        """
        low = high = self.seconds(d, P)
        if P > self.most:
            own, there = _local(self.alone, d), self.seconds(d, self.most)
            low, high = there, max(high, own + (there - own) * np.log2(P) / np.log2(self.most))
        factor = np.exp(2 * self.deviation)
        return float(low / factor), float(high * factor)

    @property
    def most(self):
        """Ranks, at most, that were measured."""
        return self.ranks[-1]


def fitted(d, P, seconds, noise):
    """`Averaging` of measured seconds (arrays, P = 1 among them): least squares of logarithms.

    noise : deviation of the logarithm of each of the seconds.
    """
    d, P, seconds = (np.asarray(given, float) for given in (d, P, seconds))
    one, ranks = P == 1, tuple(sorted({int(p) for p in P}))
    least = seconds[one].min(), (seconds[one] / (DOUBLE * d[one])).min()
    alone = _fit(lambda given: _local(given, d[one]), ([*least, least[1], m] for m in LEAVES), seconds[one])
    short = long = (0.0, 0.0)
    errors = np.log(_local(alone, d[one]) / seconds[one])
    if len(ranks) > 1:
        d, P, there = d[~one], P[~one], seconds[~one]
        own = _local(alone, d)

        def between(given):
            return own + _between(given[:2], given[2:], d, P)

        found = _fit(between, _starts(d, P, there - own), there)
        short, long = found[:2], found[2:]
        errors = np.log(between(found) / there)
    deviation = np.hypot(np.sqrt(np.mean(errors**2)), np.median(noise))
    return Averaging(alone, short, long, ranks, float(deviation))


def _local(numbers, d):
    a, b, c, leaves = numbers
    return a + b * DOUBLE * d + c * np.maximum(DOUBLE * d - leaves, 0.0)


def _between(short, long, d, P):
    """Of the Allreduce alone."""
    levels, m = np.ceil(np.log2(P)), DOUBLE * d
    return np.minimum(
        levels * (short[0] + short[1] * m), 2 * levels * long[0] + 2 * (P - 1) / P * long[1] * m
    )


def _starts(d, P, between):
    """Guesses of (α, β, α', β'), one for each size at which long messages may begin, of the fewest ranks."""
    few = np.min(P) == P
    order = np.argsort(d[few])
    m, between = DOUBLE * d[few][order], np.maximum(between[few][order], LEAST)
    l, P = np.ceil(np.log2(P.min())), P.min()
    scales = l, l, 2 * l, 2 * (P - 1) / P
    for split in range(1, len(m) - 1):
        lines = [*line(m[:split], between[:split]), *line(m[split:], between[split:])]
        yield np.maximum(np.array(lines) / scales, LEAST)


def _fit(model, starts, seconds):
    """Positive numbers for which model(numbers) ≈ seconds, from the best of some starts."""

    def errors(logs):
        return np.log(model(np.exp(logs)) / seconds)

    found = [least_squares(errors, np.log(start), loss="soft_l1", f_scale=0.1) for start in starts]
    return tuple(np.exp(min(found, key=lambda one: one.cost).x).tolist())
