"""The data sets that come with scikit-learn: there on every machine, without a download."""

from importlib.metadata import version

from pavg.errors import InputError
from pavg.registry import suggestion

# name → description, for `pavg list datasets`; scikit-learn's loader is load_<name>
BUNDLED = {
    "breast_cancer": "569 × 30, two classes (0 malignant, 1 benign): cell nuclei, badly scaled",
    "diabetes": "442 × 10, least squares: progress of the disease after a year, columns of norm 1",
    "digits": "1797 × 64, ten classes (0 to 9): 8×8 images of digits, values 0 to 16",
}


def load(name):
    """Load a bundled set.

    Returns
    -------
    X : scipy.sparse.csr_matrix, float64, shape (n, d)
    y : numpy.ndarray, float64, shape (n,)

    Raises
    ------
    InputError
        A name that is not in `BUNDLED`.
    """
    if name not in BUNDLED:
        raise InputError(f"data.name = {name!r}: not a bundled data set{suggestion(name, BUNDLED)}")
    import sklearn.datasets
    from scipy.sparse import csr_matrix

    X, y = getattr(sklearn.datasets, f"load_{name}")(return_X_y=True)
    return csr_matrix(X, dtype=float), y.astype(float)


def source():
    """Where the bundled sets come from, with the version: another one may bring other numbers."""
    return f"scikit-learn {version('scikit-learn')}"
