"""What a round costs beyond its local steps and a bare Allreduce."""

import contextlib
import os
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from pavg.bench.allreduce import in_c
from pavg.bench.base import NOTE, SI, Column, option, ratio_columns
from pavg.bench.compiled_c import library
from pavg.bench.measuring import count_for
from pavg.bench.periods import ByPeriod, rounds
from pavg.bench.ratios import interval, ratio
from pavg.bench.shapes import learners

SPENT, SPENT_QUICKLY = 0.02, 0.002  # seconds of a turn, about
FORCED = "PAVG_ROUNDS"


def difference_columns(name, long_name):
    """Columns of a difference of times, as `difference` makes them."""
    return {
        name: Column("s", f"{long_name}: median of the differences of alternating runs", SI),
        f"{name}_low": Column("s", "lower end of the median's 95 % interval, by order statistics", SI),
        f"{name}_high": Column("s", "upper end of it", SI),
    }


@dataclass(frozen=True)
class Rounds(ByPeriod):
    """A round of K local steps and an average, clocks included.

    By the compiled loop and by Python's. One learner a rank, rows with replacement, dense averages. In the
    same turns: the local steps alone, and the Allreduce of a model alone, in a loop in C. On one rank
    nothing is sent.
    """

    alone = True
    columns: ClassVar[dict] = {
        "shape": Column("", "samples", "s"),
        "K": Column("1", "local steps of a round", ",.0f"),
        "time_round": Column("s", "a round, compiled: median over turns of the slowest rank", SI),
        "time_python": Column("s", "a round by Python's loop: median", SI),
        "time_compute": Column("s", "its local steps alone: median", SI),
        "time_allreduce": Column("s", "an Allreduce of a model in a C loop: median", SI),
        **difference_columns("overhead", "a round less its local steps and its Allreduce"),
        **difference_columns("beyond", "a round less its Allreduce"),
        **ratio_columns("time of a round by Python's loop over that of a compiled one"),
        "note": NOTE,
    }

    periods: tuple[int, ...] = option((1, 4, 16, 64, 256, 1024), "K.")

    def row(self, comm, shape, store, K):
        R = comm.Get_size()
        settings = {"P": R, "method": {"name": "periodic", "K": K}, "averaging": "dense"}
        compiled, alone = (learners(comm, shape, store, **settings) for _ in range(2))
        with python_rounds():
            plain = learners(comm, shape, store, **settings)
        spent = SPENT_QUICKLY if self.quick else SPENT
        calls = {
            "round": lambda n: rounds(compiled, n, K),
            "python": lambda n: rounds(plain, n, K),
            "compute": lambda n: alone.step(n * K),
        }
        loop, why = library("allreduce.c") if R > 1 else (None, "")
        both = all(comm.allgather(loop is not None))
        if both:
            model = np.zeros(compiled.objective.dimension)
            calls["allreduce"] = lambda n: in_c(loop, comm, model, n)()
        counts = {name: count_for(call, spent, comm) for name, call in calls.items()}
        turns = {name: lambda call=call, n=counts[name]: call(n) for name, call in calls.items()}
        slowest = {name: spent / counts[name] for name, spent in self.slowest(turns, comm).items()}
        row = {"note": comm.bcast(why)}
        row |= {f"time_{name}": np.median(spent) for name, spent in slowest.items()}
        row |= ratio(slowest["python"], slowest["round"])
        sent = slowest["allreduce"] if both else 0.0
        if both or R == 1:
            row |= difference("overhead", slowest["round"] - slowest["compute"] - sent)
        if both:
            row |= difference("beyond", slowest["round"] - sent)
        return row

    def draw(self, rows, figure):
        axes = figure.subplots()
        names = {
            "time_python": "Python's loop",
            "time_round": "compiled",
            "time_compute": "local steps alone",
            "time_allreduce": "Allreduce alone, C",
        }
        for k, shape in enumerate(self.shapes):
            for (name, text), style in zip(names.items(), ("s-", "o-", "--", ":"), strict=True):
                of = [row for row in rows if row["shape"] == shape and name in row]
                times = [1e6 * row[name] for row in of]
                axes.plot([row["K"] for row in of], times, style, color=f"C{k}", label=f"{shape}, {text}")
        axes.set(xscale="log", yscale="log", xlabel="K", ylabel="µs a round")
        axes.legend()


def difference(name, values):
    """The median of differences, and its interval: columns of a row."""
    low, high = interval(values)
    return {name: float(np.median(values)), f"{name}_low": low, f"{name}_high": high}


@contextlib.contextmanager
def python_rounds():
    """Learners that are made meanwhile make their rounds one by one, in Python."""
    before = os.environ.get(FORCED)
    os.environ[FORCED] = "reference"
    try:
        yield
    finally:
        os.environ.pop(FORCED)
        if before is not None:
            os.environ[FORCED] = before
