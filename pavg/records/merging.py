"""Many runs in one file: (run, evaluation[, rank]), parameters as variables on `run`, no models.

One pass over the files, a block of runs in memory at a time: HDF5 extends and pads what is there. Integers
are padded with −1 and floats with NaN (both are then `_FillValue`), texts with "".
"""

import contextlib
import os
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import h5py
import numpy as np

from pavg import files
from pavg.errors import InputError
from pavg.records import provenance, reading
from pavg.records.columns import PAD, columns, parameters
from pavg.records.layout import MERGED, MERGED_VERSION, OWN, TEXTS, VARIABLES, WHOLE
from pavg.records.record import ALWAYS

BLOCK, HELD = 64, 1 << 22  # runs, and numbers, in memory
CHUNK = (64, 64, 16)  # runs, evaluations, ranks that are compressed together, at most


@dataclass
class Outcome:
    """merged : how many runs; paused : files of runs that are not over or failed, left out; unsound :
    why each of the others was left out."""

    merged: int = 0
    paused: list = field(default_factory=list)
    unsound: list = field(default_factory=list)


def merge(paths, target, everything=False, progress=None):
    """Merge the result files under files and folders: `target` is complete afterwards, or as it was before.

    everything : runs that were interrupted, failed or took too long, too. progress : called with
    ("merging", done, total). Returns an `Outcome`. InputError where there is nothing to merge, or
    `target` cannot be written.
    """
    target, outcome = Path(target), Outcome()
    if target.exists() and not reading.is_merged(target):
        raise InputError(f"{target}: the result of a run; expected another name for the merged file")
    sources = {path.resolve(): path for path in reading.find(paths)}
    sources = [path for place, path in sources.items() if place != target.resolve()]
    temporary = target.with_name(f".{target.name}{files.mark()}")
    try:
        files.remove_stale(target.parent)
        with files.Sink(temporary, "w+") as sink:
            with h5py.File(sink, "w") as file:
                merged = _Merged(file)
                for done, path in enumerate(sources):
                    if progress:
                        progress("merging", done, len(sources))
                    _add(merged, path, everything, outcome)
                    sink.check()
                if outcome.merged:
                    merged.finish()
            sink.settle()
        if not outcome.merged:
            raise InputError(_nothing(paths, outcome))
        os.replace(temporary, target)
    except OSError as error:
        raise InputError(f"{target}: cannot be written: {error.strerror or error}") from None
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
    return outcome


def _add(merged, path, everything, outcome):
    try:
        with reading.opened(path) as file:
            attributes = reading.attributes(file)
            if attributes["status"] not in WHOLE and not everything:
                outcome.paused.append(path)
                return
            machine = reading.machine(file)
            arrays = reading.arrays(file, [name for name in reading.names(file) if name not in OWN])
    except InputError as error:
        outcome.unsound.append(error)
        return
    merged.add(arrays, parameters(path, attributes, machine))
    outcome.merged += 1


def _nothing(paths, outcome):
    why = "".join(f"\n{error}" for error in outcome.unsound[:3])
    return (
        f"{', '.join(map(str, paths))}: nothing to merge: {len(outcome.paused)} runs that are not over or "
        f"failed (--all takes them too), {len(outcome.unsound)} other files{why}"
    )


