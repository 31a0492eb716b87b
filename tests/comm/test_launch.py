"""Jobs started by -n: when they start again, and what signals do."""

import os
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest

from pavg.comm import launch
from pavg.errors import InputError
from tests.conftest import mpi_named, run_to_end
from tests.processes import end, ranks, wait_for

START = '''
"""Start a job whose mpirun ends with CODE: unasked (0), by a signal (1), by an early one (2);
or by a second one alone (3), or not by that either (4).

More signals come afterwards.
"""
import os, signal, subprocess, sys, time
from pavg.comm import launch, segments

def clean(*patience):
    if int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.1)

class Early(subprocess.Popen):
    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        os.kill(os.getpid(), signal.SIGINT)

if sys.argv[2] == "2":
    subprocess.Popen = Early
launch.mpirun = lambda: "./mpirun"
launch.KILL_AFTER = 0.3
segments.clean = clean
print("code", launch.start(2, lambda again: [str(again)], heard=len(sys.argv) == 3))
'''
MPIRUN = """#!/bin/sh
echo "$6"
[ $CODE = killed ] && kill -KILL $$
trap "exit $CODE" USR1
[ $ASKED = 0 ] && [ "$6" = False ] && exit $CODE
[ $ASKED = 0 ] && exit 0
[ $ASKED = 1 ] && kill -INT $PPID
[ $ASKED -ge 3 ] && trap "" USR1 && kill -INT $PPID && sleep 0.2
[ $ASKED = 4 ] && trap "" TERM
[ $ASKED -ge 3 ] && kill -TERM $PPID
while :; do sleep 0.05; done
"""


@pytest.fixture
def start(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "start.py").write_text(START)
    (tmp_path / "mpirun").write_text(MPIRUN)
    (tmp_path / "mpirun").chmod(0o755)

    def started(code, asked, *deaf):
        variables = {"CODE": str(code), "ASKED": str(asked)}
        return run_to_end([sys.executable, "start.py", str(code), str(asked), *deaf], variables, 30)

    return started


def test_a_job_that_a_failed_cell_ended_starts_again(start):
    done = start(70, asked=0)
    assert done.stdout == "False\nTrue\ncode 0\n", done.stderr


def test_a_job_that_a_signal_ended_has_the_exit_code_of_a_shell(start):
    assert start("killed", asked=0).stdout == f"False\ncode {128 + signal.SIGKILL}\n"


@pytest.mark.parametrize("code", [70, 75])
def test_a_job_that_was_asked_to_end_does_not_start_again_and_late_signals_do_no_harm(start, code):
    done = start(code, asked=1)
    assert done.stdout == f"False\ncode {code}\n" and not done.stderr


def test_a_signal_that_comes_while_the_job_is_being_started_ends_it(start):
    done = start(70, asked=2)
    assert done.stdout.endswith(("code 70\n", f"code {128 + signal.SIGUSR1}\n")) and not done.stderr


@pytest.mark.parametrize("asked, number", [(3, signal.SIGTERM), (4, signal.SIGKILL)])
def test_a_job_that_does_not_hear_the_first_signal_is_ended_by_the_second(start, asked, number):
    done = start(70, asked)
    assert done.stdout == f"False\ncode {128 + number}\n" and not done.stderr


@pytest.mark.parametrize("asked", [1, 2])
def test_ranks_that_would_not_hear_the_first_signal_are_ended_by_it(start, asked):
    done = start(70, asked, "deaf")
    assert done.stdout.removeprefix("False\n") == f"code {128 + signal.SIGTERM}\n" and not done.stderr


@pytest.mark.mpirun
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_signal_ends_a_benchmark(tmp_path, number):
    mpi_named("default")
    out = ("--out", str(tmp_path / "out"), "--alternations", "1000")
    command = [sys.executable, "-m", "pavg", "bench", "allreduce", "-n", "2", *out]
    job = subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL)
    try:
        wait_for(lambda: len(ranks(out[1])) == 2)
        time.sleep(1.5)  # MPICH has begun, and listens to SIGUSR1 itself
        job.send_signal(number)
        assert job.wait(20) not in (0, 75)
        wait_for(lambda: not ranks(out[1]))
    finally:
        end(job.pid)


@pytest.mark.parametrize("own", [{}, {"OMPI_MCA_btl": "tcp,self"}])
def test_a_job_has_what_open_mpi_needs_unless_the_user_says_otherwise(own, tmp_path):
    code = (
        "import sys\nfrom pavg.comm import launch, segments\n"
        "segments.clean = lambda *patience: print('cleaned', flush=True)\n"
        "print(launch._job(['sh', '-c', 'echo $OMPI_MCA_btl $PAVG_TERMINAL.; exit 3'], [], True))"
    )
    done = run_to_end([sys.executable, "-c", code], own | {"PAVG_TERMINAL": "stderr"}, 30)
    network = own.get("OMPI_MCA_btl") or os.environ.get("OMPI_MCA_btl", "^ofi")
    assert done.stdout.splitlines() == [f"{network} stderr.", "cleaned", "3"]


def test_a_launcher_that_cannot_be_started_is_named(tmp_path):
    code = f"from pavg.comm import launch\nlaunch._job([{str(tmp_path / 'mpirun')!r}], [], True)"
    done = run_to_end([sys.executable, "-c", code], {}, 30)
    assert f"{tmp_path / 'mpirun'}: cannot be started: No such file" in done.stderr


