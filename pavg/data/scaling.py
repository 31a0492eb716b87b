"""What may be done to the features, once, before they are stored."""

import numpy as np

from pavg.errors import InputError

BLOCK, ELEMENTS = 1 << 16, 1 << 24  # rows and numbers looked at together, at most


def standardize(X, others=()):
    """Bring each column of X to mean 0 and variance 1, in place: (x − mean) / scale.

    A constant column becomes 0 (its scale is 1).

    Parameters
    ----------
    X : numpy.ndarray or h5py.Dataset, float64, shape (n, m)
        The training part: means and scales are its own.
    others : list of the same, shape (·, m)
        Changed in place by the same means and scales.

    Returns
    -------
    means, scales : numpy.ndarray, float64, shape (m,)

    Raises
    ------
    InputError
        A column whose variance over- or underflows.
    """
    largest = np.max([X[rows].max(axis=0) for rows in _blocks(X)], axis=0)
    constant = largest == np.min([X[rows].min(axis=0) for rows in _blocks(X)], axis=0)
    with np.errstate(over="ignore", invalid="ignore"):
        means = sum(X[rows].sum(axis=0) for rows in _blocks(X)) / len(X)
        means[constant] = largest[constant]  # the mean of a constant is not it, in floating point
        scales = np.sqrt(sum(((X[rows] - means) ** 2).sum(axis=0) for rows in _blocks(X)) / len(X))
    scales[constant] = 1.0
    bad = np.flatnonzero(~np.isfinite(scales) | (scales == 0))
    if bad.size:
        raise InputError(f"data.scale = 'standardize': feature {bad[0] + 1} has no variance in float64")
    for array in (X, *others):
        for rows in _blocks(array):
            array[rows] = (array[rows] - means) / scales
    return means, scales


def unit_rows(X):
    """Divide each row by its Euclidean norm, in place; a row without nonzeros stays as it is.

    Parameters
    ----------
    X : scipy.sparse.csr_matrix, float64, shape (n, d)

    Raises
    ------
    InputError
        A row whose squared norm over- or underflows.
    """
    counts = np.diff(X.indptr)
    rows = np.repeat(np.arange(len(counts)), counts)
    with np.errstate(over="ignore", under="ignore"):
        norms = np.sqrt(np.bincount(rows, X.data**2, len(counts)))
    bad = (counts > 0) & ~((norms > 1e-150) & (norms < np.inf))
    if bad.any():
        raise InputError(
            "data.scale = 'unit_rows': a row's values are too large or small for a norm in float64"
        )
    X.data /= np.repeat(norms, counts)


def _blocks(X):
    """Slices of rows, of at most 128 MB."""
    rows = max(1, min(BLOCK, ELEMENTS // X.shape[1]))
    return (slice(first, first + rows) for first in range(0, len(X), rows))
