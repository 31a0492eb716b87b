"""What a script does as its command ends: started again, put back into the queue, or over. Without Slurm."""

import os
import re
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pavg.slurm import plan, script
from pavg.sweep import grid
from tests.conftest import mpi_named, run_to_end
from tests.processes import SOON, wait_for

SWEEP = """
name = "three"
stop.steps = 64
step_size = [0.1]
problem = "double-well"
method = {name = "periodic"}
P = 2
[grid]
method.K = [1, 16, "all"]
"""
# ends with the exit codes of the file `codes`, one a start; waits for a signal where there is an x
COMMAND = """#!/bin/bash
echo "$*" >> starts
echo "$OMP_NUM_THREADS $NUMBA_NUM_THREADS $SRUN_CPUS_PER_TASK" >> threads
code=$(sed -n "$(wc -l < starts)p" codes)
if [[ $code == x* ]]; then
    trap 'exit "${code#x}"' USR1
    touch waiting
    while true; do sleep 0.05; done
fi
if [[ $code == f* ]]; then
    mkdir -p results/three
    date +%N > results/three/$RANDOM.failed.h5
    exit 137
fi
exit "$code"
"""


def program(path, text):
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


@pytest.fixture
def job(tmp_path):
    """A function that starts the script of an array's element, its command ending with these exit codes."""
    launcher = program(tmp_path / "launcher", COMMAND)
    program(tmp_path / "scontrol", '#!/bin/sh\necho "$*" >> requeued\nkill $PPID  # as Slurm does\n')
    (tmp_path / "three.toml").write_text(SWEEP.replace("[0.1]", "0.1"))
    specs = grid.cells(tmp_path / "three.toml")

    def start(*codes, variables=None, options=()):
        (tmp_path / "codes").write_text("\n".join(codes))
        settings = script.Settings(
            arguments=("three.toml", *options),
            out=Path("results"),
            folder=tmp_path,
            launcher=launcher,
            max_requeues=2,
            setup=(f"PATH={tmp_path}:$PATH",),
        )
        texts = script.scripts(plan.plan(specs, "array", max_array=1), settings)
        element = {"SLURM_ARRAY_JOB_ID": "17", "SLURM_JOB_ID": "18", "SLURM_ARRAY_TASK_ID": "0"}
        file = tmp_path / "P002.sbatch"
        file.write_text(texts["P002.sbatch"])
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(
            ["bash", file], env=os.environ | element | (variables or {}), text=True, **pipes
        )

    return start


def lines(file):
    return file.read_text().splitlines() if file.exists() else []


def end(process):
    """Exit code of a process that ends soon."""
    try:
        process.communicate(timeout=SOON)
    finally:
        process.kill()
    return process.returncode


@pytest.mark.parametrize("code", [0, 1, 2, 9, 137])
def test_a_job_ends_as_its_command_does(job, tmp_path, code):
    assert end(job(str(code), "0")) == code
    assert lines(tmp_path / "starts") == [f"{sys.executable} -m pavg run three.toml --cells 0:3"]
    assert not lines(tmp_path / "requeued")


@pytest.mark.parametrize("asked, threads", [("3", "3 3 3"), ("", "1 1 1")])
def test_a_rank_has_as_many_threads_as_processors(job, tmp_path, asked, threads):
    assert end(job("0", variables={"SLURM_CPUS_PER_TASK": asked})) == 0
    assert lines(tmp_path / "threads") == [threads]


def test_after_a_failed_cell_the_same_command_goes_on(job, tmp_path):
    assert end(job("70", "70", "0")) == 0
    assert len(set(lines(tmp_path / "starts"))) == 1 and len(lines(tmp_path / "starts")) == 3


def test_a_failed_cell_is_known_by_its_record_where_the_launcher_has_another_code(job, tmp_path):
    """srun kills all ranks with the one that ended the job, and says 137."""
    assert end(job("f", "f", "137", "0")) == 137
    assert len(lines(tmp_path / "starts")) == 3


