"""Samples in the formats that people have them in, read as blocks of rows."""

import os
from importlib import import_module

import numpy as np

from pavg.data.formats import idx, text
from pavg.data.formats.files import find, paths, status, stem
from pavg.errors import InputError

__all__ = ["blocks", "sources", "stem"]

# a format is a module of this room, with `blocks`
SUFFIXES = {
    ".csv": "csv",
    ".tsv": "csv",
    ".bin": "cifar10",
    ".npz": "npz",
    ".h5": "hdf5",
    ".hdf5": "hdf5",
    ".svm": "libsvm",
    ".libsvm": "libsvm",
}
BEGINNINGS = {b"\x89HDF": "hdf5", b"PK\x03\x04": "npz", b"\0\0\x08": "idx"}


def blocks(data, path, member, width=None, progress=None):
    """Yield (X, y) of the files of one part of a set.

    Parameters
    ----------
    data : pavg.spec.Data
        Its format ("auto": by name, else by content) and the options of that.
    path, member : str
        Which files: see `pavg.data.formats.files.find`.
    width : int, optional
        For a test part, the number of features of its training part.
    progress : callable, optional
        Called as ``progress("reading", done, total)``, in bytes.

    Returns
    -------
    X : scipy.sparse.csr_matrix or numpy.ndarray, float64, shape (rows, d)
        A few MB; d may differ from block to block of CSR.
    y : numpy.ndarray, float64, shape (rows,)

    Raises
    ------
    InputError
        Files that are missing, damaged, or not of the format; it names file and line, row or byte.
    """
    files = find(path, member)
    reader = import_module(f"{__name__}.{_guess(files[0]) if data.format == 'auto' else data.format}")
    total = sum(file.size for file in files)
    n = nnz = 0
    for X, y in reader.blocks(files, data, width):
        n, nnz = n + len(y), nnz + np.count_nonzero(X if isinstance(X, np.ndarray) else X.data)
        if isinstance(X, np.ndarray):
            if width not in (None, X.shape[1]):
                raise InputError(
                    f"{path}: found rows of {X.shape[1]} features; expected {width}, as elsewhere in the set"
                )
            width = X.shape[1]
        elif width is not None and X.shape[1] > width:
            raise InputError(f"{path}: found rows of {X.shape[1]} features; expected at most {width}")
        if progress:
            progress("reading", min(sum(file.position() for file in files), total), total)
        yield X, y
    if nnz == 0:
        raise InputError(f"{path}: found {n} samples and no nonzero feature; expected data")


def sources(data, path):
    """Name → `os.stat_result` of all files that are read for a path, sorted: idx labels too.

    InputError for one that is missing, empty or no file.
    """
    names = paths(path)
    if data.format == "idx" or (data.format == "auto" and "-ubyte" in stem(names[0])):
        names = sorted({*names, *map(idx.beside, names)})
    return {name: status(name) for name in names}


def _guess(file):
    """The format of a file: by its name, its first bytes, or its first line."""
    suffix = os.path.splitext(file.name)[1].lower()
    if suffix in SUFFIXES:
        return SUFFIXES[suffix]
    if "-ubyte" in file.name:
        return "idx"
    with file.open() as opened:
        beginning = opened.read(4)
    for magic, name in BEGINNINGS.items():
        if beginning.startswith(magic):
            return name
    _, line = text.first_line(file)
    several = len(line.split()) > 1 or b"," in line or b";" in line
    return "csv" if several and not set(b":#<") & set(line) else "libsvm"
