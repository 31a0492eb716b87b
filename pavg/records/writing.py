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


def flat(settings, prefix=""):
    """Nested settings as scalars: stop_steps …; a component's name stands under its key; K by itself."""
    found = {}
    for key, value in settings.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            if "name" in value and value["name"] == "constant":
                found[name] = value["value"]
                continue
            found |= {name: value["name"]} if "name" in value else {}
            found |= flat({k: v for k, v in value.items() if k != "name"}, f"{name}_")
        else:
            found[name] = value
    if "method_K" in found:
        found["K"] = found.pop("method_K")
    return found


def _bytes(record, attributes, environment):
    """The whole file, made in memory: HDF5 itself does not survive a full disk."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        _fill(file, record, attributes, environment)
    return buffer.getvalue()


def _fill(file, record, attributes, environment):
    head = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "status": record.status,
        "reason": record.reason,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    for name, value in (head | attributes).items():
        file.attrs[name] = _scalar(value)
    variables = record.arrays() | record.ranks | ({} if record.w is None else {"w": record.w})
    lengths = {"evaluation": len(record.rows), "rank": len(record.ranks["host"])}
    lengths |= {} if record.w is None else {"feature": record.w.size}
    for name, length in lengths.items():
        file[name] = np.arange(length)
        file[name].make_scale(name)
    for name, values in variables.items():
        dimensions, units, long_name = VARIABLES[name]
        if name in TEXTS:
            file.create_dataset(name, data=values, dtype=h5py.string_dtype())
        else:
            file[name] = values
            file[name].attrs["units"] = units
        file[name].attrs["long_name"] = long_name
        for axis, dimension in enumerate(dimensions):
            file[name].dims[axis].attach_scale(file[dimension])
    group = file.create_group("env")
    for name, value in environment.items():
        group.attrs[name] = _scalar(value)


def _scalar(value):
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
