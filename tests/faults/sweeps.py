"""A small sweep, started in every way that its tests need, and its results compared."""

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from pavg.comm import segments
from pavg.records.layout import VARIABLES
from pavg.records.reading import opened
from tests.processes import SOON, ranks, running

SWEEP = """
problem = "logistic"
data = {name = "breast_cancer", scale = "standardize"}
method = {name = "periodic"}
evaluate.rounds = 250
[grid]
step_size = [0.01, 0.02]
[[zip]]
P = [4, 4, 1]
method.K = [1000, 4000, "all"]
"""
STEPS = 1_000_000
CHECKPOINTS = ("--checkpoint-rounds", "100", "--checkpoint-seconds", "0.5")
MEMORY = Path("/dev/shm")


def sweep(folder, text=SWEEP, steps=STEPS):
    """The sweep's file in a folder."""
    path = folder / "sweep.toml"
    path.write_text(f"stop.steps = {steps}\n{text}")
    return path


def command(path, out, *options, ranks=2):
    """`pavg run`, on so many ranks that it starts itself."""
    return [sys.executable, "-m", "pavg", "run", str(path), "--out", str(out), "-n", str(ranks), *options]


def start(path, out, *options, ranks=2, script=None):
    """Start `pavg run`. script : Python that each rank runs first (what is broken in it)."""
    environment = dict(os.environ)
    if script:
        folder = out.parent / "broken"
        folder.mkdir(exist_ok=True)
        (folder / "sitecustomize.py").write_text(BROKEN.format(script=script))
        environment["PYTHONPATH"] = os.pathsep.join([str(folder), environment.get("PYTHONPATH", "")])
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    arguments = command(path, out, *options, ranks=ranks)
    return subprocess.Popen(arguments, text=True, env=environment, start_new_session=True, **pipes)


# runs `script` in the ranks, as soon as the engine has been imported
BROKEN = """
import importlib.abc, os, sys

RANK = os.environ.get("PMI_RANK", os.environ.get("OMPI_COMM_WORLD_RANK"))

class Breaking(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name == "pavg.sweep.running":
            sys.meta_path.remove(self)
            breaks()

def breaks():
    from pavg.learners import Learners
    step = Learners.step
    rank = int(RANK)
    {script}

if RANK is not None:
    sys.meta_path.insert(0, Breaking())
"""


def ended(job):
    """(exit code, standard error) of a job that must be over soon."""
    try:
        _, err = job.communicate(timeout=SOON)
    finally:
        job.kill()
    return job.returncode, err


def run(path, out, *options, **keys):
    return ended(start(path, out, *options, **keys))


def noted(out):
    """{rank: process id} of the ranks of a job that have started MPI, and what they have mapped, by name."""
    if not segments.FOLDER.is_dir():
        return {}, set()
    started, names = {}, set()
    for rank, pid in ranks(out).items():
        for note in segments.FOLDER.glob(f"*-{pid}-*"):
            with contextlib.suppress(OSError, ValueError):  # gone, or being written
                names |= json.loads(note.read_text()).keys()
                started[rank] = pid
    return started, names


def left(out, names):
    """What a job has left: processes, notes, shared memory."""
    return [*running(out).values(), *noted(out)[0], *(name for name in names if (MEMORY / name).exists())]


def whole(out):
    """The files with a final name."""
    return [path for path in sorted(out.glob("*/*.h5")) if not path.stem.endswith((".partial", ".failed"))]


def results(out):
    """Name → what must not depend on faults in a whole result: all but times and what ranks it had."""
    found = {}
    for path in whole(out):
        with opened(path) as file:
            assert file.attrs["status"] == "ok", path
            arrays = {
                name: data[:]
                for name, data in file.items()
                if name in VARIABLES and VARIABLES[name][1] not in ("s", "")
            }
            found[path.name] = arrays
    return found


def same(one, other, cells=6):
    """Whether the results of so many cells are equal to the bit to those of a sweep that has them all."""
    assert len(one) == cells and one.keys() <= other.keys()
    for name in one:
        assert one[name].keys() == other[name].keys() and "w" in one[name]
        for variable, values in one[name].items():
            assert np.array_equal(values, other[name][variable], equal_nan=True), (name, variable)
    return True


def temporaries(out):
    return [path for path in out.rglob("*.tmp")]


def ticks(out):
    """Ticks of the checkpoints that are whole."""
    found = []
    for path in out.glob("*/.checkpoints/*/*/manifest.json"):
        with contextlib.suppress(OSError):
            found.append(json.loads(path.read_text())["tick"])
    return found


def facts(path):
    """The attributes of a result file."""
    with opened(path) as file:
        return dict(file.attrs)
