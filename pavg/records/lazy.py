"""The runs under a folder as one xarray.Dataset, as if merged; files are opened for values only.

Lengths, names and parameters come from the index. Opening a file costs more than reading it: what is often
wanted is read along, and kept; where that is too much, what has the same axes as the variable asked for.
"""

import math

import numpy as np
import xarray
from xarray.backends import BackendArray, BackendEntrypoint
from xarray.core import indexing

from pavg.errors import InputError
from pavg.records.columns import PAD, columns, parameters
from pavg.records.layout import INTEGERS, MERGED, MERGED_VERSION, OWN, TEXTS, VARIABLES
from pavg.records.reading import AXES, UNSEEN, arrays, opened

HELD = 1 << 24  # numbers that are kept of what was read along


class Folder(BackendEntrypoint):
    """An xarray backend: `xarray.open_dataset(runs, engine=Folder, kept=Kept())`, runs a list of `Summary`.

    Made so for what xarray then does by itself: a variable is kept once it was read.
    """

    description = "result files of pavg, as one dataset"

    def open_dataset(self, filename_or_obj, *, drop_variables=None, kept):
        runs = filename_or_obj
        lengths = {"run": len(runs)}
        for axis in AXES:
            if there := [run.sizes[axis] for run in runs if axis in run.sizes]:
                lengths[axis] = max(there)
        found = {axis: (axis, np.arange(length)) for axis, length in lengths.items()}
        files = _Files(runs, kept)
        for name in dict.fromkeys(name for run in runs for name in run.variables if name not in OWN):
            axes, units, long_name = VARIABLES[name]
            values = indexing.LazilyIndexedArray(_Values(files, name, lengths))
            told = {"long_name": long_name} | ({} if name in TEXTS else {"units": units})
            found[name] = (("run", *axes), values, told)
        rows = [parameters(run.path, run.attributes, run.machine) for run in runs]
        for name, (values, padded) in columns(rows).items():
            if padded and values.dtype.kind == "i":  # as xarray reads a merged file
                values = np.where(values == PAD["i"], np.nan, values)
            found[name] = ("run", values)
        attributes = {"format": MERGED, "format_version": MERGED_VERSION, "runs": len(runs)}
        return xarray.Dataset(found, attrs=attributes).set_coords(list(lengths))


class Kept:
    """Arrays of files that were opened for something else too: no more than HELD numbers."""

    def __init__(self):
        self._arrays, self._held = {}, 0

    def add(self, path, found):
        """Keep arrays of a file, if there is room. found : name → array."""
        size = sum(array.size for array in found.values())
        if self._held + size <= HELD:
            self._arrays.setdefault(path, {}).update(found)
            self._held += size

    def get(self, path, name):
        return self._arrays.get(path, {}).get(name)


class _Files:
    """The files of runs, whose arrays are read when they are asked for."""

    def __init__(self, runs, kept):
        self.runs, self._kept = runs, kept
        self._small = sum(_size(run) for run in runs) <= HELD

    def array(self, run, name):
        """A variable of one run, or None where it has none. InputError where its file is another by now."""
        told = self.runs[run]
        if name not in told.variables:
            return None
        array = self._kept.get(told.path, name)
        return self._read(told, name) if array is None else array

    def _read(self, told, name):
        together = _often if self._small and _often(name) else lambda other: _together(other, name)
        with opened(told.path) as file:
            new = [
                other
                for other in told.variables
                if together(other) and self._kept.get(told.path, other) is None
            ]
            found = arrays(file, new)
        if any(array.shape != _shape(told, other) for other, array in found.items()):
            raise InputError(f"{told.path}: written again since the folder was opened; open it once more")
        self._kept.add(told.path, found)
        return found[name]


def _often(name):
    """Whether a variable is among those that tables and charts of many runs are made of."""
    return name not in OWN and not name.endswith(("_min", "_max"))


def _shape(told, name):
    return tuple(told.sizes[axis] for axis in VARIABLES[name][0])


def _size(told):
    """Numbers in a file of what `_often` is wanted."""
    return sum(math.prod(_shape(told, name)) for name in told.variables if _often(name))


def _together(a, b):
    """Whether two variables are read at the same time: of the same axes, and as likely to be wanted."""
    return VARIABLES[a][0] == VARIABLES[b][0] and (a in UNSEEN) == (b in UNSEEN)


class _Values(BackendArray):
    """One variable over all runs, padded."""

    def __init__(self, files, name, lengths):
        self.files, self.name = files, name
        self.shape = tuple(lengths[axis] for axis in ("run", *VARIABLES[name][0]))
        whole = all(
            name in run.variables and all(run.sizes[axis] == lengths[axis] for axis in VARIABLES[name][0])
            for run in files.runs
        )
        kind = "O" if name in TEXTS else "i" if name in INTEGERS and whole else "f"
        self.dtype, self.pad = np.dtype({"O": object, "i": np.int64, "f": np.float64}[kind]), PAD[kind]

    def __getitem__(self, key):
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.OUTER, self._at)

    def _at(self, key):
        chosen = np.arange(self.shape[0])[key[0]]
        block = np.full((chosen.size, *self.shape[1:]), self.pad, self.dtype)
        for k, run in enumerate(chosen.flat):
            array = self.files.array(run, self.name)
            if array is not None:
                block[(k, *map(slice, array.shape))] = array
        for axis in reversed(range(1, len(key))):
            block = block[(slice(None),) * axis + (key[axis],)]
        return block if chosen.ndim else block[0]
