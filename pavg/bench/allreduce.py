"""Sums over ranks: what an in-place Allreduce of doubles costs, from Python and in a C loop."""

import ctypes
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from mpi4py import MPI

from pavg.bench.base import NOTE, SI, Benchmark, Column, option, ratio_columns
from pavg.bench.compiled_c import library
from pavg.bench.measuring import alternate, count_for
from pavg.bench.ratios import ratio
from pavg.comm import addresses

SIZES = tuple(4**k for k in range(12))  # 1 … 4,194,304
SPENT, SPENT_QUICKLY = 4e-3, 3e-4  # seconds of a batch of calls, about


@dataclass(frozen=True)
class Allreduce(Benchmark):
    """Seconds of an in-place Allreduce of doubles, by size.

    Through mpi4py, and in a C loop.
    """

    columns: ClassVar[dict] = {
        "way": Column("", "what calls MPI_Allreduce", "s"),
        "doubles": Column("1", "numbers that are summed", ",.0f"),
        "time_min": Column("s", "a call: median of the batches of the fastest rank", SI),
        "time_median": Column("s", "a call: median over ranks of the medians of batches", SI),
        "time_max": Column("s", "a call: median of the batches of the slowest rank", SI),
        **ratio_columns("time of this way over that of the C loop"),
        "rate": Column("byte/s", "bytes of the buffer over the median time", SI),
        "batches": Column("s", "a call, in each batch; the slowest rank's", axes=("alternation",)),
        "calls": Column("1", "calls in a batch"),
        "note": NOTE,
    }

    sizes: tuple[int, ...] = option(SIZES, "How many doubles.")

    def rows(self, comm, progress):
        loop, why = library("allreduce.c")
        if not all(comm.allgather(loop is not None)):
            loop = None
            yield {"way": "C", "note": comm.bcast(why) or "missing on another rank"}
        for done, size in enumerate(self.sizes):
            progress("allreduce", done, len(self.sizes))
            yield from self._rows(comm, loop, size)

    def _rows(self, comm, loop, size):
        buffer = np.zeros(size)  # zeros: sums of sums stay finite

        def python(times):
            for _ in range(times):
                comm.Allreduce(MPI.IN_PLACE, buffer, MPI.SUM)

        times = count_for(python, SPENT_QUICKLY if self.quick else SPENT, comm)
        ways = {"mpi4py": lambda: python(times)}
        if loop is not None:
            ways["C"] = in_c(loop, comm, buffer, times)
        seconds = alternate(ways, self.alternations, comm)
        spread = {way: np.array(comm.allgather(seconds[way])) / times for way in ways}
        for way in ways:
            medians = np.median(spread[way], axis=1)
            slowest = spread[way].max(axis=0)
            yield {
                "way": way,
                "doubles": size,
                "time_min": medians.min(),
                "time_median": np.median(medians),
                "time_max": medians.max(),
                "rate": 8 * size / np.median(medians),
                "batches": slowest,
                "calls": times,
                **(ratio(slowest, spread["C"].max(axis=0)) if "C" in spread and way != "C" else {}),
            }

    def draw(self, rows, figure):
        axes = figure.subplots()
        for way in ("mpi4py", "C"):
            of = [row for row in rows if row["way"] == way and "doubles" in row]
            if of:
                x, y = [row["doubles"] for row in of], [row["time_median"] for row in of]
                bounds = [row["time_min"] for row in of], [row["time_max"] for row in of]
                (line,) = axes.plot(x, y, "o-", label=way)
                axes.fill_between(x, *bounds, color=line.get_color(), alpha=0.2)
        axes.set(xscale="log", yscale="log", xlabel="doubles", ylabel="seconds of an Allreduce")
        axes.legend()


def in_c(loop, comm, buffer, times):
    """A function without arguments: so many Allreduces of a buffer in the C loop."""
    _, _, _, address, _, handle, in_place, double, _, sum_ = addresses.of(comm, False)
    loop.seconds.restype = ctypes.c_double
    given = address, in_place, buffer.ctypes.data, buffer.size, double, sum_, handle, times
    given = [ctypes.c_longlong(int(number)) for number in given]

    def call():
        if loop.seconds(*given) < 0:
            raise RuntimeError("MPI_Allreduce failed in the C loop")

    return call
