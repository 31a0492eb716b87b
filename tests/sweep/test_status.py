"""How far a sweep is, from whatever files there are."""

import json
import os
import socket
import time
from importlib.metadata import EntryPoint

import pytest

from pavg import registry
from pavg.sweep import expected
from pavg.sweep.status import SILENT, STATUSES, Sweep
from tests.building import a_result

SWEEP = """
name = "s"
step_size = 0.1
stop.steps = 20
problem = "double-well"
method.name = "periodic"
[grid]
P = [1, 4]
method.K = [2, "all"]
"""


@pytest.fixture
def sweep(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.toml").write_text(SWEEP)
    (tmp_path / "out" / "s").mkdir(parents=True)
    return tmp_path / "out" / "s"


def ids(R=2):
    """The run ids of the sweep's cells on so many ranks."""
    cells = expected.cells("s.toml", "out")
    return [cell.run_id.replace(expected.ANY, str(min(R, cell.P))) for cell in cells]


def look(**options):
    return Sweep("s.toml", "out", **options).look()


def states(**options):
    return [cell.status for cell in look(**options).cells]


def says(sweep, run_id, ago=0.0, **facts):
    """What a cell that runs has written of itself."""
    now = time.time()
    least = {"pid": os.getpid(), "host": socket.gethostname(), "begun": now - 100, "updated": now - ago}
    least |= {"tick": 10, "end": 20, "loss": 0.5, "attempts": 1}
    (sweep / ".running").mkdir(exist_ok=True)
    (sweep / ".running" / f"{run_id}.json").write_text(json.dumps(least | facts))


def test_before_anything_has_run_all_is_missing_and_nothing_is_made(sweep, tmp_path):
    status = Sweep("s.toml", "elsewhere").look()
    assert status.counts == dict.fromkeys(STATUSES, 0) | {"missing": 4}
    assert status.remaining is None and not status.complete and not (tmp_path / "elsewhere").exists()


def test_each_cell_has_the_status_of_its_file(sweep):
    one, two, three, four = ids()
    a_result(sweep / f"{one}.h5", {})
    a_result(sweep / f"{two}.h5", {}, status="diverged", reason="loss 1e9 at tick 7")
    a_result(sweep / f"{three}.partial.h5", {"attempts": 3}, status="interrupted", reason="signal 10")
    a_result(sweep / f"{four}.failed.h5", {"attempts": 2}, status="timeout", reason="60 s", rows=0)
    status = look()
    assert [cell.status for cell in status.cells] == ["ok", "diverged", "interrupted", "timeout"]
    assert [cell.run_id for cell in status.cells] == ids()
    assert status.cells[2].attempts == 3 and status.cells[0].loss == pytest.approx(1 / 3)
    expected_reasons = [
        (1, "diverged", "loss 1e9 at tick 7"),
        (1, "interrupted", "signal 10"),
        (1, "timeout", "60 s"),
    ]
    assert status.reasons() == expected_reasons


def test_it_knows_the_files_that_pavg_run_writes(sweep):
    from pavg.sweep.cells import located
    from pavg.sweep.grid import cells

    specs = cells("s.toml")
    for size in (1, 2, 4):
        names = [located(k, spec, size, sweep.parent, {}).path.stem for k, spec in enumerate(specs)]
        assert names == ids(size)


def test_results_of_any_number_of_ranks_count_unless_one_is_asked_for(sweep):
    a_result(sweep / f"{ids(4)[2]}.h5", {})
    a_result(sweep / f"{ids(2)[2]}.partial.h5", {}, status="interrupted", reason="signal 2")
    assert states() == states(ranks=4) == ["missing", "missing", "ok", "missing"]
    assert states(ranks=2)[2] == "interrupted" and states(ranks=1)[2] == "missing"


def test_a_cell_of_fewer_learners_than_ranks_takes_as_many_ranks_as_learners(sweep):
    a_result(sweep / f"{ids(4)[0]}.h5", {})
    assert states(ranks=4) == states(ranks=1) == ["ok", "missing", "missing", "missing"]


def test_where_the_file_asks_for_ranks_results_on_others_do_not_count(sweep):
    for R in (2, 4):
        a_result(sweep / f"{ids(R)[2]}.h5", {})
    for ranks in (None, 4):
        status = look(overrides=["R=1"], ranks=ranks)
        assert [cell.status for cell in status.cells] == ["missing"] * 4
    a_result(sweep / f"{ids(1)[2]}.h5", {})
    assert states(overrides=["R=1"], ranks=4) == ["missing", "missing", "ok", "missing"]


def test_of_several_files_of_a_cell_the_best_counts(sweep):
    for R, status in ((1, "timeout"), (2, "diverged"), (3, "interrupted"), (4, "failed")):
        kind = {"diverged": "", "interrupted": ".partial"}.get(status, ".failed")
        a_result(sweep / f"{ids(R)[2]}{kind}.h5", {}, status=status, reason="so it is")
    assert states()[2] == "diverged" and states(ranks=1)[2] == "timeout"
    assert states(ranks=3)[2] == "interrupted" and states(ranks=4)[2] == "failed"
    (sweep / f"{ids(2)[2]}.h5").unlink()
    assert states()[2] == "interrupted"


@pytest.mark.parametrize(
    "last, complete",
    [
        ("ok", True),
        ("failed", True),
        ("timeout", True),
        ("interrupted", False),
        ("running", False),
        (None, False),
    ],
)
def test_a_sweep_is_complete_if_starting_it_again_would_run_nothing(sweep, last, complete):
    for run_id in ids()[:3]:
        a_result(sweep / f"{run_id}.h5", {}, status="diverged")
    if last == "running":
        says(sweep, ids()[3])
    elif last:
        kind = {"ok": "", "interrupted": ".partial"}.get(last, ".failed")
        a_result(sweep / f"{ids()[3]}{kind}.h5", {}, status=last)
    status = look()
    assert status.complete is complete and status.cells[3].status == (last or "missing")
    assert (status.remaining == 0) is complete


def test_results_of_other_settings_are_counted_once_they_are_whole(sweep):
    for run_id in (
        "P009-K0002-s0-R2-r0-0123456789",
        ids()[0].replace("-r0-", "-r1-"),
        "P009-K0002-s0-0123456789",
    ):
        a_result(sweep / f"{run_id}.h5", {})
        a_result(sweep / f"{run_id}x.partial.h5", {}, status="interrupted")
    assert look().others == 3 and look(repeat=2).others == 2


def test_repetitions_are_cells_of_their_own(sweep):
    a_result(sweep / f"{ids()[0]}.h5", {})
    a_result(sweep / f"{ids()[0].replace('-r0-', '-r1-')}.h5", {})
    status = look(repeat=3)
    assert len(status.cells) == 12 and status.counts["ok"] == 2


def test_a_cell_that_runs_says_how_far_it_is(sweep):
    a_result(sweep / f"{ids()[2]}.partial.h5", {}, status="interrupted", reason="the run has not ended")
    says(sweep, ids()[2], tick=15, loss=0.25, attempts=2)
    cell = look().cells[2]
    assert (cell.status, cell.tick, cell.end, cell.loss, cell.attempts) == ("running", 15, 20, 0.25, 2)
    assert cell.reason == "" and cell.seconds == pytest.approx(100, abs=1)


def test_no_word_for_a_while_is_said(sweep):
    says(sweep, ids()[2], ago=SILENT + 252, host="another", pid=2**22 + 1)  # which only it can look for
    [cell] = look().running
    assert cell.reason.startswith("no word for 31")
    assert look().reasons() == [(1, "running", cell.reason)]


def test_a_process_that_is_gone_does_not_run(sweep):
    pid = os.spawnlp(os.P_NOWAIT, "true", "true")
    os.waitpid(pid, 0)
    says(sweep, ids()[0], pid=pid)
    cell = look().cells[0]
    assert (cell.status, cell.reason) == ("interrupted", "its process is gone")
    a_result(sweep / f"{ids()[0]}.partial.h5", {}, status="interrupted", reason="the run has not ended")
    assert look().cells[0].reason == "the run has not ended"


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"tick": "x"}', "\0", '{"tick": NaN}'])
def test_what_is_no_word_is_passed_over(sweep, text):
    (sweep / ".running").mkdir()
    (sweep / ".running" / f"{ids()[0]}.json").write_text(text)
    assert states() == ["missing"] * 4


