"""How often `pavg compare` is wrong, and what it finds: python benchmarks/micro/compare_power.py FILE.json

A trial is a sweep of five cells, run against itself by turns on two ranks (`pavg run A.toml --against B.toml
--repeat 10`), and compared twice: the four cells in which nothing changed; and three of them with the fifth,
a copy of the other one (of another seed) in which B does a tenth more: after each stretch of training its
ranks go on with real local steps, on models that are put back, for a tenth of the time that it took. Trials
are added to FILE.json until there are --trials of them or --seconds are over; the same command goes on. Then
it prints the table: --seconds 0 does nothing else.

Tables of 12 and 60 cells are not run: of the others a cell's interval knows only how many there are, so the
pairs of each slowed cell are judged as those of a larger table.
"""

import argparse
import contextlib
import itertools
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
data.name = "breast_cancer"
data.scale = "standardize"
P = 2
R = 2
step_size = 0.05
method.name = "periodic"
evaluate.at = [10_000]
[[zip]]
method.K = {}
stop.steps = {}
seed = [0, 0, 0, 0, {}]
"""
STEPS = {16: 170_000, 128: 850_000, 1024: 1_500_000, "all": 1_700_000}  # by period
SLOWED = 1  # seed of the cell that is made slower


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--trials", type=int, default=100, help="so many in all")
    parser.add_argument("--share", type=float, default=1.0, help="of the local steps, to see that it runs")
    parser.add_argument("--seconds", type=float, default=1e9, help="begin no trial after so many")
    given = parser.parse_args()
    if len(kept(given.file)) < given.trials and given.seconds > 0:
        from pavg.comm import launch

        options = map(str, (given.file, given.trials, given.seconds, given.share))
        python = [sys.executable, "-m", "mpi4py", __file__]
        subprocess.run([launch.mpirun(), "-n", "2", *python, "--rank", *options], check=True)
    show(kept(given.file))


def kept(file):
    """The trials that are there."""
    return json.loads(file.read_text())["trials"] if file.exists() else []


def rank(file, trials, seconds, share):
    """One rank of the job: run trials, keep what came of them."""
    from mpi4py import MPI

    from pavg.records.provenance import environment, software
    from pavg.report.comparison import compare
    from pavg.sweep import running

    comm, file, began = MPI.COMM_WORLD, Path(file), time.monotonic()
    done = kept(file) if comm.Get_rank() == 0 else []
    while comm.bcast(len(done) < int(trials) and time.monotonic() - began < float(seconds)):
        period = list(STEPS)[comm.bcast(len(done)) % len(STEPS)]
        with tempfile.TemporaryDirectory() if comm.Get_rank() == 0 else contextlib.nullcontext("") as folder:
            folder = Path(comm.bcast(folder))
            if comm.Get_rank() == 0:
                periods = [*STEPS, period]
                steps = [int(STEPS[K] * float(share)) for K in periods]
                for side in "AB":
                    text = SWEEP.format(json.dumps(periods), steps, SLOWED)
                    (folder / f"{side}.toml").write_text(text)
            comm.Barrier()
            with a_tenth_more():
                how = running.How(folder, against=str(folder / "B.toml"), repeat=REPEAT)
                running.run(comm, str(folder / "A.toml"), how)
            if comm.Get_rank() == 0:
                label = "Kall" if period == "all" else f"K{period:04d}"
                aside(folder, f"*-s{SLOWED}-*")
                same = compare(folder / "A", folder / "B", MARGIN)
                back(folder)
                aside(folder, f"*-{label}-s0-*")
                slowed = compare(folder / "A", folder / "B", MARGIN)
                tables = {"same": list(map(as_kept, same.compared))}
                done.append(tables | {"slowed": list(map(as_kept, slowed.compared))})
                facts = {key: environment()[key] for key in ("cpu", "mpi_library")}
                facts |= {key: software()[key] for key in ("software_version", "git_sha")}
                whole = {"facts": facts, "repeat": REPEAT, "trials": done}
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(json.dumps(whole, separators=(",", ":")) + "\n")


def aside(folder, pattern):
    """Put results of both sides where they are not compared."""
    for side in "AB":
        (folder / "aside" / side).mkdir(parents=True, exist_ok=True)
        for path in (folder / side).glob(f"{pattern}.h5"):
            path.rename(folder / "aside" / side / path.name)


def back(folder):
    for path in folder.glob("aside/*/*.h5"):
        path.rename(folder / path.parent.name / path.name)


def as_kept(one):
    """A cell of a comparison: its period and seed, its verdict, and every run's seconds."""
    a, b = ([round(run.seconds, 6) for run in side] for side in (one.cell.a, one.cell.b))
    facts = one.cell.a[0].facts
    return {"K": facts["K"], "seed": facts["seed"], "verdict": one.verdict, "a": a, "b": b}


