"""A folder opened as one dataset is what its merged file is; files are opened for values only."""

import subprocess
import sys

import numpy as np
import pytest
import xarray

import pavg
from pavg.errors import InputError
from pavg.records import lazy, reading
from pavg.records.index import NAME
from pavg.records.merging import merge
from pavg.records.writing import write
from tests.building import a_record, a_result


@pytest.fixture
def folder(tmp_path):
    """Runs of two sweeps: other parameters, lengths, numbers of ranks, curves."""
    one, two = tmp_path / "runs" / "one", tmp_path / "runs" / "two"
    a_result(one / "a.h5", {"K": 4, "seed": 2**60 + 1, "stop_epochs": None, "mixed": 1})
    a_result(one / "b.h5", {"K": "all", "seed": 0, "stop_epochs": 5, "mixed": 0.5}, rows=7, ranks=3)
    a_result(one / "inner" / "c.h5", {"method_zeta": 0.5, "loss": "ü"}, rows=2, ranks=1, accuracy=0.9)
    a_result(two / "d.h5", {"count": 3}, status="diverged", reason="loss 1e9 at tick 3", rows=1)
    a_result(two / "e.partial.h5", {}, status="interrupted", reason="signal 2")
    a_result(two / "f.failed.h5", {}, status="failed", reason="no way down", rows=0)
    return tmp_path / "runs"


@pytest.fixture
def opened(monkeypatch):
    """Names of the files that were opened for values."""
    names, plain = [], lazy.opened
    monkeypatch.setattr(lazy, "opened", lambda path: names.append(path.name) or plain(path))
    return names


def test_a_folder_is_what_its_merged_file_is(folder, tmp_path):
    merge([folder], tmp_path / "all.h5", everything=True)
    for _ in ("without an index", "with one"):
        with pavg.open_results(folder) as lazily, pavg.open_results(tmp_path / "all.h5") as merged:
            xarray.testing.assert_identical(lazily.drop_attrs(deep=False), merged.drop_attrs(deep=False))
            numbers = {name: value.dtype for name, value in lazily.items() if value.dtype != object}
            assert all(merged[name].dtype == dtype for name, dtype in numbers.items())
            assert all(merged[name].dtype.kind in "OUT" for name in lazily.keys() - numbers.keys())
        assert (folder / "one" / NAME).exists()


def test_learners_that_do_unequal_numbers_of_steps_are_one_more_axis(folder, tmp_path):
    a_result(folder / "two" / "g.h5", {}, uneven=3)
    a_result(folder / "two" / "h.h5", {}, uneven=2, rows=2)
    timed = a_record(uneven=2)
    timed.course = {"round_steps": np.array([[1, 2], [3, 4], [5, 6], [7, 8]])}
    write(folder / "two" / "f.h5", timed, {"R": 2, "config": {}, "run_id": "f", "label": "", "P": 2}, {})
    with pavg.open_results(folder / "two" / "f.h5") as alone:
        assert alone.round_steps.dims == ("round", "learner") and alone.round_steps.sum() == 36
    merge([folder], tmp_path / "all.h5", everything=True)
    with pavg.open_results(folder) as lazily, pavg.open_results(tmp_path / "all.h5") as merged:
        xarray.testing.assert_identical(lazily.drop_attrs(deep=False), merged.drop_attrs(deep=False))
        steps = merged.learner_steps
        assert steps.dims == ("run", "evaluation", "learner") and merged.sizes["learner"] == 3
        assert "round_steps" not in merged and "round" not in merged.sizes
        assert steps[-2, :3].values.tolist() == [[0, 0, 0], [1, 2, 3], [2, 4, 6]]
        assert steps[-1, 1, :2].values.tolist() == [1, 2] and steps[-1, 1, 2:].isnull().all()


def test_integers_stay_integers_where_nothing_is_padded(tmp_path):
    for seed in (2**60 + 1, 3):
        a_result(tmp_path / f"{seed}.h5", {"seed": seed})
    runs = pavg.open_results(tmp_path)
    assert runs.seed.values.tolist() == [2**60 + 1, 3] and runs.rounds.dtype == np.int64


