"""What may be done to the features, once, before they are stored."""

import numpy as np

from pavg.errors import InputError

BLOCK = 1 << 16  # rows looked at together: no second copy of X


def standardize(X, others=()):
    """Bring each column of X to mean 0 and variance 1, in place: (x − mean) / scale.

    A constant column becomes 0 (its scale is 1).

    Parameters
    ----------
    X : numpy.ndarray, float64, shape (n, m)
        The training part: means and scales are its own.
    others : list of numpy.ndarray, float64, shape (·, m)
        Changed in place by the same means and scales.

    Returns
    -------
    means, scales : numpy.ndarray, float64, shape (m,)

    Raises
    ------
    InputError
        A column whose variance over- or underflows.
    """
    constant = X.max(axis=0) == X.min(axis=0)
    with np.errstate(over="ignore", invalid="ignore"):
        means = sum(block.sum(axis=0) for block in _blocks(X)) / len(X)
        means[constant] = X[0, constant]  # the mean of a constant is not it, in floating point
        scales = np.sqrt(sum(((block - means) ** 2).sum(axis=0) for block in _blocks(X)) / len(X))
    scales[constant] = 1.0
    bad = np.flatnonzero(~np.isfinite(scales) | (scales == 0))
    if bad.size:
        raise InputError(f"data.scale = 'standardize': feature {bad[0] + 1} has no variance in float64")
    for array in (X, *others):
        for block in _blocks(array):
            block -= means
            block /= scales
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
    return (X[first : first + BLOCK] for first in range(0, len(X), BLOCK))