def test_what_failed_is_retried_by_the_first_start_alone(job, tmp_path):
    assert end(job("70", "0", options=("--retry=failed", "--timeout=9"))) == 0
    first, again = lines(tmp_path / "starts")
    assert "--retry=failed --timeout=9" in first and "--timeout=9" in again and "--retry" not in again


def test_it_is_started_no_more_often_than_there_are_cells_to_fail(job, tmp_path):
    assert end(job(*["70"] * 9)) == 70
    assert len(lines(tmp_path / "starts")) == 4


def test_an_interrupted_element_is_put_back_into_the_queue(job, tmp_path):
    assert end(job("75")) == -signal.SIGTERM
    assert lines(tmp_path / "requeued") == ["requeue 17_0"]


def test_a_bounded_number_of_times(job, tmp_path):
    assert end(job("75", variables={"SLURM_RESTART_COUNT": "1"})) == -signal.SIGTERM
    assert end(job("75", "75", variables={"SLURM_RESTART_COUNT": "2"})) == 75
    assert len(lines(tmp_path / "requeued")) == 1


def test_where_it_cannot_be_put_back_it_ends_as_its_command(job, tmp_path):
    program(tmp_path / "scontrol", "#!/bin/sh\nexit 1\n")
    assert end(job("75")) == 75


def test_usr1_is_passed_on_and_the_exit_code_comes_back(job, tmp_path):
    process = job("x75")
    wait_for((tmp_path / "waiting").exists)
    process.send_signal(signal.SIGUSR1)
    assert end(process) == -signal.SIGTERM
    assert lines(tmp_path / "requeued") == ["requeue 17_0"]


def test_a_command_is_not_started_again_once_usr1_came(job, tmp_path):
    process = job("x70", "0")
    wait_for((tmp_path / "waiting").exists)
    process.send_signal(signal.SIGUSR1)
    end(process)
    assert lines(tmp_path / "requeued")  # as if it had been interrupted: there is more to do
    assert len(lines(tmp_path / "starts")) == 1


# --- the hostfile job, with a real mpirun --------------------------------------------------------------


@pytest.fixture
def hostfile_job(tmp_path, monkeypatch):
    """A function: the command that runs a specification by the script of a hostfile job."""
    mpirun, variables = mpi_named("default")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hosts").write_text("localhost\nlocalhost\n")
    (tmp_path / "three.toml").write_text(SWEEP.replace("[0.1]", "0.1"))
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    def made(*arguments):
        pavg = [sys.executable, "-m", "pavg", "slurm", "three.toml", "--kind", "hostfile", *arguments]
        done = run_to_end([*pavg, "--launcher", mpirun], {})
        assert done.returncode == 0, done.stderr
        return ["bash", "jobs-three/hostfile.sh"]

    return made


@pytest.mark.mpirun
def test_a_hostfile_job_runs_on_the_ranks_of_its_hosts(hostfile_job, tmp_path):
    done = run_to_end(hostfile_job("--ntasks", "2"), {})
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "results" / "three").glob("P002-*-R2-r0-*.h5"))) == 3


@pytest.mark.mpirun
def test_it_ends_with_the_exit_code_of_its_run(hostfile_job, tmp_path):
    command = hostfile_job("--ntasks", "2")
    (tmp_path / "three.toml").unlink()
    done = run_to_end(command, {})
    assert done.returncode == 2 and "three.toml" in done.stderr


@pytest.mark.mpirun
def test_a_signal_ends_its_run_in_order(hostfile_job, tmp_path):
    command = hostfile_job("--ntasks", "2", "--set", "stop.steps=1_000_000_000", "--set", "method.K=1")
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    run = subprocess.Popen(command, text=True, start_new_session=True, **pipes)
    try:
        run.stderr.readline()  # the first run has begun
        time.sleep(1)
        run.send_signal(signal.SIGTERM)
        out, err = run.communicate(timeout=SOON)
    finally:
        if run.poll() is None:
            os.killpg(run.pid, signal.SIGKILL)
    assert run.returncode == 75, err
    assert "the same command goes on" in err and re.search(r"\.partial\.h5", str([*tmp_path.rglob("*.h5")]))
