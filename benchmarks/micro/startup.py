"""From `mpirun` to the first training step of a run: where the seconds go.

    python benchmarks/micro/startup.py [--ranks 2] [--times 5] [--mpirun mpirun] [SPEC [KEY=VALUE …]]

starts `pavg run SPEC` so many times with kernels compiled before, and once with none, and prints for each
stage the median of rank 0's seconds, those since the launcher was called, and rank 0's CPU seconds, which
other work on the machine hardly changes. SPEC holds one run; without it, quickstart with K = 16. What its
samples are converted to is kept where $PAVG_DATA says.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BEGAN = time.time(), time.process_time()  # the first line of this process

SPEC = """
name = "startup"
P = 8
step_size = 0.05
stop.steps = 64
problem = {name = "logistic", l2 = 1e-3, intercept = true}
data = {name = "breast_cancer", scale = "standardize", test = 0.2}
method = {name = "periodic", K = 16}
"""
STAGES = (
    "launcher, Python",
    "command line",
    "modules, MPI",
    "specification",
    "what is done, samples",
    "problem, shards",
    "kernels",
    "first evaluation",
)


def main():
    import numpy as np

    from pavg.comm import launch

    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--mpirun", default=launch.mpirun(), help="that of another MPI")
    parser.add_argument("spec", nargs="?", type=Path)
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if given.spec is None:
            given.spec = Path(folder) / "startup.toml"
            given.spec.write_text(SPEC)

        def started(cache):
            """(stages, 2): wall-clock and CPU seconds of one start, on rank 0."""
            out = Path(tempfile.mkdtemp(dir=folder))
            command = [given.mpirun, "-n", given.ranks, sys.executable, __file__]
            command += ["--rank", out / "marks.json", "run", given.spec, "--out", out]
            command += [f"--set={pair}" for pair in given.overrides]
            variables = launch.OPEN_MPI | os.environ
            variables |= {"NUMBA_CACHE_DIR": cache, "PAVG_BEGAN": repr(time.time())}
            pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            subprocess.run(list(map(str, command)), env=variables, check=True, timeout=600, **pipes)
            return np.diff(json.loads((out / "marks.json").read_text()), axis=0)

        started(tempfile.mkdtemp(dir=folder))  # samples are converted
        warm = tempfile.mkdtemp(dir=folder)
        cold = started(warm)
        starts = [started(warm) for _ in range(given.times)]
    show(f"warm, {given.ranks} ranks, median of {given.times}", starts)
    show(f"with no kernel compiled, {given.ranks} ranks", [cold])


def show(title, starts):
    import numpy as np

    seconds = np.median(starts, axis=0)
    print(f"{title}\n{'':24}{'s':>8}{'until':>8}{'CPU s':>8}")
    for name, (wall, cpu), until in zip(STAGES, seconds, np.cumsum(seconds[:, 0]), strict=True):
        print(f"  {name:22}{wall:8.3f}{until:8.3f}{cpu:8.3f}")
    print(f"  {'':22}{'':8}{seconds[:, 0].sum():8.3f}{seconds[:, 1].sum():8.3f}")


def rank(file, *arguments):
    """One rank: `pavg` with these arguments; a mark is set at the end of each stage."""
    marks = [(float(os.environ["PAVG_BEGAN"]), 0.0), BEGAN]
    sys.argv = ["pavg", *arguments]
    from pavg.cli import main, run

    def mark():
        marks.append((time.time(), time.process_time()))

    def marking(function):
        """The function; a mark is set when it is over for the first time."""

        def wrapped(*args):
            result = function(*args)
            if wrapped.first:
                mark()
            wrapped.first = False
            return result

        wrapped.first = True
        return wrapped

    def running(comm, *args):
        from pavg.comm.clocks import Clock
        from pavg.engine import synchronous
        from pavg.sweep import running

        mark()
        running.specifications = marking(running.specifications)
        running.plan = marking(running.plan)
        running._Job._bound = marking(running._Job._bound)
        synchronous.compile_kernels = marking(synchronous.compile_kernels)
        Clock.start = marking(Clock.start)
        code = original(comm, *args)
        if comm.Get_rank() == 0:
            Path(file).write_text(json.dumps(marks))
        return code

    original, run._run = run._run, running
    callback, run.command.callback = run.command.callback, lambda **given: mark() or callback(**given)
    main()


if __name__ == "__main__":
    rank(*sys.argv[2:]) if sys.argv[1:2] == ["--rank"] else main()
