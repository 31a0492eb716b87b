"""Sweeps as a user runs them: chosen, timed out, retried, repeated, side by side, interrupted."""

import json
import os
import pty
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest

from pavg.records.layout import VARIABLES
from pavg.records.reading import opened, summary
from tests.conftest import run_to_end
from tests.processes import SOON

pytestmark = pytest.mark.mpirun

SWEEP = """
name = "s"
problem = "logistic"
data = {name = "breast_cancer", scale = "standardize"}
stop.steps = 200
method.name = "periodic"
[grid]
P = [1, 2, 4]
method.K = [8, "all"]
step_size = [0.1, 0.01]
"""
LONG = """
name = "long"
P = 2
step_size = 1e-3
stop.steps = 6_000_000
problem = "double-well"
method = {name = "periodic", K = 1000}
evaluate.rounds = 500
measure = "losses"
"""
FAILING = '''
"""Run a sweep in which the double well's steps fail with K = 8, on rank RANK (-1: on all)."""
import os, sys
from mpi4py import MPI
from pavg.cli import main
from pavg.learners import Learners

step, RANK = Learners.step, int(os.environ["RANK"])

def failing(self, n):
    if self.spec.method.K == 8 and RANK in (-1, MPI.COMM_WORLD.Get_rank()):
        raise ArithmeticError("no way down")
    step(self, n)

Learners.step = failing
sys.argv[0] = "pavg"
main()
'''

SABOTAGE = '''
"""Run a sweep whose folder of locks becomes a file as soon as a result is there."""
import shutil, sys
from pavg.cli import main
from pavg.sweep.attempt import Attempt

keep = Attempt._keep

def sabotaged(self, records):
    keep(self, records)
    folder = self.group.cells[0].lock.parent
    shutil.rmtree(folder)
    folder.write_text("")

Attempt._keep = sabotaged
sys.argv[0] = "pavg"
main()
'''

KILLED = '''
"""Run a sweep that is killed as soon as the first cell's result is there."""
import os, sys
from pavg.cli import main
from pavg.sweep.attempt import Attempt

write = Attempt._write

def killed(self, path, cell, record):
    write(self, path, cell, record)
    if path == cell.path:
        os.kill(os.getpid(), 9)

Attempt._write = killed
sys.argv[0] = "pavg"
main()
'''
SIGNALLED = '''
"""Run a cell; a signal comes at a MOMENT: in another job, after this one's plan, or when the cell is over."""
import sys
from pathlib import Path
from mpi4py import MPI
from pavg.comm import signals
from pavg.sweep import running

class Watcher(running.Watcher):
    def __init__(self, moment):
        self.moment = moment
    def looks(self, *facts):
        self.at("looks")
    def ended(self, *facts):
        self.at("ended")
    def at(self, moment):
        if moment == self.moment:
            signals._remember(10, None)

def run(moment):
    signals.forget()
    outcome = running.run(MPI.COMM_SELF, "s.toml", running.How(Path("results"), cells="0"), Watcher(moment))
    signals.forget()
    return outcome

plan = running.plan

def planned(*arguments):
    made, running.plan = plan(*arguments), plan
    assert run("looks").interrupted
    return made

if sys.argv[1] == "other":
    running.plan = planned
outcome = run(sys.argv[1])
print(outcome.states, outcome.interrupted)
'''


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.toml").write_text(SWEEP)
    (tmp_path / "long.toml").write_text(LONG)
    (tmp_path / "failing.py").write_text(FAILING)
    return tmp_path


def pavg(*arguments):
    return run_to_end([sys.executable, "-m", "pavg", *map(str, arguments)], {})


def results(place, name="s", out="results"):
    return {path.name: path for path in (place / out / name).glob("*.h5")}


def same(one, other):
    """All but times and what says where and when."""
    with opened(one) as a, opened(other) as b:
        for name in VARIABLES:
            if name in a and VARIABLES[name][1] != "s" and "rank" not in VARIABLES[name][0]:
                np.testing.assert_array_equal(a[name][:], b[name][:], err_msg=f"{one.name}: {name}")
    return True


def test_cells_and_where_choose(place):
    done = pavg("run", "s.toml", "--cells", "0:4,8", "--where", "K == 'all' and P < 4")
    assert done.returncode == 0 and "2 of 12 cells" in done.stderr
    assert {name[:9] for name in results(place)} == {"P001-Kall"} and len(results(place)) == 2