def test_mpirun_is_called_where_it_lies_and_not_through_a_link_to_its_folder(tmp_path, monkeypatch):
    """Open MPI takes a folder of another name for another installation."""
    real, link = tmp_path / "usr" / "bin", tmp_path / "bin"
    real.mkdir(parents=True)
    (real / "mpirun").write_text("#!/bin/sh\n")
    (real / "mpirun").chmod(0o755)
    link.symlink_to(real)
    monkeypatch.setenv("PATH", str(link))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))  # no mpirun beside it
    assert launch.mpirun() == str(real / "mpirun")


@pytest.mark.parametrize(
    "said, ranks, watched", [("stderr", 2, ["stderr"]), ("", 1, []), (None, 2, []), (None, 1, ["stdout"])]
)
def test_a_rank_is_watched_if_its_launcher_is(monkeypatch, said, ranks, watched):
    """Open MPI gives the first rank a terminal, whatever becomes of what it writes."""
    for name in launch.SIZES:
        monkeypatch.setenv(name, str(ranks))
    monkeypatch.delenv("PAVG_TERMINAL", raising=False)
    if said is not None:
        monkeypatch.setenv("PAVG_TERMINAL", said)
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr(sys, "stderr", SimpleNamespace(isatty=lambda: False))
    assert launch.watched() == watched


@pytest.fixture
def unlaunched(monkeypatch):
    """No launcher's variables."""
    for name in (*launch.SIZES, *launch.RANKS, *launch.LOCAL_RANKS, "PAVG_TERMINAL"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


@pytest.mark.parametrize("name", launch.RANKS)
@pytest.mark.parametrize("said, rank", [("0", 0), ("3", 3), ("12", 12), ("", 0), ("none", 0)])
def test_a_launcher_says_which_rank_this_is(name, said, rank, unlaunched):
    unlaunched.setenv(name, said)
    assert launch.launched_rank() == rank


@pytest.mark.parametrize("name", launch.LOCAL_RANKS)
@pytest.mark.parametrize("said, first", [("0", True), ("1", False), ("10", False), ("", True)])
def test_a_launcher_says_who_is_the_first_of_a_node(name, said, first, unlaunched):
    unlaunched.setenv(name, said)
    unlaunched.setenv(launch.RANKS[0], "7")
    assert launch.first_of_node() is first


def test_without_a_launcher_a_process_is_rank_0_and_the_first_of_its_node(unlaunched):
    assert launch.launched_rank() == 0 and launch.first_of_node()
    launch.check_size(SimpleNamespace(Get_size=lambda: 1))


@pytest.mark.parametrize("name", launch.SIZES)
def test_a_world_of_another_size_than_the_launchers_is_refused(name, unlaunched):
    unlaunched.setenv(name, "4")
    launch.check_size(SimpleNamespace(Get_size=lambda: 4))
    for size in (1, 3, 5):
        with pytest.raises(InputError, match=f"started 4 ranks, but MPI sees {size}"):
            launch.check_size(SimpleNamespace(Get_size=lambda size=size: size))


def test_the_step_of_mpirun_counts_and_not_the_allocation_around_it(unlaunched):
    unlaunched.setenv("SLURM_STEP_NUM_TASKS", "1")
    unlaunched.setenv("PMI_SIZE", "4")
    launch.check_size(SimpleNamespace(Get_size=lambda: 4))


@pytest.mark.parametrize("size, refused", [("2", True), ("1", False)])
def test_a_job_starts_no_job(size, refused, unlaunched):
    unlaunched.setenv("PMI_SIZE", size)
    unlaunched.setattr(launch, "mpirun", lambda: "mpirun")
    unlaunched.setattr(launch, "_job", lambda command, asked, heard: 7)
    if refused:
        with pytest.raises(InputError, match="MPI job already"):
            launch.start(2, lambda again: [])
    else:
        assert launch.start(2, lambda again: []) == 7


def test_a_job_is_started_again_as_long_as_cells_fail_and_is_told_so(unlaunched, capsys):
    codes, started = [70, 70, 75], []
    unlaunched.setattr(launch, "mpirun", lambda: "mpirun")
    unlaunched.setattr(launch, "_job", lambda command, asked, heard: started.append(command) or codes.pop(0))
    assert launch.start(3, lambda again: ["again"] if again else ["first"]) == 75
    assert [command[-1] for command in started] == ["first", "again", "again"]
    assert started[0][:3] == ["mpirun", "-n", "3"]
    assert capsys.readouterr().err.count("starts again") == 2


def test_a_job_whose_every_cell_fails_comes_to_an_end(unlaunched):
    unlaunched.setattr(launch, "mpirun", lambda: "mpirun")
    unlaunched.setattr(launch, "_job", lambda command, asked, heard: 70)
    assert launch.start(2, lambda again: []) == 70


def test_mpirun_beside_python_comes_before_another_on_the_path(tmp_path, monkeypatch):
    for folder in ("beside", "path"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mpirun").write_text("#!/bin/sh\n")
        (tmp_path / folder / "mpirun").chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "beside" / "python"))
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    assert launch.mpirun() == str(tmp_path / "beside" / "mpirun")
    (tmp_path / "beside" / "mpirun").unlink()
    assert launch.mpirun() == str(tmp_path / "path" / "mpirun")
    (tmp_path / "path" / "mpirun").rename(tmp_path / "path" / "mpiexec")
    assert launch.mpirun() == str(tmp_path / "path" / "mpiexec")
    (tmp_path / "path" / "mpiexec").unlink()
    with pytest.raises(InputError, match="no mpirun found"):
        launch.mpirun()
