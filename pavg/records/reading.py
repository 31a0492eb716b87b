"""Result files read back: as an xarray.Dataset, or as one line of a table."""

import contextlib
import json
import warnings
from pathlib import Path

import h5py
import numpy as np
from h5py import h5a, h5d, h5s

from pavg.errors import InputError, missing_extra
from pavg.records.layout import FORMAT, FORMAT_VERSION, MERGED, MERGED_VERSION, OWN, PHASES, TEXTS, VARIABLES
from pavg.records.names import of_a_run
from pavg.records.summary import Summary

VERSIONS = {FORMAT: FORMAT_VERSION, MERGED: MERGED_VERSION}
KINDS = {FORMAT: "a file of one run", MERGED: "a file of many runs, merged"}
MACHINE = ("cpu", "mpi_library", "relay")  # of the group env: times of different machines differ
AXES = ("evaluation", "rank", "learner")  # of what is looked at over many runs
CURVE = 16  # evaluations that a summary keeps the loss of, at most
UNSEEN = (  # nothing that a summary holds
    *OWN,
    *("learner_steps", "host", "core_affinity", "shard_size", "compile_time"),
    *(f"time_{phase}_{bound}" for phase in PHASES for bound in ("min", "max")),
)


@contextlib.contextmanager
def opened(path, formats=(FORMAT,)):
    """The h5py.File of a result file. InputError for anything else. formats : FORMAT, MERGED or both."""
    path = Path(path)
    if path.suffix == ".toml":
        raise InputError(f"{path}: a specification; expected its results: results/{path.stem}, or OUT/NAME")
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
    return _looked_at(path)[0]


def facts(paths, curves_too):
    """Of each file: the fields of its `Summary` but the path, or, as a text, why it has none; and its curves.

    curves_too : if not, None stands for curves, name → array.
    """
    found = []
    for path in paths:
        try:
            told, curves = _looked_at(path)
        except InputError as error:
            found.append((str(error), None))
            continue
        told = {name: value for name, value in vars(told).items() if name != "path"}
        found.append((told, curves if curves_too else None))
    return found


def _looked_at(path):
    """(`Summary`, name → array of the curves that it was made of)."""
    with opened(path) as file:
        there = names(file)
        along = [name for name in there if name not in UNSEEN or VARIABLES[name][0] == ("rank",)]
        curves = arrays(file, along)  # facts of ranks, too: reports want them, and the file is open
        sizes = {axis: file[axis].size for axis in AXES if axis in file}
        return summed(path, attributes(file), curves, sizes, there, machine(file)), curves


def summed(path, attributes, curves, sizes, variables, machine):
    """The `Summary` of a run in memory. curves : name → array, as in a file, of those that are not UNSEEN."""
    size = curves["ticks"].size
    ends = [name for name in curves if size and VARIABLES[name][0] == ("evaluation",)]
    last = {name: curves[name][-1].item() for name in ends}
    seconds = {p: float(np.nansum(curves[f"time_{p}"], axis=0).mean()) for p in PHASES}
    beside = [np.nansum(curves[name]) for name in ("time_eval", "time_checkpoint") if name in curves]
    elapsed = float(last.get("time_wall", 0.0) + sum(beside))
    chosen = np.linspace(0, size - 1, min(size, CURVE)).round().astype(int)
    curve = [float(f"{value:.3g}") for value in curves["loss"][chosen]]
    return Summary(Path(path), attributes, last, seconds, elapsed, curve, sizes, variables, machine)


# By h5py's low-level calls: thousands of files are read, and the others take half as long again.


def attributes(owner, only=None):
    """name → number or text, of the attributes of a file or a group. only : these, where they are there."""
    there = []
    h5a.iterate(owner.id, there.append)
    found = {}
    for name in there:
        if only is None or name.decode() in only:
            attribute = h5a.open(owner.id, name)
            value = np.empty(attribute.shape, attribute.dtype)
            attribute.read(value)
            found[name.decode()] = _plain(value)
    return found


def machine(file):
    """The CPU and the MPI library of a run, "" where they are not known."""
    return dict.fromkeys(MACHINE, "") | attributes(file["env"], MACHINE)


def environment(path):
    """Attributes of the group env of one run's file: MPI library, CPU, variables."""
    with opened(path) as file:
        return attributes(file["env"])


def names(file):
    """Names of the variables of a result file."""
    return [name for name in map(bytes.decode, file.id) if name in VARIABLES]


def arrays(file, wanted):
    """name → array of these variables of a result file."""
    found = {}
    for name in wanted:
        if name in TEXTS:
            found[name] = file[name].asstr()[:]
            continue
        data = h5d.open(file.id, name.encode())
        found[name] = np.empty(data.shape, data.dtype)
        if found[name].size:
            data.read(h5s.ALL, h5s.ALL, found[name])
    return found


def _plain(value):
    """An attribute as a number or a text."""
    value = value.tolist()
    if isinstance(value, list):
        return json.dumps(value)
    return value.decode(errors="backslashreplace") if isinstance(value, bytes) else value


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


def open_results(path, progress=None):
    """Results as an `xarray.Dataset`: of one run, or of many; values are read when they are asked for.

    path : a run's file: curves over `evaluation`, times over `rank`, parameters as attributes. A folder,
    with the folders in it, or a merged file: `run` is one more axis, and parameters are variables on it;
    shorter runs are padded. A folder's runs are all there, those that failed or were interrupted too:
    `status` and `reason` tell. Files that are no results are left out, with a warning, and named in
    the attribute `left_out`, a line each. progress : called with ("results", done, total) while many
    files are looked at. InputError if nothing there is a result, or if xarray is not installed.
    """
    try:
        import xarray
    except ImportError:
        raise missing_extra("xarray", "report") from None
    path = Path(path)
    if path.is_dir():
        return _many(path, progress)
    with opened(path, (FORMAT, MERGED)):
        pass
    return xarray.open_dataset(path, engine="h5netcdf")


def _many(folder, progress):
    import xarray

    from pavg.records.index import summaries
    from pavg.records.lazy import Folder, Kept

    kept = Kept()
    found = summaries([folder], progress, kept.add)
    runs = [run for run in found if isinstance(run, Summary)]
    unsound = [str(run) for run in found if not isinstance(run, Summary)]
    if not runs:
        raise InputError(f"{folder}: no results of runs there\n" + "\n".join(unsound[:3]))
    if unsound:
        warnings.warn(f"{len(unsound)} files left out; the first: {unsound[0]}", stacklevel=4)
    return xarray.open_dataset(runs, engine=Folder, kept=kept).assign_attrs(left_out="\n".join(unsound))


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