@contextlib.contextmanager
def a_tenth_more():
    """B's cells of one seed have a tenth more to compute."""
    from pavg.methods.periodic import Periodic

    def advance(self, learners, t, stop):
        began = time.perf_counter()
        plain(self, learners, t, stop)
        if learners.spec.name == "B" and learners.spec.seed == SLOWED:
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
    if time.perf_counter() >= until:
        return
    arrays = learners.W, learners.S, learners.draws
    before = [array.copy() for array in arrays]
    schedule, most = learners.schedule.window(learners.steps, learners.samples, 64)
    now, call = time.perf_counter(), 0.0
    while now + call / 2 < until:
        learners._rounds.step(schedule, most)
        now, call = time.perf_counter(), time.perf_counter() - now
    for array, values in zip(arrays, before, strict=True):
        array[:] = values


def show(trials):
    """Print how often the verdicts of the trials were right."""
    from pavg.report import intervals

    same, slowed = ([trial[kind] for trial in trials] for kind in ("same", "slowed"))
    told = (intervals.BETTER, intervals.WORSE)
    logs = [np.log(np.divide(cell["b"], cell["a"])) for cells in same for cell in cells]
    spread = np.quantile([log.std(ddof=1) for log in logs], [0.1, 0.5, 0.9])
    times = np.quantile([t for cells in same for cell in cells for t in cell["a"]], [0.1, 0.5, 0.9]) * 1e3
    print(f"{len(trials)} trials, runs of {times[0]:.0f} … {times[1]:.0f} … {times[2]:.0f} ms", end="; ")
    print(f"standard deviation of {REPEAT} log ratios", *(f"{one:.3f}" for one in spread), end="")
    print(" (quantiles 0.1, 0.5, 0.9)")
    judged = [[verdict(cell, len(cells), intervals) for cell in cells] for cells in same]
    wrong = sum(any(one in told for one in cells) for cells in judged)
    verdicts = [one for cells in judged for one in cells]
    print(f"nothing changed: a false better or worse in {wrong} of {len(same)} tables of 4;", end=" ")
    print(f"{verdicts.count(intervals.SAME)} of {len(verdicts)} cells 'no difference'")
    others = [
        any(verdict(c, len(cells), intervals) in told for c in cells if c["seed"] != SLOWED)
        for cells in slowed
    ]
    print(f"of the three other cells beside a slower one: in {sum(others)} of {len(others)} tables")
    heaps = not_by_turns(same, intervals)
    print(f"A's runs of one trial and B's of the next, as heaps: in {sum(heaps)} of {len(heaps)} tables of 4")
    planted = [cell for cells in slowed for cell in cells if cell["seed"] == SLOWED]
    ratio = np.exp(np.median([np.mean(np.log(np.divide(c["b"], c["a"]))) for c in planted]))
    print(f"a cell that does a tenth more (median ratio {ratio:.3f}) is found worse")
    print("cells   of all  " + "  ".join(f"K = {K}" for K in STEPS))
    for count in (4, 12, 60):
        found = [
            [
                verdict(cell, count, intervals) == intervals.WORSE
                for cell in planted
                if K is None or str(cell["K"]) == str(K)
            ]
            for K in (None, *STEPS)
        ]
        print(f"{count:5}   " + "   ".join(f"{sum(each)}/{len(each)}" for each in found))


def verdict(cell, count, intervals):
    """What is said of the cell by the interval that a table of so many cells gives it."""
    return intervals.paired(cell["a"], cell["b"], count).verdict(MARGIN)


def not_by_turns(tables, intervals):
    """Whether A's runs of one trial and B's of the next give a false better or worse."""
    found = []
    for one, other in itertools.pairwise(tables):
        cells = zip(one, other, strict=True)
        verdicts = [intervals.apart(a["a"], b["b"], len(one)).verdict(MARGIN) for a, b in cells]
        found.append(any(verdict in (intervals.BETTER, intervals.WORSE) for verdict in verdicts))
    return found


if __name__ == "__main__":
    rank(*sys.argv[2:]) if sys.argv[1:2] == ["--rank"] else main()
