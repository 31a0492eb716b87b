"""How often `pavg compare` is wrong, and what it finds: python benchmarks/micro/compare_power.py FILE.json

A trial is a sweep of four cells, run against itself by turns (`pavg run A.toml --against B.toml --repeat 10`,
two ranks) and compared. In every other trial one of B's cells does a tenth more: after each stretch of
training its ranks go on with real local steps, on models that are put back, for a tenth of the time that the
stretch took. Trials are added to FILE.json until there are --trials of both kinds or --seconds are over; the
same command goes on. Then it prints the table.

Tables of 12 and 60 cells are not run: of the others a cell's interval knows only how many there are, so the
pairs of each slowed cell are judged as those of a larger table.
"""

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

REPEAT, MARGIN, SLOWER = 10, 0.05, 0.1
SWEEP = """
problem = "logistic"
data = {name = "breast_cancer", scale = "standardize"}
P = 2
R = 2
step_size = 0.05
method.name = "periodic"
evaluate.at = [10_000]
[[zip]]
method.K = [16, 128, 1024, "all"]
stop.steps = [160_000, 800_000, 1_400_000, 1_600_000]
"""
PERIODS = [16, 128, 1024, "all"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--trials", type=int, default=100, help="of both kinds")
    parser.add_argument("--seconds", type=float, default=1e9, help="begin no trial after so many")
    given = parser.parse_args()
    if len(kept(given.file)) < 2 * given.trials and given.seconds > 0:
        from pavg.comm import launch

        options = map(str, (given.file, 2 * given.trials, given.seconds))
        subprocess.run([launch.mpirun(), "-n", "2", sys.executable, __file__, "--rank", *options], check=True)
    show(kept(given.file))


def kept(file):
    """The trials that are there."""
    return json.loads(file.read_text())["trials"] if file.exists() else []


def rank(file, trials, seconds):
    """One rank of the job: run trials, keep what came of them."""
    from mpi4py import MPI

    from pavg.records.provenance import environment, software
    from pavg.report.comparison import compare
    from pavg.sweep import running

    comm, file, began = MPI.COMM_WORLD, Path(file), time.monotonic()
    done = kept(file) if comm.Get_rank() == 0 else []
    while comm.bcast(len(done) < int(trials) and time.monotonic() - began < float(seconds)):
        number = comm.bcast(len(done))
        slowed = PERIODS[number // 2 % len(PERIODS)] if number % 2 else None
        with tempfile.TemporaryDirectory() if comm.Get_rank() == 0 else contextlib.nullcontext("") as folder:
            folder = Path(comm.bcast(folder))
            if comm.Get_rank() == 0:
                for side in "AB":
                    (folder / f"{side}.toml").write_text(SWEEP)
            comm.Barrier()
            with a_tenth_more(slowed):
                how = running.How(folder, against=str(folder / "B.toml"), repeat=REPEAT)
                running.run(comm, str(folder / "A.toml"), how)
            if comm.Get_rank() == 0:
                found = compare(folder / "A", folder / "B", MARGIN)
                done.append({"slowed": slowed, "cells": [as_kept(one) for one in found.compared]})
                facts = software() | {key: environment()[key] for key in ("cpu", "mpi_library")}
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(json.dumps({"facts": facts, "repeat": REPEAT, "trials": done}) + "\n")


def as_kept(one):
    """A cell of a comparison: its period, its verdict, and every run's seconds."""
    a, b = ([round(run.seconds, 7) for run in side] for side in (one.cell.a, one.cell.b))
    return {"K": one.cell.a[0].facts["K"], "verdict": one.verdict, "a": a, "b": b}


@contextlib.contextmanager
def a_tenth_more(period):
    """B's cell with this period (None: no cell) has a tenth more to compute."""
    from pavg.methods.periodic import Periodic

    def advance(self, learners, t, stop):
        began = time.perf_counter()
        plain(self, learners, t, stop)
        if learners.spec.name == "B" and self.K == period:
            now = time.perf_counter()
            more_steps(learners, now + SLOWER * (now - began))

    plain = Periodic.advance
    Periodic.advance = advance
    try:
        yield
    finally:
        Periodic.advance = plain


def more_steps(learners, until):
    """Local steps until then, on the clock; models and draws are put back."""
    arrays = learners.W, learners.S, learners.draws
    before = [array.copy() for array in arrays]
    schedule, _ = learners.schedule.window(1, 0, 64)
    while time.perf_counter() < until:
        learners._compiled.step(schedule, 64)
    for array, values in zip(arrays, before, strict=True):
        array[:] = values


def show(trials):
    """Print how often the verdicts of the trials were right."""
    from pavg.report import intervals

    same = [trial["cells"] for trial in trials if trial["slowed"] is None]
    slowed = [trial for trial in trials if trial["slowed"] is not None]
    told = (intervals.BETTER, intervals.WORSE)
    logs = [np.log(np.divide(cell["b"], cell["a"])) for cells in same for cell in cells]
    spread = np.quantile([log.std(ddof=1) for log in logs], [0.1, 0.5, 0.9])
    seconds = np.quantile([t for cells in same for cell in cells for t in cell["a"]], [0.1, 0.5, 0.9])
    print(f"runs of {seconds[0] * 1e3:.0f} … {seconds[1] * 1e3:.0f} … {seconds[2] * 1e3:.0f} ms", end="")
    print(f"; spread of {REPEAT} log ratios {spread[0]:.3f} … {spread[1]:.3f} … {spread[2]:.3f}", end="")
    print(" (quantiles 0.1, 0.5, 0.9)")
    wrong = sum(any(cell["verdict"] in told for cell in cells) for cells in same)
    print(f"nothing changed, 4 cells: a false better or worse in {wrong} of {len(same)} tables;", end=" ")
    verdicts = [cell["verdict"] for cells in same for cell in cells]
    print(f"{verdicts.count(intervals.SAME)} of {len(verdicts)} cells 'no difference'")
    apart = blocks(same, intervals)
    print(f"the same, B's runs after A's, not by turns: {sum(apart)} of {len(apart)} tables")
    for count in (4, 12, 60):
        for kinds in (PERIODS, *([period] for period in PERIODS)):
            found = [found_worse(trial, count, intervals) for trial in slowed if trial["slowed"] in kinds]
            label = "" if kinds is PERIODS else f", K = {kinds[0]}"
            print(f"one cell of {count} a tenth slower{label}: found in {sum(found)} of {len(found)} tables")
    others = [any(c["verdict"] in told for c in t["cells"] if c["K"] != str(t["slowed"])) for t in slowed]
    print(f"a false better or worse of another cell in {sum(others)} of {len(others)} of them")
    ratios = [np.mean(np.log(np.divide(c["b"], c["a"]))) for t in slowed for c in t["cells"] if slow(t, c)]
    print(f"ratio of the slowed cells: {np.exp(np.median(ratios)):.3f}")


def slow(trial, cell):
    return str(cell["K"]) == str(trial["slowed"])


def found_worse(trial, count, intervals):
    """Whether the slowed cell is worse by the interval that a table of so many cells gives it."""
    [cell] = [cell for cell in trial["cells"] if slow(trial, cell)]
    return intervals.paired(cell["a"], cell["b"], count).verdict(MARGIN) == intervals.WORSE


def blocks(tables, intervals):
    """Whether A's runs of one trial and B's of the next give a false verdict, as of runs that took no turns."""
    found = []
    for one, other in zip(tables[::2], tables[1::2], strict=False):
        cells = zip(one, other, strict=True)
        verdicts = [intervals.apart(a["a"], b["b"], len(one)).verdict(MARGIN) for a, b in cells]
        found.append(any(verdict in (intervals.BETTER, intervals.WORSE) for verdict in verdicts))
    return found


if __name__ == "__main__":
    rank(*sys.argv[2:]) if sys.argv[1:2] == ["--rank"] else main()
