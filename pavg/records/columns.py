"""Parameters of many runs as columns, one array over runs each; and what fills a place where nothing is."""

import os

import numpy as np

from pavg.records.layout import VARIABLES

PAD = {"i": -1, "f": np.nan, "O": ""}  # in files; by kind of dtype


def parameters(path, attributes, machine):
    """What is known of a run besides its curves, as one dictionary: name → number or text."""
    place = os.fsencode(path).decode(errors="backslashreplace")
    kept = {name: value for name, value in attributes.items() if name not in ("format", "format_version")}
    return {"file": place} | kept | machine


def columns(rows):
    """name → (array over runs, whether some of it is padding) of the parameters of many runs.

    rows : a dictionary a run. A parameter that is called as a variable is becomes ``parameter_…``.
    """
    names = dict.fromkeys(name for row in rows for name in row)
    return {
        f"parameter_{name}" if name in VARIABLES else name: _column([row.get(name) for row in rows])
        for name in names
    }


def _column(values):
    """The array of one parameter; None where a run has none.

    Numbers where all values are numbers or nothing ("" stands for None in a run's file), else texts.
    """
    told = [value for value in values if value is not None and value != ""]
    padded = len(told) < len(values)
    if not told or any(isinstance(value, str) for value in told):
        return np.array(["" if value is None else str(value) for value in values], object), False
    whole = all(isinstance(value, int) for value in told) and not (padded and -1 in told)
    dtype = np.dtype(np.int64 if whole else np.float64)
    pad = PAD[dtype.kind]
    return np.array([pad if value is None or value == "" else value for value in values], dtype), padded
