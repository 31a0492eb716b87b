"""Local steps: what one sample costs, by shape, rule, storage and lanes."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from pavg.bench.base import NOTE, SI, Benchmark, Column, option, ratio_columns
from pavg.bench.local_steps import LocalSteps
from pavg.bench.measuring import alternate, count_for
from pavg.bench.ratios import ratio
from pavg.bench.shapes import RULES, SHAPES, cache_bytes, learners, samples, sizes
from pavg.comm.agreement import once

PLACES = ("memory", "cache")
LANES = (1, 8, 16, 32)
SPENT, SPENT_QUICKLY = 0.03, 0.003  # seconds of a turn, about
UNIT = 64  # steps: no kernel's block is cut


@dataclass(frozen=True)
class Kernels(Benchmark):
    """Seconds of a local step with one sample.

    A sample, and a sample and lane, against the plain loops. Samples come from memory, or from so few rows
    that they fill half of the L2 cache.
    """

    columns: ClassVar[dict] = {
        "shape": Column("", "samples", "s"),
        "dtype": Column("", "storage of X", "s"),
        "sampling": Column("", "how rows are drawn", "s"),
        "place": Column("", "where the samples are: in memory, or so few that L2 holds them", "s"),
        "lanes": Column("1", "models side by side", ".0f"),
        "time_sample": Column("s", "a local step of all lanes: median", SI),
        "time_lane": Column("s", "the same over the number of lanes", SI),
        "time_reference": Column("s", "a local step of all lanes by the plain loops: median", SI),
        **ratio_columns("time of the plain loops over that of the kernel in use"),
        "gain": Column("1", "time of one model over time of a lane: median of the ratios", ".2f"),
        "gain_low": Column("1", "lower end of the median's 95 % interval", ".2f"),
        "gain_high": Column("1", "upper end of it", ".2f"),
        "seconds": Column("s", "a local step of all lanes, in each turn", axes=("alternation",)),
        "note": NOTE,
    }

    shapes: tuple[str, ...] = option(tuple(SHAPES), "Of which set's shape the samples are.", tuple(SHAPES))
    dtypes: tuple[str, ...] = option(("float64",), "Storage of X.", ("float64", "float32"))
    samplings: tuple[str, ...] = option(RULES, "How rows are drawn.", RULES)
    places: tuple[str, ...] = option(PLACES, "Where samples are.", PLACES)
    lanes: tuple[int, ...] = option(LANES, "How many models side by side.")

    def rows(self, comm, progress):
        sets = [(shape, dtype) for shape in self.shapes for dtype in self.dtypes]
        for done, (shape, dtype) in enumerate(sets):
            progress("kernels", done, len(sets))
            for sampling in self.samplings:
                for place in self.places:
                    for lanes in self.lanes:
                        yield once(comm, self._row, shape, dtype, sampling, place, lanes)

    def _row(self, shape, dtype, sampling, place, lanes):
        head = {"shape": shape, "dtype": dtype, "sampling": sampling, "place": place, "lanes": lanes}
        store = samples(shape, self.quick, dtype)
        rows = None
        if place == "cache":
            rows = max(UNIT // 4, int(cache_bytes(2) / 2 / (sizes(store)[1] / store.train.n)))
        objective, gamma = bound(shape, store), SHAPES[shape].step_size
        ways = {
            "fast": LocalSteps(objective, gamma, sampling, lanes, rows),
            "reference": LocalSteps(objective, gamma, sampling, lanes, rows, reference=True),
        }
        if lanes > 1:
            ways["one"] = LocalSteps(objective, gamma, sampling, 1, rows)
        spent = SPENT_QUICKLY if self.quick else SPENT
        counts = {name: count_for(way, spent, unit=UNIT) for name, way in ways.items()}
        turns = {name: lambda way=way, n=counts[name]: way(n) for name, way in ways.items()}
        seconds = {name: s / counts[name] for name, s in alternate(turns, self.alternations).items()}
        median = float(np.median(seconds["fast"]))
        made = head | {"time_sample": median, "time_lane": median / lanes, "seconds": seconds["fast"]}
        made |= {"time_reference": float(np.median(seconds["reference"]))}
        made |= ratio(seconds["reference"], seconds["fast"])
        if lanes > 1:
            gain = ratio(seconds["one"], seconds["fast"] / lanes)
            made |= {name.replace("ratio", "gain"): value for name, value in gain.items()}
        return made

    def draw(self, rows, figure):
        panels = figure.subplots(2, 2, sharex=True).ravel()
        for axes, shape in zip(panels, SHAPES, strict=True):
            of = [row for row in rows if row["shape"] == shape]
            for line in {(row["dtype"], row["sampling"], row["place"]): None for row in of}:
                points = [row for row in of if (row["dtype"], row["sampling"], row["place"]) == line]
                x = [row["lanes"] for row in points]
                colour = f"C{RULES.index(line[1])}"
                style = "o-" if line[2] == "memory" else "o--"
                filled = colour if line[0] == "float64" else "white"
                y = [1e9 * row["time_lane"] for row in points]
                axes.plot(x, y, style, color=colour, markerfacecolor=filled, label=", ".join(line))
                plain = [1e9 * row["time_reference"] / row["lanes"] for row in points]
                axes.plot(x, plain, "x", color=colour, alpha=0.5)
            axes.set(title=SHAPES[shape].title, xscale="log", yscale="log")
            axes.set_xticks(sorted(set(self.lanes)), sorted(set(self.lanes)))
            axes.set_xticks([], minor=True)
        panels[0].legend(fontsize=7)
        figure.supxlabel("lanes; ×: plain loops")
        figure.supylabel("ns a sample and lane")


def bound(shape, store):
    """The objective of a shape on its samples."""
    from mpi4py import MPI

    return learners(MPI.COMM_SELF, shape, store).objective