@pytest.mark.parametrize(
    "options, words",
    [
        (("--cells", "7:99"), "--cells '7:99'"),
        (("--where", "__import__('os')"), "--where"),
        (("--where", "P == 3"), "none of the cells"),
        (("--retry", "missing"), "'missing' is not one of 'failed', 'timeout'"),
        (("--repeat", "2", "--set", "measure=losses"), "expected times"),
        (("--timeout", "5", "--patience", "5"), "expected less than --patience"),
        (("--timeout", "nan"), "nan is not a number of seconds"),
    ],
)
def test_what_cannot_be_meant_is_refused(place, options, words):
    done = pavg("run", "s.toml", *options)
    assert done.returncode == 2 and words in done.stderr and "Traceback" not in done.stderr
    assert not results(place)


def test_repetitions_are_runs_of_their_own(place):
    done = pavg("run", "s.toml", "--cells", "0,12", "--repeat", "2")
    assert done.returncode == 0
    assert sorted(name.split("-")[4] for name in results(place)) == ["r0", "r1"]
    one, two = results(place).values()
    assert same(one, two)


def test_side_by_side_is_the_same_sweep(place):
    together = pavg("run", "s.toml", "-n", 4, "--side-by-side", "--out", "together")
    apart = pavg("run", "s.toml", "-n", 4, "--out", "apart")
    assert together.returncode == apart.returncode == 0, together.stderr + apart.stderr
    one, other = results(place, out="together"), results(place, out="apart")
    assert len(one) == 12 and one.keys() == other.keys()
    assert all(same(one[name], other[name]) for name in one)
    beside = {name: int(summary(path).attributes["beside"]) for name, path in one.items()}
    assert {beside[name] for name in one if "P001" in name} == {3}
    assert {beside[name] for name in one if "P004" in name} == {0}
    assert not list((place / "together").rglob(".running/*"))


def test_what_takes_too_long_is_recorded_and_left_out_until_it_is_asked_for(place):
    first = pavg("run", "long.toml", "--timeout", "0.001")
    assert first.returncode == 3 and "--retry timeout" in first.stderr
    [failed] = results(place, "long").values()
    facts = summary(failed).attributes
    assert failed.name.endswith(".failed.h5") and facts["attempts"] == 1
    assert (facts["status"], facts["reason"]) == ("timeout", "0.001 s")
    again = pavg("run", "long.toml")
    assert again.returncode == 3 and "took too long before" in again.stderr
    ended = pavg("run", "long.toml", "--retry", "timeout")
    assert ended.returncode == 0, ended.stderr
    [whole] = results(place, "long").values()
    assert summary(whole).attributes["attempts"] == 2 and ".failed" not in whole.name
    pavg("run", "long.toml", "--out", "undisturbed")
    [other] = results(place, "long", "undisturbed").values()
    assert same(whole, other)


