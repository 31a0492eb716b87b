"""HDF5 with datasets X (n, d) and y (n,) at the root."""

import h5py

from pavg.data.formats.checks import check, numeric
from pavg.data.formats.files import damaged
from pavg.errors import InputError

BLOCK = 1 << 20  # numbers of a block


def blocks(files, data, width):
    """Yield (X, y) of HDF5 files; X : numpy.ndarray. `data` and `width` are of no interest here."""
    for file in files:
        if file.path != file.path.removesuffix(".zip") or file.member:
            raise InputError(f"{file}: HDF5 in a .zip; expected the file itself")
        try:
            with h5py.File(file.path, "r", locking=False) as opened:
                yield from _blocks(file, opened)
        except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
            # KeyErrors and RuntimeErrors are what HDF5's own errors become
            if getattr(error, "errno", None):
                raise InputError(f"{file}: cannot be read: {error.strerror}") from None
            raise damaged(file.path, "HDF5") from None


def _blocks(file, opened):
    found = {name: opened.get(name) for name in ("X", "y")}
    for (name, dataset), dimensions in zip(found.items(), (2, 1), strict=True):
        if not isinstance(dataset, h5py.Dataset):
            shown = ", ".join(list(opened)[:8]) or "nothing"
            raise InputError(f"{file}: found {shown} at the root; expected datasets X and y")
        numeric(file, name, dataset.dtype)
        if dataset.shape is None or len(dataset.shape) != dimensions or 0 in dataset.shape:
            raise InputError(
                f"{file}: {name}: found shape {dataset.shape}; expected {dimensions} dimensions, none 0"
            )
    X, y = found["X"], found["y"]
    n, step = len(X), max(1, BLOCK // X.shape[1])
    if y.shape != (n,):
        raise InputError(f"{file}: y has {y.shape[0]} entries; expected {n}, as X has rows")
    for first in range(0, n, step):
        file.position = lambda first=first: file.size * first // n
        yield check(file, first, X[first : first + step], y[first : first + step])
