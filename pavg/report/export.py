"""Rows as CSV, JSON or Parquet: every column, or those chosen. What a run does not have is empty or null."""

import csv
import json
import math

from pavg.errors import InputError


def write_csv(rows, names, stream):
    """CSV with a line of names. A number that is none is nan, an infinite one inf."""
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([row.get(name) for name in names] for row in rows)


def write_json(rows, names, stream):
    """A list with an object a run. JSON has neither NaN nor infinity: both are null."""
    told = [{name: _finite(row.get(name)) for name in names} for row in rows]
    json.dump(told, stream, indent=1, ensure_ascii=False, allow_nan=False)
    stream.write("\n")


def write_parquet(rows, names, path):
    """A Parquet file: a column is of integers, of floats, or, if one of its values is a text, of texts."""
    import pandas
    import pyarrow  # noqa: F401

    table = pandas.DataFrame({name: _typed([row.get(name) for row in rows]) for name in names})
    try:
        table.to_parquet(path, index=False)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from None


def _typed(values):
    import pandas

    told = [value for value in values if value is not None]
    if any(isinstance(value, str) for value in told):
        return pandas.array([None if value is None else str(value) for value in values], "string")
    whole = all(isinstance(value, int) for value in told)
    return pandas.array(values, "Int64" if whole else "Float64")


def _finite(value):
    return None if isinstance(value, float) and not math.isfinite(value) else value
