"""Averages of touched coordinates against averages of whole models, on sparse samples."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from pavg.bench.base import NOTE, SI, Column, option, ratio_columns
from pavg.bench.measuring import count_for
from pavg.bench.periods import ByPeriod, rounds
from pavg.bench.ratios import ratio
from pavg.bench.rounds import SPENT, SPENT_QUICKLY
from pavg.bench.shapes import learners

WAYS = ("dense", "sparse", "auto")
SPARSE = ("rcv1", "e2006")


@dataclass(frozen=True)
class Averaging(ByPeriod):
    """A round on sparse samples with dense and with sparse averages.

    And with what averaging = "auto" chooses. One learner a rank, rows with replacement. `ratio` is what
    sparse averages gain; `worse` what "auto" loses against the better of both.
    """

    columns: ClassVar[dict] = {
        "shape": Column("", "samples", "s"),
        "K": Column("1", "local steps of a round", ",.0f"),
        **{
            f"time_{way}": Column("s", f"a round with averaging = {way!r}: median of the slowest rank", SI)
            for way in WAYS
        },
        **{f"bytes_{way}": Column("byte", f"a round with averaging = {way!r}: mean", SI) for way in WAYS},
        **ratio_columns("time of a round with dense averages over that with sparse ones"),
        "worse": Column("1", 'time of "auto" over that of the better: median of the ratios', ".2f"),
        "worse_low": Column("1", "lower end of the median's 95 % interval", ".2f"),
        "worse_high": Column("1", "upper end of it", ".2f"),
        "note": NOTE,
    }

    shapes: tuple[str, ...] = option(SPARSE, "Of which set's shape the samples are.", SPARSE)

    def row(self, comm, shape, store, K):
        settings = {"P": comm.Get_size(), "method": {"name": "periodic", "K": K}}
        made = {way: learners(comm, shape, store, averaging=way, **settings) for way in WAYS}
        spent = SPENT_QUICKLY if self.quick else SPENT
        calls = {way: lambda n, way=way: rounds(made[way], n, K) for way in WAYS}
        counts = {way: count_for(calls[way], spent, comm) for way in WAYS}
        turns = {way: lambda way=way: calls[way](counts[way]) for way in WAYS}
        slowest = {way: spent / counts[way] for way, spent in self.slowest(turns, comm).items()}
        better = np.minimum(slowest["dense"], slowest["sparse"])
        worse = ratio(slowest["auto"], better)
        return {
            **{f"time_{way}": np.median(slowest[way]) for way in WAYS},
            **{f"bytes_{way}": made[way].bytes / made[way].rounds_done for way in WAYS},
            **ratio(slowest["dense"], slowest["sparse"]),
            **{name.replace("ratio", "worse"): value for name, value in worse.items()},
        }

    def draw(self, rows, figure):
        axes = figure.subplots()
        for k, shape in enumerate(self.shapes):
            of = [row for row in rows if row.get("shape") == shape]
            for way, style in zip(WAYS, ("--", ":", "o-"), strict=True):
                times = [1e6 * row[f"time_{way}"] for row in of]
                axes.plot([row["K"] for row in of], times, style, color=f"C{k}", label=f"{shape}, {way}")
        axes.set(xscale="log", yscale="log", xlabel="K", ylabel="µs a round")
        axes.legend()
