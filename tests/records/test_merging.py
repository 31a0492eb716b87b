"""Merging: every value in the merged file is that of its source; whole or not there."""

import os

import h5py
import numpy as np
import pytest
import xarray

from pavg.errors import InputError
from pavg.records import merging, reading
from pavg.records.layout import VARIABLES
from pavg.records.merging import merge
from tests.building import a_result, in_processes


@pytest.fixture
def folder(tmp_path):
    """Runs of two sweeps: other parameters, lengths, numbers of ranks, curves."""
    one, two = tmp_path / "one", tmp_path / "two"
    a_result(one / "a.h5", {"K": 4, "seed": 2**60 + 1, "note": "x", "stop_epochs": None, "mixed": 1})
    a_result(one / "b.h5", {"K": "all", "seed": 0, "stop_epochs": 5, "mixed": 0.5}, rows=7, ranks=3)
    a_result(two / "c.h5", {"method_zeta": 0.5, "target": -1, "loss": "ü"}, rows=2, ranks=1, accuracy=0.9)
    a_result(two / "d.h5", {"count": 3}, status="diverged", reason="loss 1e9 at tick 3", rows=1)
    a_result(two / "e.partial.h5", {}, status="interrupted", reason="signal 2")
    a_result(two / "f.failed.h5", {}, status="failed", reason="no way down", rows=0)
    return tmp_path


def differences(source, data, run):
    """Names of the values of a source that differ from those of a run in a merged dataset."""
    found = []
    with h5py.File(source) as file:
        for name in file:
            if name in VARIABLES and name != "w":
                text = h5py.check_string_dtype(file[name].dtype)
                expected = file[name].asstr()[:] if text else file[name][:]
                there = data[name][run].values
                inner = tuple(map(slice, expected.shape))
                outside = np.ones(there.shape, bool)
                outside[inner] = False
                empty = there[outside] == "" if text else np.isnan(there[outside])
                same = np.array_equal(there[inner], expected, equal_nan=not text)
                found += [] if same and empty.all() else [name]
        for name, value in file.attrs.items():
            if name in ("format", "format_version"):
                continue
            there = data[f"parameter_{name}" if name in VARIABLES else name][run].values.item()
            missing = there == "" or there != there
            value = str(value) if isinstance(there, str) else value
            same = missing if value == "" else value == there
            found += [] if same else [name]
    return found


@pytest.mark.parametrize("engine, block", [(None, 1), ("netcdf4", 2), ("netcdf4", 64), ("h5netcdf", 64)])
def test_every_value_is_that_of_its_source(folder, engine, block, monkeypatch):
    monkeypatch.setattr(merging, "BLOCK", block)
    outcome = merge([folder], folder / "all.h5", everything=True)
    assert outcome.merged == 6 and not outcome.unsound and not outcome.paused
    with xarray.open_dataset(folder / "all.h5", **({"engine": engine} if engine else {})) as data:
        assert data.sizes == {"run": 6, "evaluation": 7, "rank": 3} and "w" not in data
        assert data.loss.dims == ("run", "evaluation")
        assert data.time_comm.dims == ("run", "evaluation", "rank") and data.time_comm.attrs["units"] == "s"
        for run, source in enumerate(data.file.values):
            assert differences(source, data, run) == []
        assert data.seed.values[0] == 2**60 + 1 if data.seed.dtype == np.int64 else data.seed.isnull().any()
        assert data.K.values[:3].tolist() == ["4", "all", ""] and data.cpu.values[0] == "a CPU"
        assert data.method_zeta.isnull().sum() == 5 and data["count"].isnull().sum() == 5
        assert data.target.values[2] == -1 and data.mixed.values[:2].tolist() == [1, 0.5]


def test_axes_have_a_fixed_length(folder):
    """h5netcdf looks through all variables for the length of an unlimited one, each time it is asked."""
    merge([folder], folder / "all.h5", everything=True)
    with xarray.open_dataset(folder / "all.h5") as data:
        assert not data.encoding["unlimited_dims"]


