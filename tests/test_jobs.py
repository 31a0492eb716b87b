"""jobs/run.sbatch: bash can read it, and it ends as its run ends. Without Slurm: mpirun starts the ranks."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import mpi_named, run_to_end

SCRIPT = Path(__file__).resolve().parent.parent / "jobs" / "run.sbatch"
BASH = shutil.which("bash")


@pytest.fixture
def job():
    """Environment variables of a job whose ranks are started by mpirun."""
    mpirun, variables = mpi_named("default")
    there = {"SLURM_CPUS_PER_TASK": "1", "PAVG_VENV": sys.prefix, "LAUNCHER": f"{mpirun} -n 2"}
    return variables | there


def test_bash_can_read_it():
    subprocess.run([BASH, "-n", SCRIPT], check=True)


def test_its_directives_are_read_by_sbatch():
    """sbatch stops at the first line that is neither empty nor a comment."""
    lines = SCRIPT.read_text().splitlines()
    first = next(n for n, line in enumerate(lines) if line and not line.startswith("#"))
    directives = [n for n, line in enumerate(lines) if line.startswith("#SBATCH")]
    assert max(directives) < first
    text = SCRIPT.read_text()
    assert text.index("module load") < text.index("set -euo") < text.index("$LAUNCHER python")


@pytest.mark.mpirun
def test_it_runs_a_specification(job, tmp_path):
    out = str(tmp_path / "out")
    done = run_to_end([BASH, SCRIPT, "quickstart", "--set", "stop.steps=64", "--out", out], job, timeout=120)
    assert done.returncode == 0, done.stderr
    assert f"results: {out}" in done.stdout


@pytest.mark.mpirun
def test_it_ends_with_the_exit_code_of_its_run(job, tmp_path):
    done = run_to_end([BASH, SCRIPT, "no_such.toml", "--out", str(tmp_path)], job, timeout=120)
    assert done.returncode == 2 and "no_such.toml" in done.stderr


@pytest.mark.mpirun
def test_usr1_ends_the_run_in_order(job, tmp_path):
    arguments = ["quickstart", "--set", "stop.steps=1_000_000_000", "--out", str(tmp_path)]
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    run = subprocess.Popen(
        [BASH, SCRIPT, *arguments], env=os.environ | job, text=True, start_new_session=True, **pipes
    )
    try:
        run.stderr.readline()  # the first run has begun
        time.sleep(1)
        run.send_signal(signal.SIGUSR1)
        out, err = run.communicate(timeout=60)
    finally:
        if run.poll() is None:
            os.killpg(run.pid, signal.SIGKILL)
    assert run.returncode == 75, err
    assert "the same command goes on" in err
    assert list(tmp_path.rglob("*.partial.h5"))