def test_a_damaged_result_is_missing_and_a_whole_one_goes_before_all_else(sweep):
    (sweep / f"{ids()[0]}.h5").write_bytes(b"cut short")
    a_result(sweep / f"{ids()[1]}.h5", {})
    says(sweep, ids()[1])
    (sweep / "notes.h5").write_bytes(b"somebody's")
    status = look()
    assert status.counts["missing"] == 3 and status.counts["ok"] == 1
    assert (1, "missing", "its file is damaged") in status.reasons()


def test_reasons_that_differ_in_numbers_alone_are_one(sweep):
    for k, run_id in enumerate(ids()):
        reason = f"loss {k + 1}.5e+07 at tick {k * 1000}"
        a_result(sweep / f"{run_id}.h5", {}, status="diverged", reason=reason)
    assert look().reasons() == [(4, "diverged", "loss … at tick …")]
    assert look().complete and look().remaining == 0


@pytest.mark.parametrize(
    "reasons, told",
    [
        (["loss nan at tick 1,000", "loss inf at tick 2", "loss -1.5e-3 at tick 7"], "loss … at tick …"),
        (["rank 0: no way", "rank 11: no way"], "rank …: no way"),
        (["60 s", "60 s"], "60 s"),  # the same number stays
        (["K0008 is no infant", "K0016 is no infant"], None),  # parts of words are no numbers
    ],
)
def test_a_number_is_what_stands_alone(sweep, reasons, told):
    for run_id, reason in zip(ids(), reasons, strict=False):
        a_result(sweep / f"{run_id}.failed.h5", {}, status="failed", reason=reason)
    expected = [(len(reasons), "failed", told)] if told else [(1, "failed", one) for one in reasons]
    assert look().reasons() == expected


