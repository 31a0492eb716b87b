"""Result files read back: as an xarray.Dataset, or as one line of a table."""

import contextlib
from pathlib import Path

import h5py
import numpy as np

from pavg.errors import InputError, missing_extra
from pavg.records.layout import FORMAT, FORMAT_VERSION, MERGED, MERGED_VERSION, VARIABLES
from pavg.records.names import of_a_run
from pavg.records.summary import Summary

VERSIONS = {FORMAT: FORMAT_VERSION, MERGED: MERGED_VERSION}
KINDS = {FORMAT: "a file of one run", MERGED: "a file of many runs, merged"}
PHASES = ("compute", "comm", "wait")
UNSEEN = ("w", "host", "core_affinity", "shard_size", "compile_time") + tuple(  # nothing that a summary holds
    f"time_{phase}_{bound}" for phase in PHASES for bound in ("min", "max")
)


@contextlib.contextmanager
def opened(path, formats=(FORMAT,)):
    """The h5py.File of a result file. InputError for anything else. formats : FORMAT, MERGED or both."""
    path = Path(path)
    try:
        with h5py.File(path, "r", locking=False) as file:
            found, version = file.attrs.get("format"), file.attrs.get("format_version")
            if found not in VERSIONS:
                raise InputError(
                    f"{path}: an HDF5 file, but not a result of pavg (format {FORMAT!r} expected)"
                )
            if version != VERSIONS[found]:
                raise InputError(f"{path}: format version {version}; this pavg reads {VERSIONS[found]}")
            if found not in formats:
                raise InputError(f"{path}: {KINDS[found]}; expected {' or '.join(KINDS[f] for f in formats)}")
            yield file
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (OSError, KeyError, ValueError, IndexError, RuntimeError) as error:
        raise InputError(f"{path}: not a whole result file: {error}") from None


def summary(path):
    """The `Summary` of one result file. InputError for anything else."""
    with opened(path) as file:
        curves = {name: file[name][:] for name in file if name in VARIABLES and name not in UNSEEN}
        return summed(path, {name: plain(value) for name, value in file.attrs.items()}, curves)


def summed(path, attributes, curves):
    """The `Summary` of a run in memory. curves : name → array, as in a file."""
    size = curves["ticks"].size
    ends = [name for name in curves if size and VARIABLES[name][0] == ("evaluation",)]
    last = {name: curves[name][-1].item() for name in ends}
    seconds = {p: float(np.nansum(curves[f"time_{p}"], axis=0).mean()) for p in PHASES}
    beside = [np.nansum(curves[name]) for name in ("time_eval", "time_checkpoint") if name in curves]
    return Summary(Path(path), attributes, last, seconds, float(last.get("time_wall", 0.0) + sum(beside)))


def environment(path):
    """Attributes of the group env of one run's file: MPI library, CPU, variables."""
    with opened(path) as file:
        return {name: plain(value) for name, value in file["env"].attrs.items()}


def plain(value):
    """An attribute as Python's own: a number or a text."""
    return value.item() if isinstance(value, np.generic) else value


def is_merged(path):
    """Whether a file is one of many runs. InputError if it is no result at all."""
    with opened(path, (FORMAT, MERGED)) as file:
        return file.attrs["format"] == MERGED


def status(path):
    """The status of a result file, or None where there is no whole one."""
    try:
        with opened(path) as file:
            return file.attrs["status"]
    except InputError:
        return None


def open_results(path):
    """One run as an `xarray.Dataset`: curves over `evaluation`, times over `rank`, parameters as attributes.

    path : a result file, or a merged one: runs are then one more dimension, parameters variables on it.
    InputError if it is not one, or if xarray is not installed.
    """
    try:
        import xarray
    except ImportError:
        raise missing_extra("xarray", "report") from None
    with opened(path, (FORMAT, MERGED)):
        pass
    return xarray.open_dataset(path, engine="h5netcdf")


def find(paths):
    """Result files under files and folders, partial ones too, sorted; InputError where there are none."""
    found = []
    for path in map(Path, paths):
        if not path.exists():
            raise InputError(f"{path}: no such file or folder")
        found += results_in(path) if path.is_dir() else [path]
    if not found:
        raise InputError(f"{', '.join(map(str, paths))}: no result files (*.h5) there")
    return found


def results_in(folder):
    """Result files in a folder and the folders in it, sorted; not in hidden ones, as `.checkpoints`."""
    inside = [path for path in folder.rglob("*.h5") if not _hidden(path.relative_to(folder).parent)]
    return sorted(path for path in inside if of_a_run(path.name) and path.is_file())


def _hidden(path):
    return any(part.startswith(".") for part in path.parts)
