"""Jobs started by -n: when they start again, and what signals do."""

import signal
import sys
from types import SimpleNamespace

import pytest

from pavg.comm import launch
from tests.conftest import run_to_end

START = '''
"""Start a job whose mpirun ends with CODE: unasked (0), by a signal (1), by an early one (2).

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
segments.clean = clean
print("code", launch.start(2, lambda again: [str(again)]))
'''
MPIRUN = """#!/bin/sh
echo "$6"
[ $CODE = killed ] && kill -KILL $$
trap "exit $CODE" USR1
[ $ASKED = 0 ] && [ "$6" = False ] && exit $CODE
[ $ASKED = 0 ] && exit 0
[ $ASKED = 1 ] && kill -INT $PPID
while :; do sleep 0.05; done
"""


@pytest.fixture
def start(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "start.py").write_text(START)
    (tmp_path / "mpirun").write_text(MPIRUN)
    (tmp_path / "mpirun").chmod(0o755)

    def started(code, asked):
        variables = {"CODE": str(code), "ASKED": str(asked)}
        return run_to_end([sys.executable, "start.py", str(code), str(asked)], variables, 30)

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
