"""pavg status and merge as a user types them."""

import contextlib
import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from threading import Thread
from types import SimpleNamespace

import pytest
import xarray

from pavg.cli import status
from pavg.slurm import queue
from pavg.sweep.status import STATUSES, Cell, Status
from tests.conftest import run_to_end
from tests.processes import SOON

pytestmark = pytest.mark.mpirun

SWEEP = """
name = "s"
step_size = 1e-4
problem = "double-well"
method.name = "periodic"
stop.steps = 400
[grid]
P = [1, 2]
method.K = [8, "all"]
"""


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.toml").write_text(SWEEP)
    return tmp_path


def command(*arguments):
    return [sys.executable, "-m", "pavg", *map(str, arguments)]


def pavg(*arguments):
    return run_to_end(command(*arguments), {})


def test_status_show_and_merge_of_a_sweep_half_done(place):
    pavg("run", "s.toml", "--set", "P=2")
    shown = pavg("status", "s.toml")
    assert shown.returncode == 0 and "2 ok  2 missing; about" in shown.stdout and "\x1b" not in shown.stdout
    told = json.loads(pavg("status", "s.toml", "--json").stdout)
    assert told["counts"]["ok"] == 2 and told["counts"]["missing"] == 2 and not told["complete"]
    assert [cell["status"] for cell in told["cells"]] == ["missing", "missing", "ok", "ok"]
    assert (place / told["cells"][2]["path"]).exists()
    merged = pavg("merge", "results", "-o", "all.h5")
    assert merged.returncode == 0 and "2 runs: all.h5" in merged.stdout
    with xarray.open_dataset("all.h5") as data:
        assert data.K.values.tolist() == ["8", "all"]
    assert pavg("show", "all.h5").stdout == pavg("show", "results").stdout
    nothing = pavg("merge", "all.h5", "-o", "again.h5")
    assert nothing.returncode == 2 and "nothing to merge" in nothing.stderr


def test_results_of_settings_that_a_changed_file_has_no_longer_are_counted(place):
    pavg("run", "s.toml", "--set", "P=2", "-n", 2)
    assert "other results" not in pavg("status", "s.toml").stdout
    (place / "s.toml").write_text(SWEEP.replace("400", "200"))
    assert "4 missing" in (said := pavg("status", "s.toml").stdout) and "2 other results" in said


def test_following_in_a_log_ends_with_the_sweep(place):
    following = subprocess.Popen(command("status", "s.toml", "--follow"), stdout=subprocess.PIPE, text=True)
    try:
        first = [following.stdout.readline() for _ in range(2)]
        pavg("run", "s.toml")
        rest, _ = following.communicate(timeout=SOON)
    finally:
        following.kill()
    assert following.returncode == 0 and first[1] == "4 missing\n" and rest.splitlines()[-1] == "4 ok"


def read_all(terminal, seen):
    """Add what is written to a terminal until nobody has it open."""
    with contextlib.suppress(OSError):
        while some := os.read(terminal, 4096):
            seen += some


