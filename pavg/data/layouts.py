"""X as the kernels want it: rows padded to whole cache lines of 8 float64, dense or CSR."""

from dataclasses import dataclass

import numpy as np

LINE = 8  # float64 in 64 bytes


@dataclass(frozen=True)
class Dense:
    """Samples with all their features.

    X : float64, shape (n, stride), stride a multiple of 8, columns from n_features on zero;
    y : float64, shape (n,).
    """

    X: np.ndarray
    y: np.ndarray

    @property
    def n(self):
        return len(self.y)


@dataclass(frozen=True)
class CSR:
    """Samples with their nonzero features only.

    values : float64, columns : uint32, both shape (m,); indptr : int64, shape (n + 1,), all
    multiples of 8. Each row is filled up with value 0 at the dummy column n_features, so a
    model needs n_features + 1 elements. y : float64, shape (n,).
    """

    values: np.ndarray
    columns: np.ndarray
    indptr: np.ndarray
    y: np.ndarray

    @property
    def n(self):
        return len(self.y)


def dense(X, y):
    """`Dense` from a scipy.sparse.csr_matrix, shape (n, d)."""
    n, d = X.shape
    wide = type(X)((X.data, X.indices, X.indptr), (n, _lines(d)))  # no copy
    return Dense(wide.toarray(), y)


def csr(X, y):
    """`CSR` from a scipy.sparse.csr_matrix, shape (n, d)."""
    counts = np.diff(X.indptr)
    indptr = np.concatenate(([0], np.cumsum(_lines(counts), dtype=np.int64)))
    places = np.arange(X.nnz) + np.repeat(indptr[:-1] - X.indptr[:-1], counts)
    values = np.zeros(indptr[-1])
    values[places] = X.data
    columns = np.full(indptr[-1], X.shape[1], np.uint32)
    columns[places] = X.indices
    return CSR(values, columns, indptr, y)


def dense_shapes(counts, d):
    """array → (shape, dtype) of `Dense` for rows given by blocks of their numbers of nonzeros."""
    n = sum(len(block) for block in counts)
    return {"X": ((n, _lines(d)), np.float64), "y": ((n,), np.float64)}


def csr_shapes(counts, d):
    """array → (shape, dtype) of `CSR`, as `dense_shapes`."""
    n = m = 0
    for block in counts:
        n, m = n + len(block), m + int(_lines(block).sum())
    return {
        "values": ((m,), np.float64),
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


def _lines(count):
    """The next multiple of 8."""
    return -(-count // LINE) * LINE
