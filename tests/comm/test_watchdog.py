"""A job in which nothing moves any more ends; one that moves, or was only stopped for a while, goes on."""

import os
import signal
import subprocess
import sys
import time

import pytest

from tests.conftest import mpi_named
from tests.processes import SOON, ranks, running, wait_for
from tests.test_mpi import MPIS

pytestmark = pytest.mark.mpirun

PATIENCE = 1.0
JOB = r"""
import os, signal, sys, time
sys.argv[1]  # the test's folder, by which its processes are found
import mpi4py
mpi4py.rc.thread_level = {level!r}
from mpi4py import MPI
from pavg.comm.watchdog import Watchdog

comm = MPI.COMM_WORLD
sys.stdout.write("begun\n"), sys.stdout.flush()
with Watchdog(comm, {patience}) as watchdog:
    watchdog.heard("tick 640")
    {body}
print("went on", flush=True)
"""
STOPPED = """if comm.Get_rank() == 1:
        os.kill(os.getpid(), signal.SIGSTOP)
    comm.Barrier()"""
COMPILED = """import numba
    @numba.njit(nogil=True)
    def spin(x):
        while x > 0.0:
            x *= 1.0
        return x
    spin(1.0)"""


def job(body, level="multiple", patience=PATIENCE):
    return JOB.format(body=body, level=level, patience=patience)


@pytest.mark.parametrize("mpi", MPIS)
def test_a_rank_that_is_stopped_for_ever_ends_the_job_and_is_no_orphan(mpirun, tmp_path, mpi):
    done = mpirun(3, "-c", job(STOPPED), tmp_path, mpi=mpi)
    assert done.returncode != 0
    assert "nothing heard for 1 s, since tick 640" in done.stderr and "--patience" in done.stderr
    wait_for(lambda: not running(tmp_path))


def test_where_mpi_permits_no_second_thread_the_job_ends_too(mpirun, tmp_path):
    done = mpirun(2, "-c", job(STOPPED, level="funneled"), tmp_path)
    assert done.returncode != 0 and "nothing heard" in done.stderr
    wait_for(lambda: not running(tmp_path))


def test_compiled_code_that_never_comes_back_is_ended(mpirun, tmp_path):
    done = mpirun(1, "-c", job(COMPILED), tmp_path)
    assert done.returncode != 0 and "nothing heard" in done.stderr


def test_a_job_that_says_words_goes_on(mpirun, tmp_path):
    body = "for tick in range(15): time.sleep(0.1); watchdog.heard(f'tick {tick}')"
    done = mpirun(2, "-c", job(body), tmp_path)
    assert done.returncode == 0 and done.stdout.count("went on") == 2, done.stderr


WAITING = """while not os.path.exists(sys.argv[1] + "/word"):
        watchdog.heard("waiting"), time.sleep(0.01)
    time.sleep(0.5)"""


def test_a_job_that_was_stopped_for_longer_than_its_patience_goes_on_when_continued(tmp_path):
    mpirun, variables = mpi_named("default")
    command = [mpirun, "-n", "2", sys.executable, "-c", job(WAITING), tmp_path]
    started = subprocess.Popen(command, env=os.environ | variables, stdout=subprocess.PIPE, text=True)
    try:
        assert started.stdout.readline() == started.stdout.readline() == "begun\n"
        pids = ranks(tmp_path).values()
        assert len(pids) == 2
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        (tmp_path / "word").touch()
        time.sleep(2 * PATIENCE)
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
        out, _ = started.communicate(timeout=SOON)
    finally:
        started.kill()
    assert started.returncode == 0 and out.count("went on") == 2


def test_a_rank_that_rests_hears_what_others_write(mpirun, tmp_path):
    rests = "with watchdog.resting(lambda: time.monotonic() // 0.5): time.sleep(2.5)"
    done = mpirun(1, "-c", job(rests), tmp_path)
    assert done.returncode == 0 and "went on" in done.stdout, done.stderr


def test_a_rank_that_rests_where_nobody_writes_ends_the_job(mpirun, tmp_path):
    done = mpirun(1, "-c", job("with watchdog.resting(lambda: 7): time.sleep(60)"), tmp_path)
    assert done.returncode != 0 and "nothing heard" in done.stderr


def test_without_patience_nothing_is_watched(mpirun, tmp_path):
    done = mpirun(2, "-c", job("time.sleep(0.2)", patience=None), tmp_path)
    assert done.returncode == 0 and "nothing heard" not in done.stderr
