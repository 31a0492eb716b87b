"""pavg run, show and list as a user types them."""

import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import click
import pytest

from pavg.cli import progress
from pavg.cli import run as running_command
from pavg.cli.run import _arguments as arguments_of
from pavg.cli.run import command as run_command
from pavg.records.reading import summary
from tests.conftest import run_to_end
from tests.processes import SOON

pytestmark = pytest.mark.mpirun

SWEEP = """
description = "A small sweep"
name = "small"
step_size = 0.1
stop.steps = 50
problem = "logistic"
method = {name = "periodic"}
data = {name = "breast_cancer", scale = "standardize"}

[[zip]]
P = [4, 4, 1]
method.K = [5, "all", "all"]
"""
ENDLESS = """
name = "endless"
P = 2
step_size = 1e-9
stop.seconds = 1000
problem = "double-well"
method = {name = "periodic", K = 1000}
evaluate.at = [64]
"""


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.toml").write_text(SWEEP)
    (tmp_path / "endless.toml").write_text(ENDLESS)
    return tmp_path


def pavg(*arguments):
    return run_to_end([sys.executable, "-m", "pavg", *map(str, arguments)], {})


def files(place):
    return sorted((place / "results").rglob("*.h5"))


def test_a_sweep_runs_on_the_ranks_it_starts_and_a_second_time_not_at_all(place):
    first = pavg("run", "small.toml", "-n", 2)
    assert first.returncode == 0, first.stderr
    names = [path.name for path in files(place)]
    assert [re.sub("-[0-9a-f]{10}", "", name) for name in names] == [
        "P001-Kall-s0-R1-r0.h5",  # a single learner runs on one rank of the same job
        "P004-K0005-s0-R2-r0.h5",
        "P004-Kall-s0-R2-r0.h5",
    ]
    assert "results/small" in first.stdout and first.stdout.count("logistic") == 3
    assert "2*" in first.stdout and "hosted" in first.stdout
    assert (
        "\x1b" not in first.stdout + first.stderr and "3 cells\n" in first.stderr and "\n[0] " in first.stderr
    )  # plain lines in a log
    times = [path.stat().st_mtime_ns for path in files(place)]
    second = pavg("run", "small.toml", "-n", 2)
    assert second.returncode == 0 and second.stderr.count("there already") == 3
    assert [path.stat().st_mtime_ns for path in files(place)] == times


def test_under_mpirun_it_uses_the_world(place, mpirun):
    done = mpirun(2, "-m", "pavg", "run", "small.toml", "--set", "seed=7")
    assert done.returncode == 0, done.stderr
    assert all("-s7-" in path.name for path in files(place)) and len(files(place)) == 3


def test_on_its_own_it_is_one_rank_and_loses_the_same(place):
    alone, two = (
        pavg("run", "small.toml", "--out", "alone"),
        pavg("run", "small.toml", "--out", "two", "-n", 2),
    )
    assert alone.returncode == two.returncode == 0, alone.stderr + two.stderr
    for pattern in ("P004-K0005*", "P004-Kall*"):
        [one], [other] = ((place / out / "small").glob(pattern) for out in ("alone", "two"))
        assert summary(one).attributes["R"] == 1 and summary(other).attributes["R"] == 2
        assert summary(one).last["loss"] == pytest.approx(summary(other).last["loss"], rel=1e-10)


def test_losses_have_no_ranks_in_their_names(place):
    pavg("run", "small.toml", "--set", "measure=losses", "-n", 2)
    again = pavg("run", "small.toml", "--set", "measure=losses")
    assert again.stderr.count("there already") == 3  # the same losses on any number of ranks
    assert all("-R" not in path.name for path in files(place))


def test_the_record_says_how_the_run_was_made(place):
    pavg("run", "small.toml")
    facts = summary(files(place)[-1]).attributes
    assert facts["problem"] == "logistic" and facts["K"] == "all" and facts["step_size"] == 0.1
    assert facts["batch_size"] == 1 and facts["partition"] == "pool" and facts["data_scale"] == "standardize"
    assert "run small.toml" in facts["command"] and facts["software_version"] and facts["data_checksum"]
    assert facts["status"] == "ok" and facts["loop"] == "compiled" and facts["hosted"] == 1
    assert summary(files(place)[0]).attributes["hosted"] == 0  # one learner on one rank


def start(command):
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def wait_for_begin(job):
    """Until the first cell has begun, and has passed a stop or two."""
    for line in job.stderr:
        if line.startswith("[0]"):
            time.sleep(1.0)
            return


@pytest.mark.parametrize("ranks", [None, 2])
def test_ctrl_c_keeps_what_is_there_and_says_so(place, ranks):
    command = [sys.executable, "-m", "pavg", "run", "endless.toml"] + (["-n", str(ranks)] if ranks else [])
    job = start(command)
    wait_for_begin(job)
    os.kill(job.pid, signal.SIGINT)
    try:
        out, err = job.communicate(timeout=SOON)
    finally:
        job.kill()
    assert job.returncode == 75, err
    assert "interrupted" in err and "Traceback" not in err
    [partial] = files(place)
    assert partial.name.endswith(".partial.h5")
    facts = summary(partial).attributes
    assert facts["status"] == "interrupted" and "signal" in facts["reason"]
    assert "interrupted" in pavg("show", "results").stdout


