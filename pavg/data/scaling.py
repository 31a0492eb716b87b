"""What may be done to the features, once, before they are stored."""

import numpy as np

from pavg.errors import InputError

BLOCK, ELEMENTS = 1 << 16, 1 << 24  # rows and numbers looked at together, at most


def moments(blocks, progress=None):
    """Mean and deviation of each column, with which (x − mean) / scale has mean 0 and variance 1.

    A constant column becomes 0 by them (its scale is 1).

    Parameters
    ----------
    blocks : callable
        Gives an iterable of the rows, in arrays of float64 of shape (·, m); called twice.
    progress : callable, optional
        Called with the number of rows done, of twice as many as there are.

    Returns
    -------
    means, scales : numpy.ndarray, float64, shape (m,)

    Raises
    ------
    InputError
        A column whose variance over- or underflows.
    """
    done = 0

    def seen():
        nonlocal done
        for block in blocks():
            yield block
            done += len(block)
            if progress:
                progress(done)

    largest, smallest, sums, squares = -np.inf, np.inf, 0, 0
    with np.errstate(over="ignore", invalid="ignore"):
        for block in seen():
            largest = np.maximum(largest, block.max(axis=0))
            smallest = np.minimum(smallest, block.min(axis=0))
            sums = sums + block.sum(axis=0)
        n = done
        # the mean of a constant is not it, in floating point
        constant, means = largest == smallest, np.where(largest == smallest, largest, sums / n)
        for block in seen():
            squares = squares + ((block - means) ** 2).sum(axis=0)
        scales = np.sqrt(squares / n)
    scales[constant] = 1.0
    bad = np.flatnonzero(~np.isfinite(scales) | (scales == 0))
    if bad.size:
        raise InputError(f"data.scale = 'standardize': feature {bad[0] + 1} has no variance in float64")
    return means, scales


def regrouped(blocks):
    """Rows in arrays of a size that hangs on their width alone, so that no sum hangs on how they came.

    Parameters
    ----------
    blocks : iterable of numpy.ndarray, shape (·, m)

    Yields
    ------
    numpy.ndarray, shape (·, m)
        Overwritten by the next one.
    """
    group, filled = None, 0
    for block in blocks:
        if group is None:
            group = np.empty((max(1, min(BLOCK, ELEMENTS // block.shape[1])), block.shape[1]))
        while len(block):
            taken = block[: len(group) - filled]
            group[filled : filled + len(taken)] = taken
            block, filled = block[len(taken) :], filled + len(taken)
            if filled == len(group):
                yield group
                filled = 0
    if filled:
        yield group[:filled]


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
