"""More ranks for the same samples: how much sooner they are done."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from mpi4py import MPI

from pavg.bench.base import NOTE, SI, Column, option, ratio_columns
from pavg.bench.periods import ByPeriod, rounds
from pavg.bench.ratios import ratio
from pavg.bench.shapes import learners
from pavg.comm.agreement import rest

PASSES = 4  # over the samples, by all learners together


@dataclass(frozen=True)
class Scaling(ByPeriod):
    """The same number of samples by one rank, and by all of them.

    By a learner on each, in turns. Local steps with one sample, rows with replacement, an average every K
    of them. The other ranks sleep while one works alone.
    """

    columns: ClassVar[dict] = {
        "shape": Column("", "samples", "s"),
        "K": Column("1", "local steps between averages", ",.0f"),
        "ranks": Column("1", "ranks, one learner each", ".0f"),
        "samples": Column("1", "samples of all learners together", ",.0f"),
        "time_one": Column("s", "one rank: median", SI),
        "time_all": Column("s", "all ranks, the slowest of them: median", SI),
        **ratio_columns("time of one rank over time of all"),
        "note": NOTE,
    }

    periods: tuple[int, ...] = option((16, 128, 1024), "K.")

    def row(self, comm, shape, store, K):
        P = comm.Get_size()
        settings = {"method": {"name": "periodic", "K": K}, "sampling": "replacement"}
        one = learners(MPI.COMM_SELF, shape, store, **settings)
        all_ = learners(comm, shape, store, P=P, **settings)
        count = max(1, round(PASSES * store.train.n / (P * K)))

        def alone():
            if comm.Get_rank() == 0:
                rounds(one, P * count, K)
            rest(comm)

        def together():
            rounds(all_, count, K)

        slowest = self.slowest({"one": alone, "all": together}, comm)
        return {
            "ranks": P,
            "samples": P * count * K,
            "time_one": np.median(slowest["one"]),
            "time_all": np.median(slowest["all"]),
            **ratio(slowest["one"], slowest["all"]),
        }

    def draw(self, rows, figure):
        axes = figure.subplots()
        for shape in self.shapes:
            of = [row for row in rows if row.get("shape") == shape]
            ratios = np.array([[row["ratio"], row["ratio_low"], row["ratio_high"]] for row in of]).T
            if of:
                bars = [ratios[0] - ratios[1], ratios[2] - ratios[0]]
                axes.errorbar([row["K"] for row in of], ratios[0], bars, fmt="o-", label=shape)
        axes.set(xscale="log", xlabel="K", ylabel="time of one rank over time of all")
        axes.legend()
