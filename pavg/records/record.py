"""A run's record in memory: small, complete on every rank, written whole."""

import os
import platform

import numpy as np

from pavg.records.layout import INTEGERS, VARIABLES

ALWAYS: tuple[str, ...] = ("ticks", "local_steps", "rounds", "samples", "bytes", "loss", "time_wall")
ALWAYS += ("time_compute", "time_comm", "time_wait")


class Record:
    """Rows of evaluations, facts of ranks, the final model.

    ranks : dictionary of arrays or lists, one entry a rank. course : name → array of what came true in the
    run as a whole (the order of arrivals, the steps of each round). loop : how rounds were made, "compiled"
    or "python", whose times hold the overhead of calls; "" before the first row.
    """

    def __init__(self, ranks):
        self.ranks, self.rows, self.loop = ranks, [], ""
        self.course = {}
        self.status, self.reason, self.w = "interrupted", "the run has not ended", None

    def add(self, **values):
        """Add one row; a row at the same tick takes the place of the last one, with the times of both."""
        if self.rows and self.rows[-1]["ticks"] == values["ticks"]:
            before = self.rows.pop()
            values |= {name: _joined(name)(before[name], values[name]) for name in values if _spent(name)}
        self.rows.append(values)

    @classmethod
    def of(cls, R):
        """That of a run which failed before it knew its ranks."""
        return cls({"host": [""] * R, "core_affinity": [""] * R})

    def restore(self, arrays, same):
        """Go on from these rows. same : on as many ranks; if not, times of single ranks are unknown (NaN)."""
        size = len(self.ranks["host"])

        def value(name, given):
            if "rank" in VARIABLES[name][0]:
                return given if same else np.full(size, np.nan)
            if np.ndim(given):
                return given
            return int(given) if name in INTEGERS else float(given)

        count = len(arrays["ticks"])
        self.rows = [{name: value(name, a[k]) for name, a in arrays.items()} for k in range(count)]

    def first(self, name, otherwise):
        return self.rows[0][name] if self.rows else otherwise

    def close(self, status, reason, w):
        self.status, self.reason, self.w = status, reason, None if w is None else np.array(w)

    def arrays(self):
        """name → array over evaluations (and ranks), of int64 or float64."""
        if not self.rows:  # failed before the first evaluation
            size = len(self.ranks["host"])
            shapes = {name: (0, size)[: len(VARIABLES[name][0])] for name in ALWAYS}
            return {name: np.empty(shape, _dtype(name)) for name, shape in shapes.items()}
        names = self.rows[0]
        return {name: np.array([row[name] for row in self.rows], _dtype(name)) for name in names}


def _spent(name):
    return VARIABLES[name][1] == "s" and name != "time_wall"


def _joined(name):
    """How seconds of two intervals become those of one."""
    return np.fmin if name.endswith("_min") else np.fmax if name.endswith("_max") else np.add


def _dtype(name):
    return np.int64 if name in INTEGERS else np.float64


def rank_facts(comm, shard_sizes, compile_seconds):
    """Host, affinity, shard size and compile time of every rank. Collective."""
    cores = (
        ",".join(map(str, sorted(os.sched_getaffinity(0)))) if hasattr(os, "sched_getaffinity") else "unknown"
    )
    facts = (platform.node(), cores, int(shard_sizes.sum()), compile_seconds)
    hosts, affinities, sizes, seconds = zip(*comm.allgather(facts), strict=True)
    return {
        "host": list(hosts),
        "core_affinity": list(affinities),
        "shard_size": np.array(sizes, np.int64),
        "compile_time": np.array(seconds),
    }