def test_integers_without_padding_stay_integers(tmp_path):
    for seed in (2**60 + 1, 3):
        a_result(tmp_path / f"{seed}.h5", {"seed": seed})
    merge([tmp_path], tmp_path / "all.h5")
    with xarray.open_dataset(tmp_path / "all.h5") as data:
        assert data.seed.values.tolist() == [2**60 + 1, 3] and data.rounds.dtype == np.int64


def test_what_is_not_over_or_damaged_is_left_out_and_said(folder):
    (folder / "one" / "z.h5").write_bytes(b"cut short")
    outcome = merge([folder, folder / "one" / "a.h5"], folder / "all.h5")
    assert outcome.merged == 4 and "z.h5" in str(outcome.unsound[0])
    assert [path.name for path in outcome.paused] == ["e.partial.h5", "f.failed.h5"]


def test_a_file_that_is_reached_in_several_ways_is_merged_once(folder):
    (folder / "again").symlink_to(folder / "one")
    ways = [folder / name for name in ("one", "two/../one/a.h5", "again/a.h5", "again")]
    assert merge(ways, folder / "all.h5").merged == 2


def test_merging_again_does_not_take_the_merged_file_in(folder):
    merge([folder], folder / "all.h5")
    assert merge([folder], folder / "all.h5").unsound == []
    [error] = merge([folder], folder / "other.h5").unsound
    assert "a file of many runs" in str(error)


def test_where_nothing_is_left_the_old_file_stays(folder):
    target = folder / "all.h5"
    merge([folder], target)
    before = target.read_bytes()
    with pytest.raises(InputError, match="nothing to merge: 1 runs that are not over"):
        merge([folder / "two" / "e.partial.h5"], target)
    assert target.read_bytes() == before and sorted(os.listdir(folder)) == ["all.h5", "one", "two"]


def test_the_result_of_a_run_is_not_overwritten(folder):
    with pytest.raises(InputError, match="a.h5: the result of a run"):
        merge([folder], folder / "one" / "a.h5")


def test_a_place_that_cannot_be_written_is_named(folder):
    with pytest.raises(InputError, match="cannot be written"):
        merge([folder], folder / "none" / "all.h5")


def disk_full(folder):
    import resource
    import signal

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
    try:
        merge([folder], folder / "all.h5")
    except InputError as error:
        return str(error)


def test_a_full_disk_leaves_the_old_file_and_nothing_else(folder):
    merge([folder], folder / "all.h5")
    before = (folder / "all.h5").read_bytes()
    [message] = in_processes(disk_full, [(folder,)])
    assert "all.h5" in message and "cannot be written" in message
    assert (folder / "all.h5").read_bytes() == before
    assert sorted(os.listdir(folder)) == ["all.h5", "one", "two"]


def test_a_merged_file_tells_of_its_runs_what_their_files_tell(folder, monkeypatch):
    monkeypatch.setattr(merging, "BLOCK", 4)
    merge([folder], folder / "all.h5", everything=True)
    runs = merging.summaries(folder / "all.h5")
    sources = [reading.summary(path) for path in reading.find([folder / "one", folder / "two"])]
    for run, source in zip(runs, sources, strict=True):
        assert (run.last, run.seconds, run.elapsed) == (source.last, source.seconds, source.elapsed)
        assert (run.curve, run.sizes, run.machine) == (source.curve, source.sizes, source.machine)
        assert {*run.variables} == {*source.variables} - {*reading.UNSEEN}
        told = {f"parameter_{k}" if k in VARIABLES else k: v for k, v in source.attributes.items() if v != ""}
        told = {k: v for k, v in told.items() if k not in ("format", "format_version")}
        there = {k: v for k, v in run.attributes.items() if k != "file"}
        assert there.keys() == told.keys() and run.attributes["file"] == str(source.path)
        assert all(value in (told[k], str(told[k])) for k, value in there.items())
    with pytest.raises(InputError, match="a file of many runs"):
        reading.summary(folder / "all.h5")
    with reading.open_results(folder / "all.h5") as data:
        assert data.sizes["run"] == 6