def test_a_whole_result_takes_the_place_of_a_partial_one(place):
    pavg("run", "small.toml")
    whole = files(place)
    for path in whole:
        path.rename(path.with_suffix(".partial.h5"))
    pavg("run", "small.toml")
    assert files(place) == whole


def test_on_a_terminal_progress_is_live(place):
    master, slave = pty.openpty()
    job = subprocess.Popen(
        [sys.executable, "-m", "pavg", "run", "small.toml", "-n", "2"],
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    )
    os.close(slave)
    seen = b""
    while True:
        try:
            part = os.read(master, 4096)
        except OSError:  # the other end is closed
            break
        seen += part
    assert job.wait(timeout=SOON) == 0
    assert b"cells" in seen and b"\x1b[" in seen


def test_n_within_a_job_is_refused(place, mpirun):
    done = mpirun(2, "-m", "pavg", "run", "small.toml", "-n", 2)
    assert done.returncode != 0 and "MPI job already" in done.stderr
    assert not files(place)


@pytest.mark.parametrize("again", [False, True])
def test_a_job_that_is_started_is_told_all_that_was_asked_and_to_try_again_once_only(again):
    asked = ["a b.toml", "-n", "3", "--set", "P=4", "--set=method.K=2", "--out", "-o", "--cells", "0:3"]
    asked += ["--where", "K < 9", "--repeat", "2", "--against", "c.toml", "--timeout", "5", "--patience", "9"]
    asked += ["--retry", "failed", "--retry", "timeout", "--checkpoint-rounds", "7", "--side-by-side"]
    for given in (asked, asked[:1], [*asked[:1], "--checkpoint-seconds", "8"]):
        context = run_command.make_context("run", [*given])
        name, *told = arguments_of(context, again)
        expected = context.params | {"ranks": None} | ({"retry": ()} if again else {})
        assert name == "run" and run_command.make_context("run", told).params == expected


@pytest.mark.parametrize("option", ["--timeout", "--checkpoint-seconds", "--patience"])
@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "0", "-1", "1e400"])
def test_seconds_that_no_clock_passes_are_refused(option, value):
    with pytest.raises(click.BadParameter):
        run_command.make_context("run", ["a.toml", f"{option}={value}"])
    assert run_command.make_context("run", ["a.toml", f"{option}=1e-3"])


@pytest.mark.parametrize(
    "states, interrupted, code, said",
    [
        (["ok", "diverged", "skipped"], False, 0, []),
        (["ok", "elsewhere"], False, 0, ["elsewhere: 1 of 2 cells"]),
        (["failed", "ok", "failed"], False, 3, ["failed: 2 of 3 cells; run again with --retry failed"]),
        (["ok", "timeout"], False, 3, ["timeout: 1 of 2 cells; run again with --retry timeout"]),
        (["failed", "timeout"], False, 3, ["failed: 1 of 2 cells", "timeout: 1 of 2 cells"]),
        (["failed", "interrupted"], True, 75, ["failed: 1 of 2 cells", "interrupted: what is there is kept"]),
    ],
    ids=str,
)
def test_a_sweep_ends_with_a_code_and_says_what_is_left(monkeypatch, capsys, states, interrupted, code, said):
    from pavg.sweep import running

    cells = [
        SimpleNamespace(**{name: Path(f"out/{'ba'[k % 2]}/{k}") for name in ("path", "failed", "partial")})
        for k in range(len(states))
    ]
    outcome = running.Outcome(cells, dict(enumerate(states)), interrupted)
    monkeypatch.setattr(running, "run", lambda *asked: outcome)
    monkeypatch.setattr(progress, "on_terminal", lambda: False)
    options = {"against": None}
    for rank in (0, 1):
        world = SimpleNamespace(Get_rank=lambda rank=rank: rank)
        assert running_command._run(world, "a.toml", Path("out"), options) == code
        out, err = capsys.readouterr()
        lines = err.splitlines()
        assert len(lines) == (0 if rank else len(said))
        assert all(line.startswith(start) for line, start in zip(lines, said, strict=False))
        folders = [line for line in out.splitlines() if line.startswith("results: ")]
        assert folders == ([] if rank else ["results: out/a", "results: out/b"])


def test_show_prints_a_line_a_run(place):
    pavg("run", "small.toml")
    shown = pavg("show", "results")
    assert shown.returncode == 0 and len(shown.stdout.strip().splitlines()) == 5


@pytest.mark.parametrize(
    "what, words",
    {
        "problems": ("least-squares", "logistic", "double-well", "l2=0.0"),
        "methods": ("periodic", "stochastic", "gradient-allreduce", "zeta"),
        "partitions": ("dirichlet", "by-label"),
        "schedules": ("inverse", "decay", "growing"),
        "datasets": ("breast_cancer", "digits", "diabetes"),
        "benchmarks": ("quickstart/convex", "zhang2016/double_well"),
    }.items(),
)
def test_list_names_what_there_is(what, words):
    listed = pavg("list", what)
    assert listed.returncode == 0
    for word in words:
        assert word in listed.stdout
