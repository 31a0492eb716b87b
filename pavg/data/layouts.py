"""X as the kernels want it: float64 or float32, dense or CSR, rows padded to whole cache lines."""

from dataclasses import dataclass

import numpy as np

from pavg.errors import InputError

LINE = 64  # bytes
GROUP = 8  # nonzeros of a row of CSR: 64 bytes of float64, 32 of float32 and of columns


@dataclass(frozen=True)
class Dense:
    """Samples with all their features.

    X : float64 or float32, shape (n, stride), rows of whole 64 bytes, columns from n_features on
    zero; y : float64, shape (n,).
    """

    X: np.ndarray
    y: np.ndarray

    @property
    def n(self):
        return len(self.y)

    @property
    def dtype(self):
        return self.X.dtype


@dataclass(frozen=True)
class CSR:
    """Samples with their nonzero features only.

    values : float64 or float32, columns : uint32, both shape (m,); indptr : int64, shape (n + 1,),
    all multiples of 8. Each row is filled up with value 0 at the dummy column n_features, so a
    model needs n_features + 1 elements. y : float64, shape (n,).
    """

    values: np.ndarray
    columns: np.ndarray
    indptr: np.ndarray
    y: np.ndarray

    @property
    def n(self):
        return len(self.y)

    @property
    def dtype(self):
        return self.values.dtype


def dense(X, y, dtype=np.float64):
    """`Dense` from a scipy.sparse.csr_matrix or a numpy.ndarray, shape (n, d). InputError as `rounded`."""
    n, d = X.shape
    shape = n, _stride(d, dtype)
    if isinstance(X, np.ndarray):
        wide = np.zeros(shape, dtype)
        wide[:, :d] = rounded(X, dtype)
        return Dense(wide, y)
    wide = type(X)((rounded(X.data, dtype), X.indices, X.indptr), shape)  # float64: no copy
    return Dense(wide.toarray(), y)


def csr(X, y, dtype=np.float64):
    """`CSR` from a scipy.sparse.csr_matrix, shape (n, d). InputError as `rounded`."""
    counts = np.diff(X.indptr)
    indptr = np.concatenate(([0], np.cumsum(_groups(counts), dtype=np.int64)))
    places = np.arange(X.nnz) + np.repeat(indptr[:-1] - X.indptr[:-1], counts)
    values = np.zeros(indptr[-1], dtype)
    values[places] = rounded(X.data, dtype)
    columns = np.full(indptr[-1], X.shape[1], np.uint32)
    columns[places] = X.indices
    return CSR(values, columns, indptr, y)


def rounded(values, dtype):
    """Finite values in a dtype; float64 is not copied. InputError for one that is too large for it."""
    with np.errstate(over="ignore"):
        made = values.astype(dtype, copy=False)
    if made is not values and np.isinf(made).any():
        largest = np.abs(values).max()
        raise InputError(
            f"data.dtype = '{np.dtype(dtype)}': found a value of size {largest:g}; "
            f"expected at most {np.finfo(dtype).max:g}"
        )
    return made


def dense_shapes(counts, d, dtype=np.float64):
    """array → (shape, dtype) of `Dense` for rows given by blocks of their numbers of nonzeros."""
    n = sum(len(block) for block in counts)
    return {"X": ((n, _stride(d, dtype)), dtype), "y": ((n,), np.float64)}


def csr_shapes(counts, d, dtype=np.float64):
    """array → (shape, dtype) of `CSR`, as `dense_shapes`."""
    n = m = 0
    for block in counts:
        n, m = n + len(block), m + int(_groups(block).sum())
    return {
        "values": ((m,), dtype),
        "columns": ((m,), np.uint32),
        "indptr": ((n + 1,), np.int64),
        "y": ((n,), np.float64),
    }


def put(whole, block, first, offset):
    """Write a block's arrays into larger ones (HDF5 datasets), from row `first` on.

    offset : elements of CSR before that row. Returns the offset of the next block.
    """
    last = first + block.n
    whole.y[first:last] = block.y
    if isinstance(block, Dense):
        whole.X[first:last] = block.X
        return 0
    end = offset + len(block.values)
    if end > offset:
        whole.values[offset:end] = block.values
        whole.columns[offset:end] = block.columns
    whole.indptr[first : last + 1] = block.indptr + offset
    return end


def _stride(d, dtype):
    """Numbers of a dense row: d, up to a multiple of 64 bytes."""
    line = LINE // np.dtype(dtype).itemsize
    return -(-d // line) * line


def _groups(counts):
    """The next multiples of 8."""
    return -(-counts // GROUP) * GROUP