class _Merged:
    """The file in the making. Curves are written in blocks, parameters, which are small, at the end."""

    def __init__(self, file):
        self.file, self.runs, self._held = file, 0, 0
        self._rows, self._block, self._filled = [], [], {}

    def add(self, arrays, parameters):
        self._rows.append(parameters)
        self._block.append(arrays)
        self.runs += 1
        self._held += sum(array.size for array in arrays.values())
        if len(self._block) == BLOCK or self._held > HELD:
            self._flush()

    def finish(self):
        self._flush()
        lengths = {"run": self.runs, "evaluation": 0, "rank": 0}
        for name in self._filled:
            for axis, length in zip(_axes(name), self.file[name].shape, strict=True):
                lengths[axis] = max(lengths.get(axis, 0), length)
        for axis, length in lengths.items():
            self.file.create_dataset(axis, data=np.arange(length))
            self.file[axis].make_scale(axis)
        for name, filled in self._filled.items():
            shape = tuple(lengths[axis] for axis in _axes(name))
            self.file[name].resize(shape)
            self._describe(name, _axes(name), filled < np.prod(shape))
            if name not in TEXTS:
                self.file[name].attrs["units"] = VARIABLES[name][1]
            self.file[name].attrs["long_name"] = VARIABLES[name][2]
        for name, (values, padded) in columns(self._rows).items():
            dtype = h5py.string_dtype() if values.dtype.kind == "O" else values.dtype
            self.file.create_dataset(name, data=values, dtype=dtype)
            self._describe(name, ("run",), padded)
        facts = {"format": MERGED, "format_version": MERGED_VERSION, "runs": self.runs}
        facts |= {"date": datetime.now(UTC).isoformat(timespec="seconds")} | provenance.software()
        self.file.attrs.update(facts)

    def _describe(self, name, axes, padded):
        data = self.file[name]
        for axis, scale in enumerate(axes):
            data.dims[axis].attach_scale(self.file[scale])
        if padded and data.dtype.kind != "O":
            data.attrs["_FillValue"] = data.dtype.type(PAD[data.dtype.kind])

    def _flush(self):
        first = self.runs - len(self._block)
        for name in dict.fromkeys(name for arrays in self._block for name in arrays):
            found = {first + k: arrays[name] for k, arrays in enumerate(self._block) if name in arrays}
            shape = (self.runs, *np.max([array.shape for array in found.values()], axis=0))
            data = self._grown(name, shape, next(iter(found.values())).dtype)
            block = np.full((len(self._block), *shape[1:]), PAD[data.dtype.kind], data.dtype)
            for run, array in found.items():
                block[(run - first, *map(slice, array.shape))] = array
            data[(slice(first, self.runs), *map(slice, shape[1:]))] = block
            self._filled[name] = self._filled.get(name, 0) + sum(array.size for array in found.values())
        self._block, self._held = [], 0

    def _grown(self, name, shape, dtype):
        """The dataset of a variable, made if need be, of at least this shape."""
        if name in self.file:
            data = self.file[name]
            data.resize(np.maximum(shape, data.shape))
            return data
        chunks = [max(1, min(length, most)) for length, most in zip(shape, CHUNK, strict=False)]
        layout = {"maxshape": (None,) * len(shape), "chunks": tuple(chunks)}
        if name in TEXTS:
            return self.file.create_dataset(name, shape, h5py.string_dtype(), **layout)
        layout |= {"fillvalue": PAD[dtype.kind], "compression": 1, "shuffle": True}
        return self.file.create_dataset(name, shape, dtype, **layout)


def _axes(name):
    return "run", *VARIABLES[name][0]


def summaries(path):
    """The `Summary` of every run in a merged file."""
    with reading.opened(path, (MERGED,)) as file:
        there = {name: data for name, data in file.items() if isinstance(data, h5py.Dataset)}
        there = {name: data for name, data in there.items() if not data.is_scale}
        facts = {name: _told(data) for name, data in there.items() if name not in VARIABLES}
        shown = [name for name in there if name in VARIABLES and name not in reading.UNSEEN]
        found = []
        for first in range(0, int(file.attrs["runs"]), BLOCK):
            block = {name: there[name][first : first + BLOCK] for name in shown}
            for k, ticks in enumerate(block["ticks"]):
                attributes = {name: told[first + k] for name, told in facts.items()}
                attributes = {name: value for name, value in attributes.items() if value != ""}
                machine = {name: attributes.pop(name, "") for name in reading.MACHINE}
                sizes = {"evaluation": int((ticks >= 0).sum()), "rank": attributes["R"]}
                curves = _unpadded(block, k, sizes)
                found.append(reading.summed(path, attributes, curves, sizes, list(curves), machine))
        return found


def _told(data):
    """The values of a parameter, "" where a run has none."""
    if data.dtype.kind == "O":
        return data.asstr()[:].tolist()
    values, pad = data[:].tolist(), data.attrs.get("_FillValue")
    return ["" if value == pad or value != value and pad is not None else value for value in values]


def _unpadded(block, k, lengths):
    """name → array of the k-th run, as in its file; without the variables that it did not have."""
    found = {}
    for name, values in block.items():
        array = values[(k, *(slice(lengths[axis]) for axis in VARIABLES[name][0]))]
        if name in ALWAYS or not np.isnan(array).all():
            found[name] = array
    return found
