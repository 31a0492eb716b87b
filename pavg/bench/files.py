"""A benchmark's rows as an HDF5 file: `format = "pavg-bench"`, one axis of rows, provenance as everywhere."""

import io
from datetime import UTC, datetime

import h5py
import numpy as np

from pavg import files
from pavg.errors import InputError
from pavg.records.names import BENCH
from pavg.records.provenance import environment, software
from pavg.records.writing import scalar

FORMAT, VERSION = "pavg-bench", 1


def write(folder, name, facts, columns, rows):
    """Write rows into FOLDER/NAME-RANKS-TIME.bench.h5 and return its path.

    facts : attributes of the root, `ranks` among them; columns : name → `pavg.bench.base.Column`.
    InputError where it cannot be written.
    """
    now = datetime.now(UTC)
    path = folder / f"{name}-R{facts['ranks']}-{now:%Y%m%dT%H%M%S}{BENCH}"
    head = {"format": FORMAT, "format_version": VERSION, "benchmark": name}
    head |= {"date": now.isoformat(timespec="seconds")} | facts | software()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        files.replace(path, _bytes(head, columns, rows))
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from None
    return path


def _bytes(head, columns, rows):
    columns = {name: column for name, column in columns.items() if any(name in row for row in rows)}
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file.attrs.update({key: scalar(value) for key, value in head.items()})
        scales = {axis: _scale(file, axis, length) for axis, length in _lengths(columns, rows).items()}
        for name, column in columns.items():
            axes = [scales[axis] for axis in ("row", *column.axes)]
            values = [row.get(name) for row in rows]
            made = _variable(file, name, column, values, [len(axis) for axis in axes])
            made.attrs["long_name"] = column.long_name
            for k, axis in enumerate(axes):
                made.dims[k].attach_scale(axis)
        file.create_group("env").attrs.update({key: scalar(value) for key, value in environment().items()})
    return buffer.getvalue()


def _lengths(columns, rows):
    """axis → its length: that of the longest array along it."""
    found = {"row": len(rows)}
    for name, column in columns.items():
        shapes = [np.shape(row[name]) for row in rows if name in row]
        for k, axis in enumerate(column.axes):
            found[axis] = max([found.get(axis, 0), *(shape[k] for shape in shapes)])
    return found


def _variable(file, name, column, values, shape):
    """One column: texts, or float64 padded with NaN where rows have none or shorter arrays."""
    if column.unit == "":
        return file.create_dataset(name, data=[value or "" for value in values], dtype=h5py.string_dtype())
    whole = np.full(shape, np.nan)
    for k, value in enumerate(values):
        if value is not None:
            whole[(k, *map(slice, np.shape(value)))] = value
    made = file.create_dataset(name, data=whole)
    made.attrs["units"] = column.unit
    return made


def _scale(file, name, length):
    made = file.create_dataset(name, data=np.arange(length))
    made.make_scale(name)
    return made
