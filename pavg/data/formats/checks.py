"""What is checked of numbers that were not text."""

import numpy as np

from pavg.errors import InputError


def numeric(file, name, dtype):
    """InputError unless an array of this type is of numbers that float64 is for."""
    if dtype.kind not in "biuf" or dtype.itemsize > 8:
        raise InputError(
            f"{file}: {name}: found numbers of type {dtype}; expected integers or floats to 64 bits"
        )


def check(file, first, X, y):
    """A block (X, y) as float64. InputError for NaN and infinities; first : number of rows before it."""
    X, y = X.astype(float), y.astype(float)
    if not np.isfinite(y).all():
        raise InputError(f"{file}: y, row {first + _bad(y) + 1}: found no finite number; expected one")
    values = X if isinstance(X, np.ndarray) else X.data
    if not np.isfinite(values).all():
        if values is X:
            row = _bad(X.sum(axis=1))
        else:
            row = int(np.searchsorted(X.indptr, _bad(values), "right")) - 1
        raise InputError(f"{file}: X, row {first + row + 1}: found no finite number; expected finite ones")
    return X, y


def _bad(values):
    return int(np.flatnonzero(~np.isfinite(values))[0])
