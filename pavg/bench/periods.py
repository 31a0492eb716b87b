"""Rounds of some learners, for each shape of samples and each K: what several benchmarks compare."""

from dataclasses import dataclass

import numpy as np

from pavg.bench.base import Benchmark, option
from pavg.bench.measuring import alternate
from pavg.bench.shapes import SHAPES, samples
from pavg.comm.agreement import once
from pavg.data import open_store


@dataclass(frozen=True)
class ByPeriod(Benchmark):
    """Base of benchmarks with a row for each shape and K. alone : whether one rank has something to show."""

    alone = False

    shapes: tuple[str, ...] = option(("higgs",), "Of which set's shape the samples are.", tuple(SHAPES))
    periods: tuple[int, ...] = option((1, 4, 16, 64, 256), "K.")

    def rows(self, comm, progress):
        name = type(self).__name__.lower()
        if comm.Get_size() == 1 and not self.alone:
            yield {"note": f"missing: one rank only; expected more: pavg bench {name} -n 2"}
            return
        for k, shape in enumerate(self.shapes):
            store = open_store(once(comm, lambda shape=shape: samples(shape, self.quick).path))
            for j, K in enumerate(self.periods):
                progress(name, k * len(self.periods) + j, len(self.shapes) * len(self.periods))
                yield {"shape": shape, "K": K} | self.row(comm, shape, store, K)

    def row(self, comm, shape, store, K):
        """What is measured for one shape and K: columns of the row but these. Collective."""
        raise NotImplementedError

    def slowest(self, calls, comm):
        """name → seconds of the slowest rank (alternations,), of calls that take turns. Collective."""
        seconds = alternate(calls, self.alternations, comm)
        return {name: np.max(comm.allgather(spent), axis=0) for name, spent in seconds.items()}


def rounds(made, n, K):
    """n rounds of K local steps of some `Learners`, the training clock on."""
    made.clock.start()
    made.rounds(np.full(n, K), 0)
