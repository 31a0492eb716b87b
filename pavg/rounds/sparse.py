"""What a rank keeps for averaging by touched coordinates, and when that is done (`pavg.kernels.touched`)."""

import numpy as np

from pavg import streams
from pavg.comm.topology import block
from pavg.kernels import touched
from pavg.kernels.streams import RULES

NONE = np.empty(0)
SHARE = 1 / 3  # of d: up to so many entries of all learners, to exchange them is the faster


def everyone(comm, spec, shards):
    """(rule, keys, rows, starts, counts) of all learners, and which of them belong to each rank."""
    R, P = comm.Get_size(), spec.P
    firsts = np.array([block(P, R, r)[0] for r in range(R)] + [P])
    keys = streams.keys(spec.seed, "order", range(P))
    rows = np.ascontiguousarray(shards.rows, np.int64).view()
    rows.flags.writeable = False  # as the kernels take what they do not change
    return RULES[spec.sampling], keys, rows, shards.starts, shards.counts, firsts


def most_entries(spec, objective):
    """The most entries of all learners that are exchanged in place of whole models; −1: never.

    A function of what all ranks know, so that they choose alike: no clock, no number of ranks.
    """
    never = spec.averaging == "dense" or spec.method.asynchronous or spec.momentum
    if never or objective.csr is None:
        return -1
    d, (*_, intercept, _) = objective.dimension, objective.csr
    most = min(d if spec.averaging == "sparse" else int(SHARE * d), np.iinfo(np.int32).max // touched.BYTES)
    least = spec.P * (touched.FREE if intercept else 1)  # of any average, which the buffer must hold
    return most if least <= most else -1


class Touched:
    """The tuples of `pavg.kernels.touched` for the learners of one rank.

    Parameters
    ----------
    comm : their communicator
    spec : pavg.spec.Spec
    objective : pavg.problems.base.Objective
    shards : pavg.data.partition.Shards of all P learners, or None without samples
    """

    def __init__(self, comm, spec, objective, shards):
        R, most = comm.Get_size(), most_entries(spec, objective)
        self.open = np.array([-1, -1, 0, most])
        self.everyone = everyone(comm, spec, shards) if self.on else ()
        self.csr, P = objective.csr, spec.P if self.on else 0
        self.buffer = np.zeros(-(-touched.BYTES * max(most, 0) // 8))
        self.sizes, self.offsets = np.zeros((2, R), np.int32)
        self._origin, self._entries = np.zeros(objective.width if self.on else 0), np.zeros(P, np.int64)
        parts = self.buffer, self.buffer.view(np.uint32), self.sizes, self.offsets
        self.room = self._origin, self._entries, *parts
        self._rank = comm.Get_rank()
        self.all = (self.csr, self.everyone, self.room, self.open, self._rank) if self.on else ()

    @property
    def on(self):
        """Whether averages may be sparse at all."""
        return bool(self.open[touched.MOST] >= 0)

    def prepare(self, model, schedule, drawn, n):
        """n local steps are about to be made, from draw number `drawn`."""
        if self.on:
            touched.prepare(self.csr, self.everyone, self.room, self.open, model, schedule, drawn, n)

    def lose(self):
        """Models move otherwise than by drawn rows: the next average is dense."""
        if self.on:
            self.open[: touched.MOST] = 0, -1, 0

    def average(self, summation, model, order, weights, total):
        """Average the models: bytes of what ranks combined. None where all coordinates must be averaged.

        That is so unless the entries of the open round, which `prepare` has counted, are few enough.
        """
        if self.open[touched.ENTRIES] < 0:
            return None
        all = self.csr, self.everyone, self.room, self.open, model, order, weights, total, self._rank
        return summation.of_parts(
            lambda: touched.collect(*all),
            *(self.buffer, self.sizes, self.offsets, lambda: touched.spread(self.room, model)),
        )

    def close(self, drawn):
        """The models have just been averaged."""
        if self.on:
            touched.close(self.open)

    def state(self):
        """name → array: the open round. Without an origin that is needed again: nothing of it."""
        origin = self._origin if self.open[touched.KNOWN] else NONE
        return {"open": self.open[: touched.MOST].copy(), "entries": self._entries, "origin": origin}

    def restore(self, state):
        self.open[: touched.MOST] = state["open"]
        if self.on:
            self._entries[:] = state["entries"]
            if state["origin"].size:
                self._origin[:] = state["origin"]

    def warm_up(self, model, order, weights, schedule):
        """Compile all of it, on an open round of no steps; it is as new afterwards."""
        if self.on:
            self.prepare(model, schedule, 0, 0)
            all = self.csr, self.everyone, self.room, self.open
            touched.collect(*all, model, order, weights, 1.0, self._rank)
            touched.spread(self.room, model)
            self.close(0)
            self.open[: touched.MOST] = -1, -1, 0
