"""Result files read back: as an xarray.Dataset, or as one line of a table."""

import contextlib
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from pavg.errors import InputError, missing_extra
from pavg.records.layout import FORMAT, FORMAT_VERSION


@dataclass(frozen=True)
class Summary:
    """What `pavg show` says of one run. attributes : of the root; last : final values of the curves.

    seconds : phase → seconds over all intervals, mean over ranks.
    """

    path: Path
    attributes: dict
    last: dict
    seconds: dict


@contextlib.contextmanager
def opened(path):
    """The h5py.File of a result file. InputError for anything else."""
    path = Path(path)
    try:
        with h5py.File(path, "r", locking=False) as file:
            version = file.attrs.get("format_version")
            if file.attrs.get("format") != FORMAT:
                raise InputError(
                    f"{path}: an HDF5 file, but not a result of pavg (format {FORMAT!r} expected)"
                )
            if version != FORMAT_VERSION:
                raise InputError(f"{path}: format version {version}; this pavg reads {FORMAT_VERSION}")
            yield file
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (OSError, KeyError, ValueError, IndexError, RuntimeError) as error:
        raise InputError(f"{path}: not a whole result file: {error}") from None


def summary(path):
    """The `Summary` of one result file. InputError for anything else."""
    with opened(path) as file:
        curves = {name: data for name, data in file.items() if isinstance(data, h5py.Dataset)}
        size = file["evaluation"].size
        last = {
            name: data[-1]
            for name, data in curves.items()
            if size and data.shape == (size,) and data.dtype.kind in "if"
        }
        seconds = {
            p: float(np.nansum(curves[f"time_{p}"][:], axis=0).mean()) for p in ("compute", "comm", "wait")
        }
        return Summary(Path(path), dict(file.attrs), last, seconds)


def status(path):
    """The status of a result file, or None where there is no whole one."""
    try:
        with opened(path) as file:
            return file.attrs["status"]
    except InputError:
        return None


def open_results(path):
    """One run as an `xarray.Dataset`: curves over `evaluation`, times over `rank`, parameters as attributes.

    path : a result file. InputError if it is not one, or if xarray is not installed.
    """
    try:
        import xarray
    except ImportError:
        raise missing_extra("xarray", "report") from None
    with opened(path):
        pass
    return xarray.open_dataset(path, engine="h5netcdf")


def find(paths):
    """Result files under files and folders, partial ones too, sorted; InputError where there are none."""
    found = []
    for path in map(Path, paths):
        if not path.exists():
            raise InputError(f"{path}: no such file or folder")
        found += sorted(path.rglob("*.h5")) if path.is_dir() else [path]
    if not found:
        raise InputError(f"{', '.join(map(str, paths))}: no result files (*.h5) there")
    return found