def test_files_are_opened_for_values_only_and_for_those_of_a_kind_once(folder, opened):
    pavg.open_results(folder)
    runs = pavg.open_results(folder)
    assert runs.K.values.tolist() == ["4", "all", "", "", "", ""] and "1e9" in str(runs.reason.values)
    assert runs.sizes == {"run": 6, "evaluation": 7, "rank": 3} and opened == []
    assert runs.loss[1:3, -1].isnull().values.tolist() == [False, True]
    assert opened == ["b.h5", "c.h5"]
    runs.isel(run=[1, 2])[["samples", "drift", "loss"]].load()
    assert opened == ["b.h5", "c.h5"]
    runs.isel(run=1)[["time_comm", "host"]].load()
    assert opened == ["b.h5", "c.h5"]
    runs.isel(run=1).time_comm_min.load()
    assert opened == ["b.h5", "c.h5", "b.h5"]


def test_what_is_read_for_a_new_index_is_not_read_again(folder, opened):
    runs = pavg.open_results(folder)
    runs[["loss", "samples", "time_comm", "time_wait", "host"]].load()
    assert opened == []
    runs.time_wait_max.load()
    assert len(opened) == 5  # the sixth failed before it had any


def test_without_room_to_keep_anything_values_are_the_same(folder, monkeypatch, opened):
    expected = pavg.open_results(folder).load()
    monkeypatch.setattr(lazy, "HELD", 0)
    assert pavg.open_results(folder).load().identical(expected) and len(opened) > 20


@pytest.mark.parametrize(
    "key",
    [
        {"run": 1},
        {"run": -1, "rank": 0},
        {"run": slice(None, None, -2), "evaluation": slice(1, 5, 2)},
        {"run": [3, 0, 0], "rank": [2, 0]},
        {"run": [], "evaluation": 2},
        {"run": np.array([True, False] * 3)},
        {"run": xarray.DataArray([0, 1, 1], dims="p"), "evaluation": xarray.DataArray([2, 6, -1], dims="p")},
        {"evaluation": xarray.DataArray([2, 6, 0, 0, 1, -1], dims="run"), "rank": slice(1, None)},
    ],
    ids=str,
)
def test_a_part_is_the_part_of_the_whole(folder, key):
    pavg.open_results(folder)
    part = pavg.open_results(folder).isel(key)
    assert part.load().identical(pavg.open_results(folder).load().isel(key))


def test_final_values_and_parameters_are_a_table_of_pandas(folder):
    runs = pavg.open_results(folder)
    table = runs.isel(evaluation=runs.ticks.count("evaluation") - 1).drop_dims("rank").to_pandas()
    assert table.loss.iloc[:5].tolist() == [1 / 3, 1 / 7, 1 / 2, 1.0, 1 / 3] and np.isnan(table.loss.iloc[5])
    assert table.status.tolist() == ["ok", "ok", "ok", "diverged", "interrupted", "failed"]
    assert runs.loss.to_pandas().shape == (6, 7)


def test_what_is_no_result_is_left_out_and_named(folder):
    (folder / "one" / "z.h5").write_bytes(b"cut short")
    merge([folder / "two"], folder / "one" / "all.h5")
    with pytest.warns(UserWarning, match="2 files left out") as warned:
        runs = pavg.open_results(folder)
    assert runs.sizes["run"] == 6 and warned[0].filename == __file__
    assert "all.h5: a file of many runs" in runs.left_out and "z.h5: not a whole" in runs.left_out
    (folder / "two" / "none").mkdir()
    with pytest.raises(InputError, match="no result files"):
        pavg.open_results(folder / "two" / "none")
    for path in reading.find([folder]):
        path.write_bytes(b"no result")
    with pytest.raises(InputError, match="not a whole result file"):
        pavg.open_results(folder)


def test_a_file_that_is_gone_or_another_by_now_is_named(folder):
    pavg.open_results(folder)
    runs = pavg.open_results(folder)
    a_result(folder / "one" / "a.h5", {"K": 4}, rows=9)
    (folder / "one" / "b.h5").unlink()
    with pytest.raises(InputError, match="a.h5: written again"):
        runs.loss[0].load()
    with pytest.raises(InputError, match="b.h5: no such file"):
        runs.loss[1].load()
    assert runs.loss[2, 0] == 1.0


def test_importing_pavg_imports_nothing_heavy(folder):
    code = (
        "import sys, pavg; pavg.open_results; print({'numpy', 'h5py', 'xarray', 'mpi4py'} & {*sys.modules})"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "set()\n"
