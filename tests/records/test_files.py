"""Result files: whole or not there, opened by anyone."""

import json
import os

import h5py
import pytest
import xarray

import pavg
from pavg.errors import InputError
from pavg.records.layout import VARIABLES
from pavg.records.reading import find, status, summary
from pavg.records.writing import check_writable, write
from tests.building import a_record, in_processes

ATTRIBUTES = {
    "P": 4,
    "R": 2,
    "K": "all",
    "hosted": True,
    "note": None,
    "config": {"a": [1, None]},
    "run_id": "x",
}


SYNCHRONOUS = {"drift", "time_checkpoint"}
SYNCHRONOUS |= {name for name in VARIABLES if name.startswith(("best_", "worst_"))}
ASYNCHRONOUS = {"updates"} | {name for name in VARIABLES if name.startswith(("staleness", "arrival"))}


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "folder" / "run.h5"
    write(path, a_record(), ATTRIBUTES, {"SLURM_JOB_ID": "7"})
    return path


@pytest.mark.parametrize("engine", [None, "netcdf4", "h5netcdf"])
def test_xarray_opens_it_with_no_arguments(path, engine):
    with xarray.open_dataset(path, **({"engine": engine} if engine else {})) as data:
        assert data.sizes == {"evaluation": 3, "rank": 2, "feature": 4}
        assert data.loss.dims == ("evaluation",) and data.time_comm.dims == ("evaluation", "rank")
        assert data.time_comm.attrs["units"] == "s" and data.loss.attrs["long_name"]
        assert data.host.values.tolist() == ["a", "a"]
        assert data.attrs["K"] == "all" and data.attrs["hosted"] == 1 and data.attrs["note"] == ""
        assert json.loads(data.attrs["config"]) == {"a": [1, None]}
        assert data.attrs["status"] == "ok" and data.attrs["format"] == "pavg-run"


def test_open_results_gives_the_same_dataset(path):
    with pavg.open_results(path) as data, xarray.open_dataset(path) as plain:
        assert data.identical(plain)


def test_it_has_at_most_forty_objects(path):
    with h5py.File(path) as file:
        names = []
        file.visit(names.append)
    assert len(names) <= 40
    shared = {name for name, (axes, _, _) in VARIABLES.items() if "learner" not in axes}
    shared -= ASYNCHRONOUS | SYNCHRONOUS
    assert len(shared | SYNCHRONOUS) + 4 <= 40  # were every variable there, with three scales and env
    assert len(shared | ASYNCHRONOUS) + 6 <= 40  # with two scales more


def test_every_axis_has_a_scale_with_values_and_every_variable_a_unit(path):
    with h5py.File(path) as file:
        for name, data in file.items():
            if isinstance(data, h5py.Dataset) and not data.is_scale:
                assert all(len(dim) == 1 for dim in data.dims), name
                assert "long_name" in data.attrs and (
                    "units" in data.attrs or name in ("host", "core_affinity")
                )
        assert file["env"].attrs["SLURM_JOB_ID"] == "7"


def test_bytes_that_are_no_text_do_not_cost_the_run(path):
    write(path, a_record(), ATTRIBUTES, {"SLURM_JOB_NAME": b"caf\xe9".decode(errors="surrogateescape")})
    with h5py.File(path) as file:
        assert file["env"].attrs["SLURM_JOB_NAME"].startswith("caf")


def test_writing_again_replaces_the_file_whole(path):
    write(path, a_record(rows=5), ATTRIBUTES, {})
    assert summary(path).last["ticks"] == 4
    assert [p.name for p in path.parent.iterdir()] == ["run.h5"]


def disk_full(path):
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
    import signal

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        write(path, a_record(rows=9), ATTRIBUTES, {})
    except InputError as error:
        return str(error)


def test_a_full_disk_leaves_the_old_file_and_nothing_else(path):
    before = path.read_bytes()
    [message] = in_processes(disk_full, [(path,)])
    assert "run.h5" in message and "cannot be written" in message
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == ["run.h5"]


def test_whatever_part_of_it_is_left_is_no_result(path):
    whole = path.read_bytes()
    for share in (0.0, 0.1, 0.5, 0.9, 0.999):
        path.write_bytes(whole[: int(len(whole) * share)])
        assert status(path) is None
        with pytest.raises(InputError, match="run.h5"):
            summary(path)


def test_what_is_no_result_is_named(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        summary(tmp_path / "none.h5")
    with pytest.raises(InputError, match="no result files"):
        find([tmp_path])
    with h5py.File(tmp_path / "newer.h5", "w") as file:
        file.attrs["format"], file.attrs["format_version"] = "pavg-run", 99
    with pytest.raises(InputError, match="version 99"):
        summary(tmp_path / "newer.h5")


def test_a_folder_that_cannot_be_written_is_refused_before_anything_runs(tmp_path):
    (tmp_path / "file").touch()
    check_writable(tmp_path / "new" / "folder")
    assert not (tmp_path / "new").exists()
    with pytest.raises(InputError, match="cannot be written"):
        check_writable(tmp_path / "file" / "folder")
    assert os.listdir(tmp_path) == ["file"]
