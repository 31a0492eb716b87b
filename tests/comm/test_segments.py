"""Shared-memory files of killed jobs are removed; those of living jobs and of other programs are not."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path

import pytest

from pavg.comm import segments
from tests.conftest import mpi_named
from tests.processes import SOON, ranks, running, wait_for
from tests.test_mpi import MPIS

MEMORY = Path("/dev/shm")
HOLDER = """
import mmap, sys, time
from pathlib import Path
from pavg.comm import segments

segments.FOLDER = Path(sys.argv[1])
held = []
with segments.noted():
    for path in sys.argv[2:]:
        with open(path, "a+b") as file:
            file.truncate(4096)
            held.append(mmap.mmap(file.fileno(), 4096))
    if {starting}:
        time.sleep(1.0)
        print("noted", flush=True)
        sys.stdin.read()
print("noted", flush=True)
sys.stdin.read()
segments.forget()
"""
JOB = """
import os, signal, sys
from pathlib import Path
from pavg.comm import segments

segments.FOLDER = Path(sys.argv[1])
from pavg.cli.guard import guarded

def body(comm):
    comm.Barrier()
    if comm.Get_rank() == 0 and sys.argv[2] == "dies":
        print(*segments._mapped(os.getpid()), flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    comm.Barrier()
    return 0

sys.exit(guarded(body))
"""
ENDLESS = """
P = 2
step_size = 1e-9
stop.seconds = 1000
problem = "double-well"
method = {name = "periodic", K = 1000}
evaluate.at = [64]
"""

pytestmark = pytest.mark.skipif(
    not (MEMORY.is_dir() and Path("/proc/self/maps").exists()), reason="no /dev/shm or no /proc"
)


@pytest.fixture
def notes(tmp_path, monkeypatch):
    """The folder of notes, for this test alone."""
    folder = tmp_path / "notes"
    monkeypatch.setattr(segments, "FOLDER", folder)
    return folder


@pytest.fixture
def memory():
    """A function that names a file under /dev/shm; it is gone after the test."""
    made = []

    def path():
        made.append(MEMORY / f"pavg-test-{uuid.uuid4().hex}")
        return made[-1]

    yield path
    for each in made:
        each.unlink(missing_ok=True)


@pytest.fixture
def holder(notes):
    """A function that starts a process which has mapped and noted files."""
    jobs = []

    def start(*paths, starting=False):
        command = [sys.executable, "-c", HOLDER.format(starting=starting), notes, *paths]
        job = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        jobs.append(job)
        assert job.stdout.readline() == "noted\n"
        return job

    yield start
    for job in jobs:
        job.kill()
        job.communicate(timeout=SOON)


def dead(job):
    job.kill()
    job.wait()


def test_what_a_killed_process_had_mapped_is_removed(notes, memory, holder):
    path = memory()
    dead(holder(path))
    segments.clean()
    assert not path.exists() and not notes.exists()


def test_a_killed_process_that_nobody_has_waited_for_is_dead(notes, memory, holder):
    path = memory()
    os.kill(holder(path).pid, signal.SIGKILL)
    segments.clean(patience=10.0)
    assert not path.exists() and not notes.exists()


def test_a_process_that_is_killed_while_mpi_starts_leaves_nothing(notes, memory, holder):
    path = memory()
    dead(holder(path, starting=True))
    segments.clean()
    assert not path.exists() and not notes.exists()


def test_a_rank_whose_launcher_dies_while_mpi_starts_is_no_orphan(notes, memory):
    path = memory()
    rank = HOLDER.format(starting=True).replace("held =", "segments.ORPHANED = 0.2; held =")
    launcher = (
        f"import subprocess; subprocess.run([{sys.executable!r}, '-c', {rank!r}, {str(notes)!r}, '{path}'])"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", launcher], **pipes) as job:
        assert job.stdout.readline() == "noted\n"
        job.kill()
        wait_for(lambda: not running(notes))
    segments.clean()
    assert not path.exists()


def test_what_a_living_process_has_mapped_is_kept(memory, holder):
    shared, own = memory(), memory()
    living = holder(shared)
    dead(holder(shared, own))
    segments.clean()
    assert shared.exists() and not own.exists()
    dead(living)
    segments.clean()
    assert not shared.exists()


@pytest.mark.parametrize("later, waited", [(-3600.0, True), (3600.0, False)])
def test_a_process_that_is_about_to_die_is_waited_for_if_it_is_of_this_job(later, waited, memory, holder):
    path = memory()
    job, began = holder(path), time.monotonic()
    threading.Timer(0.3, job.kill).start()
    segments.clean(patience=SOON, after=time.time() + later)  # its note is of a time after that, or before
    assert path.exists() is not waited and (time.monotonic() - began >= 0.3) is waited
    job.wait()
    segments.clean()


def test_patience_has_an_end(memory, holder):
    path = memory()
    holder(path)
    began = time.monotonic()
    segments.clean(patience=0.2, after=0.0)
    assert path.exists() and 0.2 <= time.monotonic() - began < SOON


def test_a_process_that_ends_in_order_leaves_no_note(notes, memory, holder):
    job = holder(memory())
    assert len(list(notes.iterdir())) == 1
    job.communicate("", timeout=SOON)
    assert not notes.exists()


def test_a_later_file_of_the_same_name_is_kept(memory, holder):
    path = memory()
    dead(holder(path))
    path.rename(memory())
    path.write_text("another program's")
    segments.clean()
    assert path.exists()


def test_notes_of_another_container_are_left_alone(notes, memory, holder):
    path = memory()
    dead(holder(path))
    [note] = notes.iterdir()
    note.rename(notes / f"1-{note.name.split('-', 1)[1]}")
    segments.clean()
    assert path.exists()


@pytest.mark.parametrize("foreign", ["a link", "open to all"])
def test_a_folder_that_others_could_write_is_not_believed(notes, memory, holder, foreign):
    path = memory()
    dead(holder(path))
    if foreign == "a link":
        notes.rename(notes.with_name("elsewhere"))
        notes.symlink_to("elsewhere")
    else:
        notes.chmod(0o777)
    segments.clean()
    assert path.exists()


def test_a_damaged_note_does_no_harm(notes, memory, holder):
    dead(holder(memory()))
    [note] = notes.iterdir()
    note.write_text("{")
    segments.clean()
    assert not notes.exists()


@pytest.mark.parametrize("missing", ["MEMORY", "PROCESSES"])
def test_without_proc_or_shared_memory_there_is_nothing_to_do(tmp_path, monkeypatch, missing):
    monkeypatch.setattr(segments, missing, tmp_path / "nowhere")
    monkeypatch.setattr(segments, "FOLDER", tmp_path / "nowhere" / "notes")
    with segments.noted():
        pass
    segments.clean()
    segments.forget()
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.mpirun
@pytest.mark.parametrize("mpi", MPIS)
def test_the_next_job_removes_what_a_killed_one_left(mpirun, notes, mpi):
    killed = mpirun(2, "-c", JOB, notes, "dies", mpi=mpi)
    names = killed.stdout.split()
    assert killed.returncode != 0 and names
    wait_for(lambda: not running(notes))  # Open MPI's ranks outlive their launcher for a moment
    assert mpirun(2, "-c", JOB, notes, "lives", mpi=mpi).returncode == 0
    assert not notes.exists() and not any((MEMORY / name).exists() for name in names)


@pytest.mark.mpirun
def test_pavg_run_n_cleans_up_after_its_own_job(tmp_path):
    mpi_named("default")
    (tmp_path / "endless.toml").write_text(ENDLESS)
    command = [sys.executable, "-m", "pavg", "run", tmp_path / "endless.toml", "-n", "2", "--out", tmp_path]
    job = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        pid = wait_for(lambda: ranks(tmp_path).get(1))
        [note] = wait_for(lambda: [*segments.FOLDER.glob(f"*-{pid}-*")])
        mapped = wait_for(lambda: note.read_text())
        os.kill(pid, signal.SIGKILL)
        assert job.wait(timeout=SOON) != 0
    finally:
        job.terminate()
    assert not running(tmp_path) and not note.exists()
    assert json.loads(mapped) and not any((MEMORY / name).exists() for name in json.loads(mapped))
