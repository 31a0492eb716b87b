"""Sweeps in one job: what is told of cells while they run, what their files say, what other jobs change."""

import contextlib
import json
import time

import pytest
from mpi4py import MPI

from pavg import files
from pavg.errors import InputError
from pavg.learners import Learners
from pavg.records.reading import opened, summary
from pavg.sweep import attempt, running
from pavg.sweep.status import Sweep
from tests.building import a_result
from tests.sweep.test_lanes import SWEEP

pytestmark = pytest.mark.mpi
comm = MPI.COMM_WORLD
SIZE = comm.Get_size()
BASE = """
name = "s"
problem = "double-well"
step_size = 0.1
stop.steps = 20
method.name = "periodic"
"""
WELLS = BASE + "P = 1\ngrid.seed = [0, 1, 2]\ngrid.method.K = [8]\n"
LANES = SWEEP.replace('"all"', "16") + "[evaluate]\nrounds = 5\n"


class Told(running.Watcher):
    """What was told; hooks : name of a call → function that is called too."""

    def __init__(self, **hooks):
        self.leaves, self.runs, self.sentences, self.hooks = [], [], [], hooks

    def begins(self, group):
        self.hooks.get("begins", len)([group.index])

    def looks(self, *facts):
        self.hooks.get("looks", len)(facts)

    def left(self, cell, state):
        self.leaves.append((cell.index, state))

    def ended(self, cell, record):
        self.runs.append((cell.index, record.status))

    def says(self, sentence):
        self.sentences.append(sentence)


def run(folder, text, watcher=None, against=None, **how):
    """(outcome, what was told) of a sweep with this text on all ranks."""
    for name, content in (("s.toml", text), ("t.toml", against)):
        if comm.Get_rank() == 0 and content:
            (folder / name).write_text(content)
    comm.Barrier()
    how |= {"against": folder / "t.toml"} if against else {}
    watcher = watcher or Told()
    return running.run(comm, folder / "s.toml", running.How(folder / "out", **how), watcher), watcher


def facts(cell):
    return summary(cell.path).attributes


def test_cells_come_in_their_order_whatever_ran_side_by_side(folder):
    outcome, told = run(folder, LANES)
    assert [cell.index for cell in outcome.cells] == list(range(6)) and not outcome.interrupted
    assert outcome.states == dict(enumerate(["ok", "ok", "diverged", "diverged", "ok", "ok"]))
    if comm.Get_rank() == 0:
        assert [index for index, _ in told.runs] == [0, 2, 4, 1, 3, 5]
        for cell in outcome.cells:
            assert (facts(cell)["step_size"], facts(cell)["K"]) == (
                cell.spec.step_size.value,
                cell.spec.method.K,
            )
    again, told = run(folder, LANES)
    assert again.states == outcome.states and again.cells == outcome.cells
    assert not told.runs and len(told.leaves) == (6 if comm.Get_rank() == 0 else 0)


def test_a_result_says_what_it_is(folder):
    outcome, _ = run(folder, BASE + "P = 3\ngrid.method.K = [7, 'all']\n", repeat=2)
    if comm.Get_rank() == 0:
        assert len(outcome.cells) == 4
        for cell in outcome.cells:
            R = min(3, SIZE)
            told = {"run_id": cell.path.stem, "label": cell.spec.method.label, "R": R, "hosted": 3 > R}
            told |= {
                "P": 3,
                "repetition": cell.index // 2,
                "K": cell.spec.method.K,
                "attempts": 1,
                "lanes": 1,
            }
            told |= {"beside": 0, "turn": 0.0, "loop": "compiled", "n_features": 1, "status": "ok"}
            assert {name: facts(cell)[name] for name in told} == told
            assert json.loads(facts(cell)["config"]) == cell.spec.settings()


def test_a_run_has_no_more_beside_it_than_there_are(folder):
    outcome, _ = run(folder, WELLS, side_by_side=True, cells="0:2")
    if comm.Get_rank() == 0:
        assert {facts(cell)["beside"] for cell in outcome.cells} == {min(SIZE, 2) - 1}


