"""A record becomes a file: written to a temporary name, then renamed."""

import io
import json
import tempfile
from datetime import UTC, datetime

import h5py
import numpy as np

from pavg import files
from pavg.errors import InputError
from pavg.records.layout import FORMAT, FORMAT_VERSION, TEXTS, VARIABLES

TEXT = h5py.string_dtype()


def write(path, record, attributes, environment):
    """Write a record whole: `path` is the complete file afterwards, or as it was before.

    attributes : name → scalar, at the root; environment : name → text, of the group env.
    InputError where the folder cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        files.replace(path, _bytes(record, attributes, environment))
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from None


def check_writable(folder):
    """InputError unless files can be made in a folder, or in the nearest one above it that exists."""
    there = next(parent for parent in (folder, *folder.parents) if parent.exists())
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        raise InputError(f"{folder}: results cannot be written there: {error.strerror}") from None


def _bytes(record, attributes, environment):
    """The whole file, made in memory: HDF5 itself does not survive a full disk.

    By h5py's low-level calls: a sweep writes thousands of these, and the others take 1.6 times as long.
    """
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        _fill(file.id, record, attributes, environment)
    return buffer.getvalue()


def _fill(file, record, attributes, environment):
    head = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "status": record.status,
        "reason": record.reason,
        "date": datetime.now(UTC).isoformat(timespec="milliseconds"),  # tells in which order runs were made
    }
    _describe(file, head | attributes)
    whole = record.course | ({} if record.w is None else {"w": record.w})
    variables = record.arrays() | record.ranks | whole
    lengths = {"evaluation": len(record.rows), "rank": len(record.ranks["host"])}
    for name in variables.keys() & {*whole, "learner_steps"}:
        lengths |= zip(VARIABLES[name][0], np.shape(variables[name]), strict=True)
    scales = {name: _dataset(file, name, np.arange(length)) for name, length in lengths.items()}
    for name, scale in scales.items():
        h5py.h5ds.set_scale(scale, name.encode())
    for name, values in variables.items():
        dimensions, units, long_name = VARIABLES[name]
        made = _dataset(file, name, np.array(values, TEXT if name in TEXTS else None))
        _describe(made, {"long_name": long_name} | ({} if name in TEXTS else {"units": units}))
        for axis, dimension in enumerate(dimensions):
            h5py.h5ds.attach_scale(made, scales[dimension], axis)
    _describe(h5py.h5g.create(file, b"env"), environment)


def _dataset(file, name, values):
    """A dataset of the values, with their shape."""
    space = h5py.h5s.create_simple(values.shape)
    made = h5py.h5d.create(file, name.encode(), h5py.h5t.py_create(values.dtype, logical=True), space)
    if values.size:
        made.write(h5py.h5s.ALL, h5py.h5s.ALL, values)
    return made


def _describe(owner, attributes):
    """Scalar attributes of a file, a group or a dataset."""
    space = h5py.h5s.create(h5py.h5s.SCALAR)
    for name, value in attributes.items():
        value = scalar(value)
        value = np.array(value, TEXT if isinstance(value, str) else None)
        kind = h5py.h5t.py_create(value.dtype, logical=True)
        h5py.h5a.create(owner, name.encode("utf-8", "backslashreplace"), kind, space).write(value)


def scalar(value):
    """What HDF5 and netCDF readers all understand: no bool, no None, nested things as JSON."""
    if isinstance(value, bool):
        return np.int8(value)
    if value is None:
        return ""
    if isinstance(value, dict | list | tuple):
        return json.dumps(value)
    if isinstance(value, str):  # a byte of the environment that is no text must not cost the run
        return value.encode("utf-8", "backslashreplace").decode()
    return value