def test_a_sweep_is_followed_live_while_it_runs_until_ctrl_c(place):
    sweep = ["run", "s.toml", "--set", "stop={seconds=600}"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    job = subprocess.Popen(command(*sweep), start_new_session=True, **quiet)
    master, slave = pty.openpty()
    asked = command("status", "s.toml", "--set", "stop={seconds=600}", "--follow")
    following = subprocess.Popen(asked, stdout=slave, stderr=slave, start_new_session=True)
    os.close(slave)
    seen, end = bytearray(), time.monotonic() + 60
    Thread(target=read_all, args=(master, seen), daemon=True).start()
    try:
        while not re.search(rb"1 running.*ticks, loss", seen, re.S) and time.monotonic() < end:
            time.sleep(0.1)
        following.send_signal(signal.SIGINT)
        assert following.wait(timeout=SOON) == 0
    finally:
        following.kill()
        job.send_signal(signal.SIGINT)
        assert job.wait(timeout=SOON) == 75
    assert b"1 running" in seen and b"3 missing" in seen
    assert "1 interrupted" in pavg("status", "s.toml", "--set", "stop={seconds=600}").stdout


def test_jobs_of_slurm_are_counted_by_state_and_reason_but_for_those_that_ended_well(monkeypatch):
    states = ("PENDING", "Priority"), ("RUNNING", ""), ("COMPLETED", ""), ("FAILED", "exit code 1")
    jobs = [queue.Queued(str(k), "all", *states[k % 4]) for k in range(6)]
    monkeypatch.setattr(queue, "jobs", lambda sweeps: {"s": jobs})
    asked = status._Jobs(SimpleNamespace(cells=[SimpleNamespace(name="s")]))
    assert asked.line() == "2 PENDING (Priority), 2 RUNNING, 1 FAILED (exit code 1)"


def a_status(*found, remaining=None, others=0):
    """A `Status` of cells with these statuses, or (status, more of `Cell`)."""
    told = [(one, {}) if isinstance(one, str) else one for one in found]
    cells = [
        Cell(k, "s", f"run{k}", one, **{"tick": 5, "seconds": 9.0} | more)
        for k, (one, more) in enumerate(told)
    ]
    return Status(cells, remaining, others)


def page(made):
    """The lines that are shown of a `Status`."""
    return status._page(made, "title", SimpleNamespace(line=lambda: "")).plain.splitlines()


def test_a_page_counts_what_there_is_and_lists_the_first_dozen_of_reasons_and_of_those_that_run():
    assert page(a_status(*["ok"] * 1234, "missing")) == ["title", "  1,234 ok  1 missing"]
    assert page(a_status("ok", others=3))[-1].startswith("  3 other results")
    for count, rest in ((12, []), (13, ["  and 1 other reasons"]), (15, ["  and 3 other reasons"])):
        lines = page(a_status(*(("failed", {"reason": f"it is {chr(97 + k)}"}) for k in range(count))))
        assert lines[1] == f"  {count} failed" and lines[2:14] == [
            f"  1 × failed: it is {chr(97 + k)}" for k in range(12)
        ]
        assert lines[14:] == rest
    assert len(page(a_status(*["running"] * 15))) == 2 + 12


@pytest.mark.parametrize(
    "facts, said",
    [
        ({"tick": 1500, "end": 2000, "loss": 0.5, "seconds": 200.0}, "1,500 of 2,000 ticks, loss 0.5, 3 min"),
        ({"tick": 0, "seconds": 0.2}, "0 ticks, 0 s"),
        ({"loss": 0.0, "reason": "no word for 90 s"}, "5 ticks, loss 0, 9 s, no word for 90 s"),
    ],
    ids=str,
)
def test_how_far_a_cell_is(facts, said):
    assert f"  run0: {said}" in page(a_status(("running", facts)))


@pytest.mark.parametrize(
    "found, remaining, said",
    [
        (("ok", "missing"), 30.0, "; about 30 s of work left"),
        (("running", "missing"), 30.0, "; about 30 s left"),
        (("running", "missing"), None, ""),
        (("ok", "failed", "timeout"), 0.0, ""),
        (("ok", "interrupted"), 0.0, "; about 0 s of work left"),
    ],
)
def test_what_is_left_is_told_where_it_is_known(found, remaining, said):
    assert status._left(a_status(*found, remaining=remaining)) == said


def test_programs_are_told_everything_in_numbers_that_json_has(tmp_path):
    inf, nan = float("inf"), float("nan")
    found = [
        ("diverged", {"loss": inf, "path": tmp_path / "x.h5", "reason": "loss inf"}),
        ("ok", {"loss": nan}),
    ]
    made = a_status(*found, ("running", {"loss": 0.25, "end": 7}), remaining=3.5, others=2)
    jobs = SimpleNamespace(known=lambda: [queue.Queued("17", "all", "PENDING", "Priority")])
    told = json.loads(json.dumps(status._everything("s.toml", tmp_path, made, jobs), allow_nan=False))
    assert told["counts"] == dict.fromkeys(STATUSES, 0) | {"diverged": 1, "ok": 1, "running": 1}
    assert [cell["loss"] for cell in told["cells"]] == [None, None, 0.25]
    assert [cell["path"] for cell in told["cells"]] == [str(tmp_path / "x.h5"), None, None]
    assert told["cells"][2] | {"tick": 5, "end": 7, "silence": None, "index": 2} == told["cells"][2]
    assert (told["complete"], told["remaining_seconds"], told["others"]) == (False, 3.5, 2)
    assert told["reasons"] == [{"cells": 1, "status": "diverged", "reason": "loss inf"}]
    assert told["jobs"] == [{"id": "17", "part": "all", "state": "PENDING", "reason": "Priority"}]
    assert (told["sweep"], told["out"]) == ("s.toml", str(tmp_path))


def test_a_log_that_follows_says_what_has_changed_and_not_too_often(monkeypatch, capsys):
    clock = iter(range(0, 1000, 20))
    monkeypatch.setattr(status.time, "monotonic", lambda: next(clock))
    looks = iter([("missing", "ok"), ("running", "ok"), ("running", "ok"), ("running", "ok"), ("ok", "ok")])
    monkeypatch.setattr(status, "_next", lambda looked_at: a_status(*next(looks)))
    status._lines(None, a_status("missing", "missing"), "title")
    running = "1 ok, 1 running; run0: 5 ticks, 9 s"
    assert capsys.readouterr().out.splitlines() == ["title", "2 missing", running, "2 ok"]


@pytest.mark.parametrize(
    "seconds, text", [(0.6, "1 s"), (119, "119 s"), (150, "2 min"), (7140, "119 min"), (9000, "2.5 h")]
)
def test_a_duration_is_told_in_a_unit_that_fits(seconds, text):
    assert status._duration(seconds) == text


@pytest.mark.parametrize(
    "arguments, word",
    [
        (["status", "none.toml"], "no such file"),
        (["status", "s.toml", "--set", "P=0"], "P = 0"),
        (["status", "s.toml", "--follow", "--json"], "one of them"),
        (["merge", "none", "-o", "all.h5"], "no such file or folder"),
        (["merge", ".", "-o", "all.h5"], "no result files"),
    ],
)
def test_bad_input_is_said_in_one_message(place, arguments, word):
    done = pavg(*arguments)
    assert done.returncode == 2 and word in done.stderr and "Traceback" not in done.stderr
