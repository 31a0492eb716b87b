"""What is said of a sweep while it runs: lines in a log, bars on a terminal."""

from types import SimpleNamespace

import pytest

from pavg.cli import progress
from pavg.cli.progress import Lines, Live, watcher
from pavg.sweep.running import Watcher
from tests.building import a_record, spec_of


def group(P=4, R=4, count=1, differs="", indices="0"):
    cells = [SimpleNamespace(index=k, name=f"cell{k}") for k in range(count)]
    return SimpleNamespace(
        spec=spec_of(P=P), R=R, cells=cells, differs=differs, indices=indices, name="cell0", index=0
    )


@pytest.fixture
def lines(capsys):
    """A function that calls a log's watcher and returns what that says."""
    made = Lines()

    def call(name, *arguments):
        getattr(made, name)(*arguments)
        return capsys.readouterr().err

    return call


@pytest.mark.parametrize(
    "count, total, said",
    [(3, 3, "3 cells\n"), (2, 3, "2 of 3 cells\n"), (1, 1, "1 cell\n"), (0, 1, "0 of 1 cell\n")],
)
def test_a_log_says_how_many_cells_are_chosen(lines, count, total, said):
    assert lines("cells", count, total) == said


@pytest.mark.parametrize(
    "facts, more",
    [
        ({}, ""),
        ({"P": 5}, ", 5 learners hosted on 4 ranks"),
        ({"P": 3}, ""),
        ({"count": 3, "indices": "0:5:2"}, ", 3 step sizes side by side"),
        ({"differs": "seed = 3", "P": 5}, ", seed = 3, 5 learners hosted on 4 ranks"),
    ],
    ids=str,
)
def test_a_log_says_what_begins(lines, facts, more):
    assert lines("begins", group(**facts)) == f"[{facts.get('indices', '0')}] cell0 (double-well{more})\n"


def test_a_log_says_now_and_then_how_far_a_cell_is(lines, monkeypatch):
    clock = iter([0.0, 5.0, 11.0, 11.0, 20.0, 22.0, 22.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    lines("begins", group())
    assert lines("looks", 500, 2000, [0.5]) == ""
    assert lines("looks", 1500, 2000, [0.25]) == "    1,500 of 2,000 ticks, loss 0.25\n"
    assert lines("looks", 1600, 2000, [0.25]) == ""
    assert lines("looks", 1700, None, [3.0, 0.5, 4.0]) == "    1,700 ticks, loss 0.5 … 4 in 3 lanes\n"


@pytest.mark.parametrize(
    "state, said",
    [
        ("ok", "there already"),
        ("diverged", "there already"),
        ("failed", "failed before (--retry failed runs it again)"),
        ("timeout", "took too long before (--retry timeout runs it again)"),
        ("elsewhere", "another job is at it"),
    ],
)
def test_a_log_says_why_a_cell_is_left(lines, state, said):
    assert lines("left", SimpleNamespace(index=7, name="cell7"), state) == f"[7] cell7: {said}\n"


def test_a_log_says_how_a_cell_ended_and_what_was_compiled(lines):
    cell, record = SimpleNamespace(index=7, name="cell7"), a_record(rows=4, ranks=2)
    assert lines("ended", cell, record) == "    [7] ok (all steps done), loss 0.25\n"
    record.ranks["compile_time"][1] = 2.5
    assert lines("ended", cell, record).splitlines()[1].startswith("    2.5 s for compiling")
    none = a_record(rows=0, status="failed", reason="no way down")
    assert lines("ended", cell, none) == "    [7] failed (no way down)\n"
    assert lines("says", "no checkpoint") == "    no checkpoint\n"


@pytest.mark.parametrize(
    "terminal, first, side_by_side, kind",
    [
        (False, True, False, Lines),
        (False, False, True, Lines),
        (False, False, False, Watcher),
        (True, True, True, Live),
        (True, False, True, Watcher),
    ],
)
def test_one_rank_speaks_and_in_a_log_all_that_lead_cells(monkeypatch, terminal, first, side_by_side, kind):
    monkeypatch.setattr(progress, "on_terminal", lambda: terminal)
    with watcher(first, side_by_side) as made:
        assert type(made) is kind
    assert kind is not Live or not made.progress.live.is_started


def test_a_bar_counts_every_cell_that_is_over_or_left_and_tells_only_of_those_with_trouble():
    live, said = Live(), []
    live._say = said.append
    live.cells(4, 9)
    cells = [SimpleNamespace(index=k, name=f"cell{k}") for k in range(4)]
    live.left(cells[0], "ok")
    live.left(cells[1], "failed")
    live.begins(group(differs="seed = 3"))
    live.looks(5, 20, [0.5])
    one = live.progress.tasks[live.one]
    assert (one.description, one.completed, one.total) == ("cell0 double-well, seed = 3", 5, 20)
    assert one.fields["note"] == "loss 0.5"
    live.ended(cells[2], a_record())
    live.ended(cells[3], a_record(status="diverged", reason="loss 1e9"))
    every = live.progress.tasks[live.all]
    assert (every.completed, every.total) == (4, 4)
    assert said == ["[1] cell1: failed before (--retry failed runs it again)", "cell3: diverged (loss 1e9)"]