def test_what_is_left_of_a_pair_runs_by_itself(folder):
    text = BASE + "P = 2\nevaluate.decade = 1\ngrid.seed = [0, 1]\n[method]\nK = 4\n"
    text = text.replace('method.name = "periodic"\n', "").replace("[method]", '[method]\nname = "periodic"')
    other = text.replace('"s"', '"t"')
    outcome, _ = run(folder, text, against=other)
    assert outcome.states == dict.fromkeys(range(4), "ok")
    if comm.Get_rank() == 0:
        assert {facts(cell)["turn"] for cell in outcome.cells} == {attempt.TURN}
        outcome.cells[3].path.unlink()
    outcome, told = run(folder, text, against=other)
    if comm.Get_rank() == 0:
        assert told.runs == [(3, "ok")] and [facts(cell)["turn"] for cell in outcome.cells][2:] == [0.001, 0]


def test_what_another_job_is_at_is_left_to_it(folder):
    outcome, _ = run(folder, LANES, cells="0")
    cells, held = outcome.cells, contextlib.ExitStack()
    if comm.Get_rank() == 0:
        for cell in cells:
            cell.path.unlink()
        assert held.enter_context(files.locked(cells[1].lock))
    outcome, told = run(folder, LANES)
    elsewhere = {0: "elsewhere", 2: "elsewhere", 4: "elsewhere"}
    assert outcome.states == elsewhere | {1: "ok", 3: "diverged", 5: "ok"} and not outcome.interrupted
    if comm.Get_rank() == 0:
        assert dict(told.leaves) == elsewhere and not any(cell.path.exists() for cell in cells)
        assert not cells[0].lock.exists() and not cells[2].lock.exists()
        held.close()
    outcome, _ = run(folder, LANES)
    assert [outcome.states[k] for k in (0, 2, 4)] == ["ok", "diverged", "ok"]
    if comm.Get_rank() == 0:
        assert not list(cells[0].lock.parent.iterdir())


@pytest.mark.parametrize(
    "before, meanwhile, retry, runs",
    [
        (None, ("ok", 1), (), False),
        (None, ("failed", 1), (), False),
        (None, ("interrupted", 1), (), True),
        (("failed", 3), ("ok", 4), ("failed",), False),
        (("failed", 3), ("failed", 4), ("failed",), False),
        (("failed", 3), None, ("failed",), True),
        (("timeout", 3), None, ("failed",), False),
    ],
)
def test_what_another_job_has_done_meanwhile_is_not_done_again(folder, before, meanwhile, retry, runs):
    def found(cell, status, attempts):
        path = {"ok": cell.path, "interrupted": cell.partial}.get(status, cell.failed)
        a_result(path, {"attempts": attempts}, status=status, reason="so it is")

    [one, two, _] = cells = run(folder, WELLS)[0].cells
    if comm.Get_rank() == 0:
        for cell in cells:
            cell.path.unlink()
        if before:
            found(two, *before)

    def begins(indices):
        if indices == [one.index] and meanwhile:
            found(two, *meanwhile)

    outcome, told = run(folder, WELLS, Told(begins=begins), retry=retry)
    assert outcome.states[0] == outcome.states[2] == "ok"
    assert outcome.states[1] == ("ok" if runs else (meanwhile or before)[0])
    if comm.Get_rank() == 0:
        assert [index for index, _ in told.runs] == ([0, 1, 2] if runs else [0, 2])
        assert told.leaves == ([] if runs else [(1, outcome.states[1])])
        if runs:
            assert facts(two)["attempts"] == (before or meanwhile)[1] + 1