@pytest.mark.parametrize("ranks", [1, 2])
def test_an_interrupted_sweep_goes_on_from_its_checkpoint(place, ranks):
    command = [sys.executable, "-m", "pavg", "run", "long.toml", "-n", str(ranks)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    job = subprocess.Popen(command, start_new_session=True, **pipes)
    try:
        for line in job.stderr:
            if line.startswith("[0]"):
                break
        time.sleep(0.3)
        os.kill(job.pid, signal.SIGUSR1)
        _, err = job.communicate(timeout=SOON)
    finally:
        job.kill()
    assert job.returncode == 75, err
    [partial] = results(place, "long").values()
    reached = int(summary(partial).last["ticks"])
    [manifest] = (place / "results" / "long" / ".checkpoints").rglob("manifest.json")
    assert json.loads(manifest.read_text())["tick"] == reached > 0
    done = pavg("run", "long.toml", "-n", ranks)
    assert done.returncode == 0, done.stderr
    [whole] = results(place, "long").values()
    assert summary(whole).attributes["attempts"] == 2
    assert not list((place / "results" / "long" / ".checkpoints").glob("*"))
    pavg("run", "long.toml", "-n", ranks, "--out", "undisturbed")
    [other] = results(place, "long", "undisturbed").values()
    assert same(whole, other)


def test_a_cell_that_fails_on_all_ranks_is_recorded_and_the_sweep_goes_on(place, mpirun):
    done = mpirun(2, "failing.py", "run", "s.toml", "--where", "P >= 2", env={"RANK": "-1"})
    assert done.returncode == 3 and "ArithmeticError: no way down" in done.stderr
    files = results(place)
    assert len(files) == 8 and sum(".failed" in name for name in files) == 4
    facts = next(summary(path).attributes for name, path in files.items() if ".failed" in name)
    assert facts["status"] == "failed" and facts["reason"] == "rank 0: ArithmeticError: no way down"
    assert pavg("show", "results").stdout.count("failed: rank 0") == 4
    left = pavg("run", "s.toml", "-n", 2, "--where", "P >= 2")
    assert left.returncode == 3 and left.stderr.count("failed before") == 4
    mended = pavg("run", "s.toml", "-n", 2, "--where", "P >= 2", "--retry", "failed")
    assert mended.returncode == 0, mended.stderr
    assert len(results(place)) == 8 and not any(".failed" in name for name in results(place))


def test_a_cell_that_fails_on_one_rank_ends_the_job_soon_and_is_recorded(place, mpirun):
    done = mpirun(2, "failing.py", "run", "s.toml", "--where", "P >= 2", env={"RANK": "1"})
    assert done.returncode == 70 and "no way down" in done.stderr
    [failed] = [path for name, path in results(place).items() if ".failed" in name]
    assert summary(failed).attributes["reason"] == "rank 1: ArithmeticError: no way down"
    left = pavg("run", "s.toml", "-n", 2, "--where", "P >= 2")  # the others
    assert left.returncode == 3 and left.stderr.count("failed before") == 1
    assert len(results(place)) == 8


def test_a_dry_run_says_what_would_run_and_runs_nothing(place):
    pavg("run", "s.toml", "--cells", "0:2")
    said = pavg("run", "s.toml", "-n", 4, "--dry-run", "--where", "P < 4")
    assert said.returncode == 0, said.stderr
    assert "6 of 8 cells would run; 2 ok" in said.stdout and "about" in said.stdout
    [line] = [line.split() for line in said.stdout.splitlines() if "P002-K0008" in line][:1]
    assert line[2] == "2" and line[3] == "400"  # ranks; samples of two learners
    assert line[-3:-1] == ["step_size", "="]  # what its name does not say
    assert len(results(place)) == 2


def test_a_lock_that_cannot_be_removed_does_not_end_a_sweep(place):
    (place / "sabotage.py").write_text(SABOTAGE)
    done = run_to_end([sys.executable, "sabotage.py", "run", "s.toml", "--cells", "0"], {})
    assert done.returncode == 0, done.stderr
    assert len(results(place)) == 1


@pytest.mark.parametrize("moment, attempts", [("ended", 1), ("other", 2)])
def test_a_signal_after_the_last_cell_ends_nothing_early_and_starts_by_other_jobs_count(
    place, moment, attempts
):
    (place / "signalled.py").write_text(SIGNALLED)
    done = run_to_end([sys.executable, "signalled.py", moment], {})
    assert done.stdout == "{0: 'ok'} False\n", done.stderr
    [path] = results(place).values()
    assert summary(path).attributes["attempts"] == attempts


def test_a_terminal_that_goes_away_does_not_end_a_sweep(place):
    """It has something to say then: checkpoints cannot be written."""
    (place / "results" / "long").mkdir(parents=True)
    (place / "results" / "long" / ".checkpoints").touch()
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "pavg", "run", "long.toml", "--set", "stop.steps=200_000"]
    command += ["--checkpoint-rounds", "20"]
    job = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=theirs)
    try:
        os.close(theirs)
        shown = b""
        while b"P002" not in shown:
            shown += os.read(ours, 1000)
        os.close(ours)
        assert job.wait(timeout=SOON) == 0
    finally:
        job.kill()
    assert len(results(place, "long")) == 1


def test_what_a_killed_job_left_beside_a_whole_result_is_removed(place):
    (place / "killed.py").write_text(KILLED)
    pavg("run", "s.toml", "--cells", "0", "--timeout", "0.0001", "--checkpoint-rounds", "1")
    killed = ("killed.py", "run", "s.toml", "--cells", "0", "--retry", "timeout")
    assert run_to_end([sys.executable, *killed], {}).returncode == -signal.SIGKILL
    stale = place / "results" / "s" / ".running" / f".x.json.{socket.gethostname()}-{2**22 + 1}.tmp"
    stale.touch()  # no process has that number
    assert len(results(place)) == 2 and len(list((place / "results" / "s" / ".checkpoints").iterdir())) == 1
    assert pavg("run", "s.toml", "--cells", "0").returncode == 0
    assert len(results(place)) == 1 and not list((place / "results" / "s" / ".checkpoints").iterdir())
    assert not stale.exists()


def test_losses_go_on_from_a_checkpoint_whatever_R_the_file_asks_for(place):
    assert pavg("run", "long.toml", "--set", "R=1", "--timeout", "0.0001").returncode == 3
    done = pavg("run", "long.toml", "--timeout", "0.0001", "--retry", "timeout")
    assert done.returncode == 3 and "is not used" not in done.stderr
    [path] = results(place, "long").values()
    assert summary(path).attributes["attempts"] == 2
