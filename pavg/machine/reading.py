"""A machine's file: what `pavg bench machine` has measured, fitted anew when it is read."""

from pathlib import Path

import h5py
import numpy as np

from pavg.errors import InputError
from pavg.machine import averaging, steps, stragglers
from pavg.machine.model import Machine

FORMAT, BENCHMARK = "pavg-bench", "machine"
STEP, AVERAGE, SPREAD = "local step", "averaging", "spread"  # kinds of rows
ABOUT = ("cpu", "caches", "cores", "mpi_library", "blas")


def load(path: Path | str) -> Machine:
    """The `Machine` of a file that `pavg bench machine` has written.

    Raises
    ------
    InputError
        For a file that is none, or that cannot be read.
    """
    try:
        with h5py.File(path, "r", locking=False) as file:
            if (file.attrs.get("format"), file.attrs.get("benchmark")) != (FORMAT, BENCHMARK):
                raise InputError(f"{path}: an HDF5 file, but none that 'pavg bench machine' has written")
            columns = {name: data[()] for name, data in file.items() if isinstance(data, h5py.Dataset)}
            about = {name: str(file["env"].attrs[name]) for name in ABOUT}
            about |= {name: str(file.attrs[name]) for name in ("date", "hosts")}
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (OSError, KeyError) as error:
        raise InputError(f"{path}: not a whole machine's file: {error}") from None
    return of(_rows(columns), about)


def _rows(columns):
    """Rows as dictionaries: texts, numbers, and arrays without their padding."""
    size = len(columns["what"])
    columns = {name: values for name, values in columns.items() if len(values) == size and name != "row"}
    return [{name: _value(values[k]) for name, values in columns.items()} for k in range(size)]


def _value(value):
    if isinstance(value, bytes):
        return value.decode()
    return value[np.isfinite(value)] if np.ndim(value) else float(value)


def of(rows, about):
    """The `Machine` fitted to rows of `pavg.bench.machine`, of which rounds are left out."""
    works: dict[str, list] = {}
    for row in rows:
        if row["what"] == STEP:
            works.setdefault(row["work"], []).append(row)
    averages = [row for row in rows if row["what"] == AVERAGE]
    numbers = ("d", "ranks", "time")
    return Machine(
        about,
        tuple(_steps(name, of_work) for name, of_work in works.items()),
        averaging.fitted(*([row[name] for row in averages] for name in numbers), _noise(averages)),
        tuple(stragglers.measured(row["stretches"]) for row in rows if row["what"] == SPREAD),
    )


def _steps(name, rows):
    first = rows[0]
    work = steps.Work(name, first["problem"], first["layout"], first["entries"], int(first["d"]))
    return steps.fitted(work, [row["B"] for row in rows], [row["time"] for row in rows], _noise(rows))


def _noise(rows):
    """Deviation of the logarithm of each row's time: a quarter of its 95 % interval."""
    return [np.log(row["time_high"] / row["time_low"]) / 4 for row in rows]
