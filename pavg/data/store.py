"""The store: samples in one HDF5 file that all ranks of a node map into memory.

::

    / attributes        format="pavg-store" format_version name n_features layout nnz scale test split_seed
                        checksum source source_sha256 test_source test_source_sha256 date software command
    train/  test/       dense: X y        CSR: values columns indptr y        (`pavg.data.layouts`)
    means scales        (feature), where the columns were standardised

The arrays lie in the file as in memory: whole, uncompressed, starting at multiples of 64 bytes.
"""

import hashlib
import io
import os
import re
import shlex
import socket
import sys
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import distributions
from pathlib import Path

import h5py
import numpy as np

from pavg.data.layouts import CSR, Dense
from pavg.errors import InputError

FORMAT, VERSION = "pavg-store", 1
LAYOUTS = {"dense": Dense, "csr": CSR}
ALIGNMENT = 64


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


def write(path, parts, arrays, attrs):
    """Write a store: whole under its final name, or not at all.

    Parameters
    ----------
    path : pathlib.Path
    parts : dict
        "train", and "test" if there is one, to `Dense` or `CSR`.
    arrays : dict of str to numpy.ndarray
        Further arrays, at the root.
    attrs : dict
        Attributes, besides those about the writing itself, which are added here.

    Raises
    ------
    InputError
        A folder that cannot be written to, or a full disk.
    """
    # a version of pavg that runs from its folder, not installed, is unknown
    software = next((d.version for d in distributions(name="pavg")), "unknown")
    attrs = attrs | {
        "format": FORMAT,
        "format_version": VERSION,
        "checksum": checksum(attrs["n_features"], parts),
        "date": datetime.now().astimezone().isoformat(timespec="seconds"),
        "software": f"pavg {software}",
        "command": shlex.join(sys.argv),
    }
    arrays = arrays | {f"{part}/{key}": array for part in parts for key, array in vars(parts[part]).items()}
    temporary = path.with_name(f"{path.name}.{socket.gethostname()}-{os.getpid()}.tmp")
    try:
        _remove_stale(path.parent)
        with _Sink(temporary, "w+") as sink:
            with h5py.File(sink, "w", alignment_threshold=1, alignment_interval=ALIGNMENT) as file:
                file.attrs.update(attrs)
                for key, array in arrays.items():
                    file.create_dataset(key, data=array)
            sink.settle()
        os.replace(temporary, path)
    except OSError as error:
        size = sum(array.nbytes for array in arrays.values()) / 1e6
        raise InputError(f"{path}: the store ({size:.1f} MB) cannot be written: {error.strerror}") from None
    finally:
        temporary.unlink(missing_ok=True)


def open_store(path):
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
            layout = LAYOUTS[attrs["layout"]]
            parts = {
                part: layout(*(_mapped(path, file[f"{part}/{key}"]) for key in layout.__dataclass_fields__))
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


def checksum(n_features, parts):
    """SHA-256 over the layout, the names, types and shapes of all arrays, and what is in them."""
    digest = hashlib.sha256(f"{n_features}\n".encode())
    for part, samples in parts.items():
        for key, array in vars(samples).items():
            digest.update(f"{part}/{key} {array.dtype.str} {array.shape}\n".encode())
            digest.update(array)
    return digest.hexdigest()


class _Sink(io.FileIO):
    """A file for HDF5 to write, in which nothing fails until the end.

    HDF5 cannot close a file on a full disk, and crashes Python at its exit. So what goes wrong is
    kept for `settle`, and HDF5 goes on as if nothing had happened.
    """

    error = None

    def write(self, data):
        rest = memoryview(data)
        try:
            while rest and not self.error:
                rest = rest[super().write(rest) :]  # the system takes 2 GiB at a time
        except OSError as error:
            self.error = error
        return len(data)

    def truncate(self, size=None):
        try:
            return super().truncate(size)
        except OSError as error:
            self.error = self.error or error
            return size

    def settle(self):
        """Raise the OSError that was kept, or see that all is on disk."""
        if self.error:
            raise self.error
        os.fsync(self.fileno())


def _mapped(path, dataset):
    """A dataset as a read-only array that is the file's own pages."""
    if dataset.size == 0:  # nothing to map
        return np.empty(dataset.shape, dataset.dtype)
    offset = dataset.id.get_offset()
    if offset is None or offset % ALIGNMENT:
        raise InputError(f"{path}: {dataset.name} is not one aligned block: was the file repacked?")
    return np.asarray(np.memmap(path, dataset.dtype, "r", offset, dataset.shape))


def _remove_stale(folder):
    """Remove the temporary files that dead processes of this machine left."""
    own = re.compile(rf".+\.{re.escape(socket.gethostname())}-(\d+)\.tmp")
    for file in folder.iterdir():
        match = own.fullmatch(file.name)
        if match and not _alive(int(match[1])):
            with suppress(OSError):  # gone by now, or somebody else's
                file.unlink()


def _alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # somebody else's
    return True
