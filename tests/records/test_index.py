"""The index of a folder: what it tells is what the files tell, however it was treated."""

import os
from pathlib import Path

import h5py
import pytest

from pavg import parallel
from pavg.errors import InputError
from pavg.records import index, kept
from pavg.records.index import NAME, Index, summaries
from pavg.records.reading import summary
from tests.building import a_result, in_processes


@pytest.fixture
def folder(tmp_path):
    a_result(tmp_path / "a.h5", {"seed": 1})
    a_result(tmp_path / "b.partial.h5", {"seed": 2}, status="interrupted", reason="signal 2")
    a_result(tmp_path / "c.failed.h5", {"seed": 3}, rows=0, status="failed", reason="no way down")
    (tmp_path / "d.h5").write_bytes(b"cut short")
    return tmp_path


def told(folder):
    """What a new process's index says of a folder."""
    index = Index(folder)
    found = index.refresh()
    index.save()
    return {name: str(value) if isinstance(value, InputError) else value for name, value in found.items()}


@pytest.fixture
def opened(monkeypatch):
    """Names of the files that were opened."""
    names, read = [], Index._read
    monkeypatch.setattr(Index, "_read", lambda self, new: names.extend(new) or read(self, new))
    return names


def test_it_tells_what_the_files_tell_and_opens_them_once(folder, opened):
    first, again = told(folder), told(folder)
    assert first == again and sorted(opened) == ["a.h5", "b.partial.h5", "c.failed.h5", "d.h5"]
    assert all(first[name] == summary(folder / name) for name in ("a.h5", "b.partial.h5", "c.failed.h5"))
    assert "d.h5: not a whole result file" in first["d.h5"] and first["c.failed.h5"].last == {}


def test_only_what_has_changed_is_opened_again(folder, opened):
    told(folder)
    opened.clear()
    a_result(folder / "a.h5", {"seed": 9})
    (folder / "b.partial.h5").unlink()
    a_result(folder / "e.h5", {})
    found = told(folder)
    assert sorted(opened) == ["a.h5", "e.h5"] and sorted(found) == ["a.h5", "c.failed.h5", "d.h5", "e.h5"]
    assert found["a.h5"].attributes["seed"] == 9


@pytest.mark.parametrize(
    "damage",
    [
        lambda whole: b"",
        lambda whole: whole[: len(whole) // 2],
        lambda whole: whole.replace(b"double-well", b"double-hell"),
        lambda whole: whole.replace(b'"version": [', b'"version": [7, '),
        lambda whole: b"\x00\xff" * 1000,
        lambda whole: b"[" * 100_000 + b"\n" + b"[" * 100_000,
        lambda whole: b"null\n{}",
    ],
)
def test_one_that_is_damaged_or_of_another_version_is_made_anew(folder, damage, opened):
    expected = told(folder)
    whole = (folder / NAME).read_bytes()
    (folder / NAME).write_bytes(damage(whole))
    opened.clear()
    assert told(folder) == expected and len(opened) == 4
    assert (folder / NAME).read_bytes() == whole


def test_without_a_place_for_it_everything_is_told_all_the_same(folder, tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError("read-only")

    monkeypatch.setattr(kept.files, "replace", refuse)
    assert len(told(folder)) == 4 and not (folder / NAME).exists()
    (folder / NAME).mkdir()
    assert len(told(folder)) == 4
    assert told(tmp_path / "nowhere") == {}


def many_looks(folder):
    return all(len(told(folder)) == 4 for _ in range(20) if not (folder / NAME).unlink(missing_ok=True))


def test_two_processes_at_once_do_no_harm(folder):
    assert in_processes(many_looks, [(folder,), (folder,)]) == [True, True]
    assert sorted(os.listdir(folder)) == [NAME, "a.h5", "b.partial.h5", "c.failed.h5", "d.h5"]


def test_many_files_are_read_by_several_processes_to_the_same_end(folder, monkeypatch):
    for seed in range(9):
        a_result(folder / f"r{seed}.h5", {"seed": seed})
    alone = told(folder)
    (folder / NAME).unlink()
    heard, started, start = [], [], parallel._start
    monkeypatch.setattr(index, "BATCH", 1)
    monkeypatch.setattr(parallel, "_cores", lambda: 2)
    monkeypatch.setattr(parallel, "_start", lambda: started.append(start()) or started[-1])
    found = Index(folder, lambda path, curves: heard.append((path.name, curves["loss"].size))).refresh()
    assert {name: str(x) if isinstance(x, InputError) else x for name, x in found.items()} == alone
    assert dict(heard) == {name: 0 if name[0] == "c" else 3 for name in alone if name != "d.h5"}
    assert len(started) == 2 and all(process.poll() is not None for process in started)


def test_hidden_folders_hold_no_results_to_show(folder):
    a_result(folder / "sub" / "f.h5", {})
    a_result(folder / ".checkpoints" / "x" / "g.h5", {})
    found = summaries([folder])
    names = [run.path.name for run in found if not isinstance(run, InputError)]
    assert names == ["a.h5", "b.partial.h5", "c.failed.h5", "f.h5"]


@pytest.mark.parametrize("named", [".scratch/results", "sub/../.scratch/results"])
def test_a_folder_that_is_named_may_be_hidden_itself(folder, named, monkeypatch):
    a_result(folder / ".scratch" / "results" / "h.h5", {})
    (folder / "sub").mkdir()
    monkeypatch.chdir(folder / ".scratch")
    for path in (folder / named, Path("results"), Path("../.scratch")):
        assert [run.path.name for run in summaries([path])] == ["h.h5"]


def test_a_file_named_by_hand_must_be_a_result(folder):
    with pytest.raises(InputError, match="d.h5"):
        summaries([folder / "d.h5"])
    with h5py.File(folder / "e.h5", "w"):
        pass
    with pytest.raises(InputError, match="not a result"):
        summaries([folder / "e.h5"])
