"""What the learners of one rank draw from, and what they weigh in an average."""

import numpy as np

from pavg import streams
from pavg.data.partition import Shards
from pavg.kernels.streams import RULES


def drawing(spec, shards, ids):
    """(order, noise) of the kernels (`pavg.kernels.linear`) for the learners `ids`, before any draw.

    shards : pavg.data.partition.Shards of all learners, or None without samples.
    """
    own = _all(shards, spec.P).of(ids.start, ids.stop)  # a rank keeps its own learners' rows only
    own.rows.flags.writeable = False
    keys, draws = streams.keys(spec.seed, "order", ids), np.zeros(len(ids), np.int64)
    order = RULES[spec.sampling], keys, draws, own.rows, own.starts, own.counts
    return order, streams.keys(spec.seed, "noise", ids)


def weighing(spec, shards, ids):
    """(weights of the learners `ids`, their total over all learners): float64 (L,), and a number."""
    counts = _all(shards, spec.P).counts
    if spec.weights == "shards" and counts.any():
        return counts[ids.start : ids.stop].astype(float), float(counts.sum())
    return np.ones(len(ids)), float(spec.P)


def _all(shards, P):
    return shards or Shards(np.empty(0, np.int64), np.zeros(P, np.int64), np.zeros(P, np.int64))
