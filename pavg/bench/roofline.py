"""Where local steps stand between what a core can read and what it can compute."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from pavg.bench.base import NOTE, SI, Benchmark, Column, option, ratio_columns
from pavg.bench.kernels import SPENT, SPENT_QUICKLY, UNIT, bound
from pavg.bench.limits import FLOPS, WIDE, multiply_add, read, words
from pavg.bench.local_steps import LocalSteps
from pavg.bench.measuring import alternate, count_for
from pavg.bench.ratios import ratio
from pavg.bench.shapes import RULES, SHAPES, cache_bytes, samples, sizes
from pavg.comm.agreement import once

MEMORY, L3, ARITHMETIC, STEPS = "read from memory", "read from L3", "multiply and add", "local steps"
IN_MEMORY = 2**28  # bytes that no cache holds


@dataclass(frozen=True)
class Roofline(Benchmark):
    """What a core can read and compute, and where local steps stand.

    Bytes read a second, and operations. A step with one sample needs the sample's bytes and 4 operations a
    feature and lane: multiply and add for the margin, and again for the update. The times of reading are
    measured in turns with the steps, on the same samples. Once with padding, as they are held; `ratio`
    counts the bytes without it.
    """

    columns: ClassVar[dict] = {
        "what": Column("", "what is done", "s"),
        "shape": Column("", "samples", "s"),
        "sampling": Column("", "how rows are drawn", "s"),
        "lanes": Column("1", "models side by side", ".0f"),
        "rate": Column("byte/s", "bytes read a second", SI),
        "flops": Column("flop/s", "double-precision operations a second", SI),
        "time_sample": Column("s", "a local step of all lanes: median", SI),
        "bytes_sample": Column("byte", "of a sample, without padding", ".0f"),
        "flops_sample": Column("flop", "of a local step of all lanes", ".0f"),
        "time_read": Column("s", "reading a sample's bytes once, without padding: median", SI),
        **ratio_columns("time of a local step over that of reading its sample's bytes once"),
        "limit": Column("", "which limit is the nearer one: reading (with padding) or arithmetic", "s"),
        "share": Column("1", "of that limit's rate that is reached", ".2f"),
        "note": NOTE,
    }

    shapes: tuple[str, ...] = option(tuple(SHAPES), "Of which set's shape the samples are.", tuple(SHAPES))
    samplings: tuple[str, ...] = option(RULES, "How rows are drawn.", RULES)
    lanes: tuple[int, ...] = option((1, 32), "How many models side by side.")

    def rows(self, comm, progress):
        limits = once(comm, self._limits)
        yield from limits
        rate, flops = limits[0]["rate"], limits[-1]["flops"]
        for done, shape in enumerate(self.shapes):
            progress("roofline", done, len(self.shapes))
            for sampling in self.samplings:
                for lanes in self.lanes:
                    yield once(comm, self._row, shape, sampling, lanes, rate, flops)

    def _limits(self):
        spent = SPENT_QUICKLY if self.quick else SPENT
        found = []
        for what, size in ((MEMORY, IN_MEMORY // (8 if self.quick else 1)), (L3, cache_bytes(3) // 4)):
            numbers = np.ones(size // 8, np.uint64)
            times = count_for(lambda n, numbers=numbers: [read(numbers) for _ in range(n)], spent)
            turn = {"read": lambda numbers=numbers, times=times: [read(numbers) for _ in range(times)]}
            seconds = alternate(turn, self.alternations)["read"] / times
            found.append({"what": what, "rate": size / np.median(seconds)})
        numbers = np.full(16, 0.5)
        times = count_for(lambda n: multiply_add(WIDE, numbers, n), spent)
        seconds = alternate({"fma": lambda: multiply_add(WIDE, numbers, times)}, self.alternations)["fma"]
        return [*found, {"what": ARITHMETIC, "flops": times * FLOPS / np.median(seconds)}]

    def _row(self, shape, sampling, lanes, rate, flops):
        store = samples(shape, self.quick)
        n, (needed, held) = store.train.n, sizes(store)
        step = LocalSteps(bound(shape, store), SHAPES[shape].step_size, sampling, lanes)
        times = count_for(step, SPENT_QUICKLY if self.quick else SPENT, unit=UNIT)
        arrays = words(vars(store.train).values())
        turns = {"steps": lambda: step(times), "read": lambda: [read(array) for array in arrays]}
        seconds = alternate(turns, self.alternations)
        steps, reading = seconds["steps"] / times, seconds["read"] / n * needed / held
        entries = needed / n / 8 - 1 if store.layout == "dense" else (needed / n - 16) / 12
        operations = 4 * lanes * entries
        bounds = {"reading": held / n / rate, "arithmetic": operations / flops}
        limit = max(bounds, key=bounds.get)
        return {
            "what": STEPS,
            "shape": shape,
            "sampling": sampling,
            "lanes": lanes,
            "time_sample": np.median(steps),
            "bytes_sample": needed / n,
            "flops_sample": operations,
            "time_read": np.median(reading),
            "limit": limit,
            "share": bounds[limit] / np.median(steps),
            **ratio(steps, reading),
        }

    def draw(self, rows, figure):
        axes = figure.subplots()
        rates = {row["what"]: row["rate"] for row in rows if "rate" in row}
        [peak] = [row["flops"] for row in rows if row["what"] == ARITHMETIC]
        intensity = np.geomspace(0.1, 100, 200)
        for (what, rate), style in zip(rates.items(), ("-", "--"), strict=True):
            roof = np.minimum(rate * intensity, peak) / 1e9
            axes.plot(intensity, roof, style, color="black", label=what)
        for shape in self.shapes:
            for sampling, marker in zip(RULES, "os^", strict=True):
                of = [row for row in rows if (row.get("shape"), row.get("sampling")) == (shape, sampling)]
                x = [row["flops_sample"] / row["bytes_sample"] for row in of]
                y = [row["flops_sample"] / row["time_sample"] / 1e9 for row in of]
                colour = f"C{list(SHAPES).index(shape)}"
                axes.plot(x, y, marker, color=colour, label=f"{shape}, {sampling}" if of else None)
        axes.set(xscale="log", yscale="log", ylabel="10⁹ operations a second")
        axes.set_xlabel("operations a byte (of the samples, without padding; more lanes, more operations)")
        axes.legend(fontsize=8)
