"""What may be done to the features, once, before they are stored."""

import numpy as np

from pavg.errors import InputError

BLOCK, ELEMENTS = 1 << 16, 1 << 24  # rows and numbers looked at together, at most


def standardize(X, others=(), progress=None):
    """Bring each column of X to mean 0 and variance 1, in place: (x − mean) / scale.

    A constant column becomes 0 (its scale is 1).

    Parameters
    ----------
    X : numpy.ndarray or h5py.Dataset, float64, shape (n, m)
        The training part: means and scales are its own.
    others : list of the same, shape (·, m)
        Changed in place by the same means and scales.
    progress : callable, optional
        Called as ``progress(done, total)``, in rows.

    Returns
    -------
    means, scales : numpy.ndarray, float64, shape (m,)

    Raises
    ------
    InputError
        A column whose variance over- or underflows.
    """
    total, done = 2 * len(X) + sum(map(len, (X, *others))), 0

    def blocks(array):
        nonlocal done
        step = max(1, min(BLOCK, ELEMENTS // array.shape[1]))
        for first in range(0, len(array), step):
            rows = slice(first, first + step)
            block = array[rows]
            yield rows, block
            done += len(block)
            if progress:
                progress(done, total)

    largest, smallest, sums, squares = -np.inf, np.inf, 0, 0
    with np.errstate(over="ignore", invalid="ignore"):
        for _, block in blocks(X):
            largest = np.maximum(largest, block.max(axis=0))
            smallest = np.minimum(smallest, block.min(axis=0))
            sums = sums + block.sum(axis=0)
        # the mean of a constant is not it, in floating point
        constant, means = largest == smallest, np.where(largest == smallest, largest, sums / len(X))
        for _, block in blocks(X):
            squares = squares + ((block - means) ** 2).sum(axis=0)
        scales = np.sqrt(squares / len(X))
    scales[constant] = 1.0
    bad = np.flatnonzero(~np.isfinite(scales) | (scales == 0))
    if bad.size:
        raise InputError(f"data.scale = 'standardize': feature {bad[0] + 1} has no variance in float64")
    for array in (X, *others):
        for rows, block in blocks(array):
            array[rows] = (block - means) / scales
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