def test_how_far_a_run_is_stands_in_its_folder_while_it_runs_and_is_gone_afterwards(folder, monkeypatch):
    monkeypatch.setattr(attempt, "REPORT_EVERY", -1.0)
    monkeypatch.setattr(attempt, "PARTIAL_EVERY", -1.0)
    monkeypatch.setattr(attempt, "SHARE", 1e9)
    began, seen = time.time(), []
    text = LANES.replace("[8, 16]", "[8]")

    def looks(facts):
        look = Sweep(str(folder / "s.toml"), folder / "out").look()
        there = [cell.progress.exists() for cell in cells]
        seen.append((facts, look.cells, there, cells[0].failed.exists()))

    outcome, told = run(folder, text, cells="0")
    cells = outcome.cells
    if comm.Get_rank() == 0:
        for cell in cells:
            cell.path.unlink()
        a_result(cells[0].failed, {"attempts": 4}, status="failed")
    run(folder, text, Told(looks=looks), retry=("failed",))
    if comm.Get_rank() == 0:
        (t, end, losses), [first, second, third], there, failed = seen[-1]
        assert (first.status, second.status, third.status) == ("running", "diverged", "running")
        assert (first.tick, first.end, first.attempts) == (seen[-2][0][0], 400, 5) and t == end == 400
        assert [first.loss, third.loss] == seen[-2][0][2] and second.path == cells[1].path
        assert 0 <= first.seconds <= time.time() - began + 1
        assert there == [True, False, True] and not failed  # a kill would have left it interrupted
        assert not list(cells[0].progress.parent.iterdir())
        assert {*cells[0].path.parent.glob("*.h5")} == {cell.path for cell in cells}


def test_a_failure_that_all_ranks_share_is_told_in_one_line_and_keeps_the_rows_before_it(folder, monkeypatch):
    rounds = Learners.rounds

    def failing(self, lengths, rest):
        if self.spec.seed == 1 and self.steps >= 8:
            raise InputError("no way down\n  for these reasons")
        return rounds(self, lengths, rest)

    monkeypatch.setattr(Learners, "rounds", failing)
    outcome, _ = run(folder, WELLS)
    assert outcome.states == {0: "ok", 1: "failed", 2: "ok"}
    if comm.Get_rank() == 0:
        told = summary(outcome.cells[1].failed)
        assert told.attributes["reason"] == "no way down" and told.last["ticks"] == 8
        assert outcome.cells[1].state() == "failed" and outcome.cells[1].starts() == 1


@pytest.mark.parametrize("change", [{}, {"lanes": 8}, {"data.path": "moved/x.svm"}], ids=str)
def test_a_checkpoint_is_used_wherever_samples_lie_and_however_many_lanes_there_may_be(folder, change):
    if comm.Get_rank() == 0:
        for name in ("here", "moved"):
            (folder / name).mkdir()
            (folder / name / "x.svm").write_text("1 1:1 2:2\n-1 1:-1 2:3\n1 1:2\n-1 2:-1\n")
    text = LANES.replace(
        '{name = "breast_cancer", scale = "standardize"}', f'{{path = "{folder}/here/x.svm"}}'
    )
    text = text.replace("10.0", "0.02").replace("[8, 16]", "[8]")
    ticks = []
    outcome, _ = run(folder, text, timeout=1e-9)
    assert outcome.states == dict.fromkeys(range(3), "timeout")
    reached = comm.bcast(summary(outcome.cells[0].failed).last["ticks"] if comm.Get_rank() == 0 else None)
    change = {key: f"{folder}/{value}" if key == "data.path" else value for key, value in change.items()}
    overrides = tuple(f"{key}={value}" for key, value in change.items())
    told = Told(looks=lambda facts: ticks.append(facts[0]))
    outcome, told = run(folder, text, told, overrides=overrides, retry=("timeout",))
    assert outcome.states == dict.fromkeys(range(3), "ok") and not told.sentences
    if comm.Get_rank() == 0:
        assert 0 < reached < min(ticks) and facts(outcome.cells[0])["attempts"] == 2
        with opened(outcome.cells[2].path) as file:
            assert file["ticks"][0] == 0 and file["ticks"][-1] == 400
