"""NumPy's .npz with X and y, or SciPy's with a CSR matrix and y; read as streams, never whole."""

import zipfile
from contextlib import ExitStack, contextmanager

import numpy as np
from numpy.lib import format as npy
from scipy.sparse import csr_matrix

from pavg.data.formats.checks import check, numeric
from pavg.data.formats.files import LARGEST, damaged
from pavg.errors import InputError

BLOCK = 1 << 20  # numbers of a block
ROWS = 1 << 14


def blocks(files, data, width):
    """Yield (X, y) of .npz files; X : numpy.ndarray or scipy.sparse.csr_matrix.

    A file has arrays X (n, d) and y (n,); or data, indices, indptr and shape, as `scipy.sparse.save_npz`
    writes them, and y. `data` and `width` are of no interest here.
    """
    for file in files:
        with file.open() as opened:
            if opened.read(4) != b"PK\x03\x04":  # zipfile would look for it further on
                raise damaged(file.path, ".npz")
            with zipfile.ZipFile(opened) as archive:
                yield from _blocks(file, archive)


def _blocks(file, archive):
    names = {name.removesuffix(".npy") for name in archive.namelist()}
    sparse = {"data", "indices", "indptr", "shape"} <= names
    if "y" not in names or not (sparse or "X" in names):
        shown = ", ".join(sorted(names)[:8]) or "no arrays"
        raise InputError(f"{file}: found {shown}; expected X and y, or data, indices, indptr, shape and y")
    with ExitStack() as stack:

        def opened(name, dimensions):
            return stack.enter_context(_opened(file, archive, name, dimensions))

        yield from _sparse(file, opened) if sparse else _dense(file, opened)


def _dense(file, opened):
    X, y = opened("X", 2), opened("y", 1)
    n, d = X.shape
    _check_shape(file, X.shape, y)
    step = max(1, BLOCK // d)
    for first in range(0, n, step):
        rows = min(step, n - first)
        yield check(file, first, X.take(rows), y.take(rows))
    X.ends(), y.ends()


def _sparse(file, opened):
    shape = opened("shape", 1)
    if shape.shape != (2,):
        raise InputError(f"{file}: shape: found {shape.shape[0]} numbers; expected two")
    n, d = (int(size) for size in shape.take(2))
    values, columns, indptr, y = opened("data", 1), opened("indices", 1), opened("indptr", 1), opened("y", 1)
    _check_shape(file, (n, d), y)
    if indptr.shape != (n + 1,) or columns.shape != values.shape:
        raise InputError(
            f"{file}: indptr, indices and data do not fit shape ({n}, {d}); expected a CSR matrix"
        )
    starts = indptr.take(1).astype(np.int64)
    if starts[0] != 0:
        raise InputError(f"{file}: indptr begins with {starts[0]}; expected 0")
    first = 0
    while first < n:
        starts = np.append(starts[-1:], indptr.take(min(ROWS, n - first)).astype(np.int64))
        if (np.diff(starts) < 0).any() or starts[-1] > values.shape[0]:
            raise InputError(f"{file}: indptr is not ascending to {values.shape[0]}; expected a CSR matrix")
        begin = 0
        while begin < len(starts) - 1:
            end = max(begin + 1, np.searchsorted(starts, starts[begin] + BLOCK, "right") - 1)
            X = _rows(file, first + begin, starts[begin : end + 1], values, columns, d)
            yield check(file, first + begin, X, y.take(end - begin))
            begin = end
        first += len(starts) - 1
    if starts[-1] != values.shape[0]:
        raise InputError(
            f"{file}: indptr ends with {starts[-1]}; expected {values.shape[0]}, as there are data"
        )
    for array in (shape, values, columns, indptr, y):
        array.ends()


def _rows(file, first, starts, values, columns, d):
    """Rows from number `first` on, as a CSR matrix with ascending columns."""
    count = int(starts[-1] - starts[0])
    indices = columns.take(count)
    if columns.dtype.kind not in "iu" or (count and not 0 <= indices.min() <= indices.max() < d):
        raise InputError(f"{file}: indices from row {first + 1} on: expected whole numbers from 0 to {d - 1}")
    X = csr_matrix(
        (values.take(count).astype(float), indices.astype(np.int64), starts - starts[0]), (len(starts) - 1, d)
    )
    X.sort_indices()
    if not X.has_canonical_format:
        raise InputError(
            f"{file}: indices from row {first + 1} on: found a column twice in a row; expected once"
        )
    X.eliminate_zeros()
    return X


def _check_shape(file, shape, y):
    n, d = shape
    if n < 1 or not 1 <= d < 2**31 or d * 8 > LARGEST * 2**8:
        raise InputError(f"{file}: found shape {shape}; expected at least one row and one feature")
    if y.shape != (n,):
        raise InputError(f"{file}: y has {y.shape[0]} entries; expected {n}, as X has rows")


class _Array:
    """One array of an archive, read from its beginning to its end."""

    def __init__(self, file, name, stream, dimensions):
        self.file, self.name, self._stream = file, name, stream
        try:
            read = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
            self.shape, fortran, self.dtype = read[npy.read_magic(stream)](stream)
        except (EOFError, OSError, zipfile.BadZipFile):
            raise
        except Exception as error:  # NumPy raises of all kinds
            raise InputError(f"{file}: {name}: not a .npy array: {str(error)[:100]}") from None
        if len(self.shape) != dimensions or min(self.shape) < 0:
            raise InputError(f"{file}: {name}: found shape {self.shape}; expected {dimensions} dimensions")
        numeric(file, name, self.dtype)
        if fortran and dimensions > 1:
            raise InputError(
                f"{file}: {name}: found Fortran order; expected rows one after the other (C order)"
            )

    def take(self, rows):
        """The next rows."""
        count = rows * int(np.prod(self.shape[1:], dtype=np.int64))
        data = self.file.exactly(self._stream, count * self.dtype.itemsize, f"array {self.name}")
        return np.frombuffer(data, self.dtype).reshape(rows, *self.shape[1:])

    def ends(self):
        self.file.ends(self._stream, f"array {self.name}")


@contextmanager
def _opened(file, archive, name, dimensions):
    with archive.open(f"{name}.npy") as stream:
        yield _Array(file, name, stream, dimensions)
