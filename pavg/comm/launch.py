"""MPI jobs from outside: starting one, and what a launcher says of the job that we are in."""

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from pavg.comm import segments
from pavg.errors import InputError

# what launchers set for their ranks, the step's size rather than the allocation's
SIZES = ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "SLURM_STEP_NUM_TASKS")
RANKS = ("PMI_RANK", "OMPI_COMM_WORLD_RANK", "SLURM_PROCID")
LOCAL_RANKS = ("MPI_LOCALRANKID", "OMPI_COMM_WORLD_LOCAL_RANK", "SLURM_LOCALID")
# root, more ranks than cores, no slow network probing: what a laptop or a container needs of Open MPI
OPEN_MPI = {
    "OMPI_ALLOW_RUN_AS_ROOT": "1",
    "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "OMPI_MCA_rmaps_base_oversubscribe": "1",
    "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",
    "OMPI_MCA_btl": "^ofi",
}
KILL_AFTER = 60.0  # seconds that a job has to end after a second Ctrl-C
CELL_FAILED = 70  # EX_SOFTWARE: a cell failed and took the job with it; the others wait
RESTARTS = 100  # jobs that may end so
LINGER = 5.0  # seconds that ranks outlive their launcher, at most
PR_SET_PDEATHSIG = 1  # of Linux's prctl


def _first(names):
    return next((int(os.environ[name]) for name in names if os.environ.get(name, "").isdigit()), None)


def launched_rank():
    """This process's rank as its launcher says, before MPI is there; 0 without a launcher."""
    return _first(RANKS) or 0


def watched():
    """The standard streams of this process that somebody watches: "stdout", "stderr".

    Of a rank, those of its launcher, if that is pavg's. Any other launcher may give a rank a terminal of
    its own, whatever becomes of the output.
    """
    said = os.environ.get("PAVG_TERMINAL")
    if said is not None:
        return said.split()
    alone = (_first(SIZES) or 1) == 1
    return [name for name in ("stdout", "stderr") if alone and getattr(sys, name).isatty()]


def local_rank():
    """This process's rank among those of its job on this machine, as its launcher says; 0 without one."""
    return _first(LOCAL_RANKS) or 0


def first_of_node():
    """Whether this process is the first of its job on this machine, as its launcher says."""
    return local_rank() == 0


def check_size(comm):
    """InputError if the launcher started more ranks than MPI sees: the wrong mpirun, or the wrong --mpi."""
    expected, size = _first(SIZES), comm.Get_size()
    if expected is not None and expected != size:
        raise InputError(
            f"the launcher started {expected} ranks, but MPI sees {size}: the launcher and the MPI library "
            "that mpi4py loads do not belong together; see 'pavg doctor' (under Slurm: another --mpi)"
        )


def mpirun():
    """The mpirun that belongs to this Python: beside it, else on PATH. InputError where there is none."""
    beside = Path(sys.executable).parent / "mpirun"
    found = str(beside) if beside.exists() else shutil.which("mpirun") or shutil.which("mpiexec")
    if found is None:
        raise InputError("no mpirun found: load your cluster's MPI module, or pip install 'pavg[mpi]'")
    # Open MPI looks for its own files from where it is called: /bin, a link to /usr/bin, would mislead it
    return str(Path(found).parent.resolve() / Path(found).name)


def start(ranks, arguments, heard=False, within=()):
    """Run `python -m pavg …` on so many ranks and wait; its exit code.

    A job that a failed cell took with it is started again, for the cells that are left, unless a signal
    has asked for an end.
    arguments : function of whether it is started again; heard : whether its ranks end by themselves when
    they hear SIGUSR1, of which MPICH makes something of its own; within : words before each rank's command.
    """
    if (_first(SIZES) or 1) > 1:
        raise InputError(f"-n {ranks}: this is an MPI job already; leave -n out to use its ranks")
    asked = []
    for restart in range(RESTARTS):
        command = [mpirun(), "-n", str(ranks), *within, sys.executable, "-m", "pavg", *arguments(restart > 0)]
        code = _job(command, asked, heard)
        if code != CELL_FAILED or asked:
            break
        print("a cell has failed and ended the job; it starts again for the others", file=sys.stderr)
    return code


def _job(command, asked, heard):
    """Run a command in a session of its own and wait; its exit code. Signals are put into `asked`.

    Ctrl-C and SIGTERM reach ranks that have `heard` of it as SIGUSR1, so that they can end in order under
    every MPI; a second one, and the first for other ranks, ends the job.
    """
    environment = OPEN_MPI | os.environ | {"PAVG_TERMINAL": " ".join(watched())}
    job, began = None, time.time()

    def forward(number, frame):
        asked.append(number)
        if job is not None:  # else it is being started, and hears of it below
            pass_on()

    def pass_on():
        if heard and len(asked) == 1:
            job.send_signal(signal.SIGUSR1)
        else:
            end(signal.SIGTERM)
            signal.setitimer(signal.ITIMER_REAL, KILL_AFTER)

    def end(number):
        with contextlib.suppress(ProcessLookupError):  # it has ended already
            os.killpg(job.pid, number)

    signal.signal(signal.SIGALRM, lambda number, frame: end(signal.SIGKILL))
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGHUP):
        signal.signal(number, forward)
    try:
        job = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=_outlived_by_none if sys.platform == "linux" else None,
        )
    except OSError as error:
        raise InputError(f"{command[0]}: cannot be started: {error.strerror}") from None
    if asked:
        pass_on()
    code = job.wait()
    if code != 0:
        segments.clean(LINGER, began)
    return code if code >= 0 else 128 - code  # as a shell says it


def _outlived_by_none():
    """In the new process: it is asked to end in order when this one dies, be it by SIGKILL."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGUSR1)
