"""Numbers between commas, tabs, semicolons or blanks; one column is the target.

NumPy's `loadtxt` does the work; a piece that it refuses is looked at line by line.
"""

import io

import numpy as np

from pavg.data.formats import text
from pavg.errors import InputError

DELIMITERS = ("\t", ",", ";", " ")  # a blank stands for any number of blanks and tabs


def blocks(files, data, width):
    """Yield (X, y) of CSV files; X : numpy.ndarray, without the target's column.

    Parameters
    ----------
    files : list of pavg.data.formats.files.File
        With as many columns in one as in the other; each may have a header.
    data : pavg.spec.Data
        Its `target`, `header` and `delimiter`.
    width : int or None
        The number of features, if it is known already.
    """
    for file in files:
        empty, line = text.first_line(file)
        if not line:
            raise InputError(f"{file}: found empty lines only; expected numbers")
        delimiter = data.delimiter if data.delimiter != "auto" else _delimiter(line)
        fields = _split(line, delimiter)
        if width is not None and len(fields) != width + 1:
            raise InputError(
                f"{file}, line {empty + 1}: found {len(fields)} fields; "
                f"expected {width} features and a target"
            )
        width = len(fields) - 1
        header = _is_header(fields, data.header)
        target = _column(file, fields, data.target, header)
        skip = empty + 1 if header else 0
        yield from text.blocks(file, parse, delimiter, len(fields), target, skip=skip)


def parse(name, line, piece, delimiter, columns, target):
    """(X, y) of a piece of text that begins with a line of this number."""
    piece = piece.replace(b"\r\n", b"\n")
    lines = piece.decode("latin1")

    def fault(text):
        return _fault(text, delimiter, columns)

    if not lines.strip("\n"):
        return np.empty((0, columns - 1)), np.empty(0)
    try:
        if "\r" in lines or "_" in lines:
            raise ValueError("a strange character")
        table = np.loadtxt(
            io.StringIO(lines), comments=None, delimiter=None if delimiter == " " else delimiter, ndmin=2
        )
    except (ValueError, OverflowError) as error:
        text.explain(name, line, piece, fault)
        raise InputError(f"{name}: not a table of numbers: {error}") from None
    if table.shape[1] != columns or not np.isfinite(table).all():
        text.explain(name, line, piece, fault)
    return np.delete(table, target, axis=1), table[:, target]


def _fault(line, delimiter, columns):
    """What is wrong with one line, as a sentence; None if nothing is."""
    line = line.removesuffix(b"\r")
    if not line:
        return None
    fields = _split(line, delimiter)
    if len(fields) != columns:
        return f"found {len(fields)} fields; expected {columns}, as in the first line"
    for number, field in enumerate(fields, 1):
        if not text.finite(field):
            return f"found {text.shown(field)} in column {number}; expected a finite number"
    return None


def _split(line, delimiter):
    line = line.strip(b"\r\n")
    fields = line.split() if delimiter == " " else line.split(delimiter.encode())
    return [field.strip() for field in fields]


def _delimiter(line):
    return next((mark for mark in DELIMITERS if mark.encode() in line.strip()), " ")


def _is_header(fields, header):
    """Whether the first line holds names: by itself, if none of its fields is a number."""
    return header == "yes" if header != "auto" else not any(text.finite(field) for field in fields)


def _column(file, fields, target, header):
    """The target's place among the fields, from 0."""
    names = [field.strip(b"\"'").decode(errors="replace") for field in fields] if header else []
    if target is None:
        raise InputError(
            f"{file}: data.target is missing; expected the target's column of {len(fields)}: "
            "1 for the first, -1 for the last, or its name"
        )
    if isinstance(target, str):
        if names.count(target) != 1:
            shown = ", ".join(names[:10]) + (" …" if len(names) > 10 else "") or "no header"
            raise InputError(f"{file}: found {shown}; expected one column named data.target = {target!r}")
        return names.index(target)
    if not 1 <= abs(target) <= len(fields) or len(fields) < 2:
        raise InputError(f"{file}: found {len(fields)} columns; expected one that is data.target = {target}")
    return target - 1 if target > 0 else len(fields) + target
