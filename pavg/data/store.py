"""The store: samples in one HDF5 file that all ranks of a node map into memory.

::

    / attributes        format="pavg-store" format_version name n_features layout nnz scale test split_seed
                        checksum source source_sha256 test_source test_source_sha256 date software command
    train/  test/       dense: X y        CSR: values columns indptr y        (`pavg.data.layouts`)
    means scales        (feature), where the columns were standardised

The arrays lie in the file as in memory: whole, uncompressed, starting at multiples of 64 bytes.
"""

import contextlib
import hashlib
import mmap
import os
from dataclasses import dataclass, fields
from pathlib import Path

import h5py
import numpy as np

from pavg.data.layouts import CSR, Dense
from pavg.errors import InputError

FORMAT, VERSION = "pavg-store", 1
LAYOUTS = {"dense": Dense, "csr": CSR}
ALIGNMENT = 64
LARGE = 1 << 24  # bytes of a file beyond which the places of its small pages fit in no cache
PIECE = 1 << 22  # numbers read at once


@dataclass(frozen=True)
class Store:
    """A store, opened: its arrays are read-only maps of the file.

    n_features : d, without padding; train, test : `Dense` or `CSR` as layout says (test is None
    where there is none); checksum : of the contents alone; attrs : all attributes of the file.
    """

    path: Path
    name: str
    n_features: int
    train: Dense | CSR
    test: Dense | CSR | None
    checksum: str
    layout: str
    attrs: dict

    @property
    def dtype(self):
        """That of X: "float64" or "float32". Everything else is float64."""
        return self.train.dtype.name


def open_store(path: Path) -> Store:
    """Open a store, mapping its arrays into memory: one copy a node, whoever opens it.

    Raises
    ------
    InputError
        A file that is missing, cut short, no store, or of another format's version.
    """
    path = Path(path)
    try:
        # locks are for those who share a file with a writer, and not all file systems have them
        with h5py.File(path, "r", locking=False) as file:
            attrs = {key: getattr(value, "item", lambda v=value: v)() for key, value in file.attrs.items()}
            if attrs.get("format") != FORMAT:
                raise InputError(f"{path}: an HDF5 file, but not a store; expected format = {FORMAT!r}")
            if attrs["format_version"] != VERSION:
                found = attrs["format_version"]
                raise InputError(
                    f"{path}: a store of format version {found}; expected {VERSION}: convert it anew"
                )
            layout, memory = LAYOUTS[attrs["layout"]], mapping(path)
            names = [field.name for field in fields(layout)]
            parts = {
                part: layout(*(_mapped(path, memory, file[f"{part}/{key}"]) for key in names))
                for part in ("train", "test")
                if part in file
            }
            return Store(
                path,
                attrs["name"],
                attrs["n_features"],
                parts["train"],
                parts.get("test"),
                attrs["checksum"],
                attrs["layout"],
                attrs,
            )
    except OSError as error:
        if error.errno:
            raise InputError(
                f"{path}: cannot be opened: {os.strerror(error.errno)}; expected a store"
            ) from None
        found = "cut short" if "truncated" in str(error) else "not an HDF5 file"
        raise InputError(f"{path}: {found}; expected a store: delete it, and it is made anew") from None
    except KeyError as error:
        raise InputError(
            f"{path}: not a whole store: {error.args[0]}; delete it, and it is made anew"
        ) from None


def checksum(n_features, parts, progress=None):
    """SHA-256 over the layout, the names, types and shapes of all arrays, and what is in them.

    Parameters
    ----------
    n_features : int
    parts : dict
        "train", and "test" if there is one, to `Dense` or `CSR`, of arrays or HDF5 datasets.
    progress : callable, optional
        Called as ``progress(done, total)``, in numbers.
    """
    digest = hashlib.sha256(f"{n_features}\n".encode())
    total, done = sum(array.size for samples in parts.values() for array in vars(samples).values()), 0
    for part, samples in parts.items():
        for key, array in vars(samples).items():
            digest.update(f"{part}/{key} {array.dtype.str} {array.shape}\n".encode())
            for piece in _pieces(array):
                digest.update(piece)
                done += piece.size
                if progress:
                    progress(done, total)
    return digest.hexdigest()


def _pieces(array):
    """An array or HDF5 dataset in pieces of some 32 MB, along its first axis."""
    rows = max(1, PIECE * len(array) // max(array.size, 1))
    return (array[first : first + rows] for first in range(0, len(array), rows))


def mapping(path):
    """A file as read-only memory, in pages of 2 MiB where the system has them for files.

    Rows that are drawn at random are each on a page of their own: with small pages, most of the time goes
    into finding where these are.
    """
    with open(path, "rb") as file:
        memory = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    with contextlib.suppress(AttributeError, OSError):  # not on all systems
        memory.madvise(mmap.MADV_HUGEPAGE)
    return memory


def forget(path):
    """Let the system forget the pages of a large file that is on disk: those it was written by are small.

    Whoever maps it next reads it again, by large ones.
    """
    if os.path.getsize(path) < LARGE:
        return
    with contextlib.suppress(AttributeError, OSError), open(path, "rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _mapped(path, memory, dataset):
    """A dataset as a read-only array that is the file's own pages."""
    if dataset.size == 0:  # nothing to map
        return np.empty(dataset.shape, dataset.dtype)
    offset = dataset.id.get_offset()
    if offset is None or offset % ALIGNMENT:
        raise InputError(f"{path}: {dataset.name} is not one aligned block: was the file repacked?")
    return np.frombuffer(memory, dataset.dtype, dataset.size, offset).reshape(dataset.shape)