def test_reasons_come_by_their_number_then_by_status(sweep):
    found = [("failed", "b"), ("timeout", "c"), ("failed", "a"), ("failed", "a")]
    for run_id, (status, reason) in zip(ids(), found, strict=True):
        a_result(sweep / f"{run_id}.failed.h5", {}, status=status, reason=reason)
    assert look().reasons() == [(2, "failed", "a"), (1, "timeout", "c"), (1, "failed", "b")]


def test_what_is_left_takes_as_long_as_what_is_like_it_where_there_is_such(sweep):
    options = {"overrides": ["grid.seed=[0, 1]", "method.K=2"]}
    run_ids = [cell.run_id.replace(expected.ANY, "1") for cell in look(**options).cells]
    assert [run_id[:12] for run_id in run_ids] == [f"P00{P}-K0002-s"[:12] for P in (1, 1, 4, 4)]
    a_result(sweep / f"{run_ids[0]}.h5", {})  # 5 s
    a_result(sweep / f"{run_ids[1]}.failed.h5", {}, rows=9, status="timeout")  # tells nothing
    assert look(**options).remaining == pytest.approx(2 * 5)
    a_result(sweep / f"{run_ids[2]}.h5", {}, rows=5, status="diverged")  # 4 s and 10 s
    assert look(**options).remaining == pytest.approx(14)


def test_what_is_left_of_a_run_that_does_not_know_its_end_is_told_by_others(sweep):
    one, two, three, four = ids()
    says(sweep, one, tick=7, end=None)
    assert look().remaining is None and look().cells[0].end is None
    for run_id in (two, three):
        a_result(sweep / f"{run_id}.h5", {})
    a_result(sweep / f"{four}.failed.h5", {}, status="failed")
    assert look().remaining == 0  # it has run for longer than the others did
    for facts in ({"end": None}, {"tick": 0}):
        says(sweep, one, begun=time.time() - 2, **facts)
        assert look().remaining == pytest.approx(3, abs=0.5)


def test_a_run_that_is_silent_is_not_counted_among_those_at_work(sweep):
    for run_id, ago in zip(ids()[:3], (0, 0, SILENT + 40), strict=True):
        says(sweep, run_id, ago=ago, begun=time.time() - 100 - ago, tick=10, end=20)
    a_result(sweep / f"{ids()[3]}.h5", {})
    assert look().remaining == pytest.approx(3 * 100 / 2, abs=2)


def test_what_is_left_takes_as_long_as_what_is_done(sweep):
    one, two, three, four = ids()
    a_result(sweep / f"{one}.h5", {})  # 2 s in its clock, 3 s in evaluations
    assert look().remaining == pytest.approx(15)
    says(sweep, three, host="another", tick=5, end=20)  # 100 s for a quarter
    assert look().remaining == pytest.approx(300 + 2 * 5, abs=2)
    says(sweep, four, host="another", tick=20, end=20)  # two at a time
    assert look().remaining == pytest.approx((300 + 5) / 2, abs=2)


def test_names_are_kept_until_something_they_hang_on_changes(sweep, tmp_path, monkeypatch):
    made = []
    named = expected._named
    monkeypatch.setattr(expected, "_named", lambda *asked: made.append(asked) or named(*asked))
    first = expected.cells("s.toml", "out")
    assert expected.cells("s.toml", "out") == first and len(made) == 1
    (tmp_path / "s.toml").write_text(SWEEP.replace("stop.steps = 20", "stop.steps = 21"))
    second = expected.cells("s.toml", "out")
    assert len(made) == 2 and {cell.run_id for cell in first}.isdisjoint(cell.run_id for cell in second)
    assert expected.cells("s.toml", "out", ["seed=7"]) != second and len(made) == 3
    [kept] = [p for p in (tmp_path / "out" / ".cells").iterdir() if b"-s7-" in p.read_bytes()]
    kept.write_bytes(kept.read_bytes()[:-9])
    expected.cells("s.toml", "out", ["seed=7"])
    assert len(made) == 4


def test_names_hang_on_the_folder_that_a_file_is_named_from(sweep, tmp_path, monkeypatch):
    first = expected.cells("s.toml", tmp_path / "out")
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "s.toml").write_text(SWEEP.replace("stop.steps = 20", "stop.steps = 21"))
    monkeypatch.chdir(tmp_path / "there")
    second = expected.cells("s.toml", tmp_path / "out")
    assert {cell.run_id for cell in first}.isdisjoint(cell.run_id for cell in second)


def test_names_hang_on_the_source_of_a_method_of_ones_own(sweep, tmp_path, monkeypatch):
    made, named, source = [], expected._named, tmp_path / "pavg_own.py"
    source.write_text("from pavg.methods.periodic import Periodic\nclass Own(Periodic): pass\n")
    (tmp_path / "s.toml").write_text(SWEEP.replace('"periodic"', '"own"'))
    monkeypatch.syspath_prepend(tmp_path)
    names = registry.names
    own = {"own": EntryPoint("own", "pavg_own:Own", "pavg.methods")}
    monkeypatch.setattr(registry, "names", lambda group: own if group == "methods" else names(group))
    monkeypatch.setattr(expected, "_named", lambda *asked: made.append(asked) or named(*asked))
    for times in (1, 1, 2):
        if times == 2:
            source.write_text(source.read_text() + "# another default, perhaps\n")
        expected.cells("s.toml", "out")
        assert len(made) == times


def test_samples_that_were_never_read_have_no_results(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PAVG_DATA", str(tmp_path / "stores"))
    text = SWEEP.replace('"double-well"', '"logistic"') + '[data]\npath = "x.svm"\n'
    (tmp_path / "s.toml").write_text(text)
    (tmp_path / "out").mkdir()
    [(n, status, reason)] = look().reasons()
    assert (n, status) == (4, "missing") and "x.svm" in reason
    (tmp_path / "x.svm").write_text("+1 1:1\n-1 2:1\n")
    assert look().reasons() == [(4, "missing", "its samples have not been read yet")]
    from pavg.data import prepare
    from pavg.sweep.grid import cells

    prepare(cells("s.toml")[0].data)
    assert look().reasons() == [] and look().counts["missing"] == 4
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("PAVG_DATA", str(tmp_path / "others"))
        assert look().reasons() == [(4, "missing", "its samples have not been read yet")]
    (tmp_path / "x.svm").write_text("+1 1:1\n-1 2:1\n+1 2:1\n")  # other samples, other runs
    assert look().reasons() == [(4, "missing", "its samples have not been read yet")]
