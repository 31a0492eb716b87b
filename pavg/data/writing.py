"""Samples, block by block → a store, in bounded memory."""

import os
import shlex
import shutil
import sys
import tempfile
from contextlib import contextmanager, suppress
from datetime import datetime
from importlib.metadata import distributions

import h5py
import numpy as np
from scipy.sparse import csr_matrix

from pavg import files, streams
from pavg.data import layouts, scaling, store
from pavg.errors import InputError

DENSE_FROM = 0.25  # share of nonzeros from which "auto" is dense
ELEMENTS = 1 << 22  # numbers of a dense block: 32 MB
RAW = {"values": np.float64, "columns": np.int32, "counts": np.int64, "y": np.float64}


class Writer:
    """A store in the making: whole under its final name, or not there.

    ::

        with Writer(path, progress) as writer:
            for X, y in blocks:
                writer.add("train", X, y)
            writer.finish(name="higgs", layout="dense", attrs={"source": "generated"})

    Blocks are kept in temporary files beside `path` and become one HDF5 file in `finish`. Leaving
    the ``with`` without `finish`, by an exception too, leaves nothing.

    Parameters
    ----------
    path : pathlib.Path
        The store's final name, in a folder that exists.
    progress : callable, optional
        Called as ``progress(stage, done, total)``, with a word and two counts.

    Attributes
    ----------
    width : int
        The largest number of features of the training blocks so far.

    Raises
    ------
    InputError
        A folder that cannot be written to, or a full disk.
    """

    def __init__(self, path, progress=None):
        self.path, self.width = path, 0
        self._progress = progress or (lambda stage, done, total: None)
        self._raw = {}

    def __enter__(self):
        with self._saying():
            files.remove_stale(self.path.parent)
            self._folder = tempfile.mkdtemp(files.mark(), f"{self.path.name}.", self.path.parent)
        return self

    def __exit__(self, *exception):
        for raw in self._raw.values():
            raw.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def add(self, part, X, y):
        """Append rows to "train" or "test".

        Parameters
        ----------
        part : str
        X : scipy.sparse.csr_matrix or numpy.ndarray, shape (n, d)
            Of some 10 MB: a block is what is held in memory at once. CSR without duplicates, columns
            ascending. Blocks may differ in width; test blocks are not wider than `width`.
        y : numpy.ndarray, shape (n,)
        """
        if part == "train":
            self.width = max(self.width, X.shape[1])
        with self._saying():
            if part not in self._raw:
                self._raw[part] = _Raw(self._folder, part)
            self._raw[part].append(X, y)

    def finish(
        self,
        *,
        name,
        layout="auto",
        dtype="float64",
        scale="none",
        test=0.0,
        split_seed=0,
        n_features=None,
        attrs=None,
    ):
        """Assemble the store and give it its name.

        Parameters
        ----------
        name : str
        layout, dtype, scale, test, split_seed
            As in `pavg.spec.Data`; `test` is for where no test block was added.
        n_features : int, optional
            d, where it is more than `width`.
        attrs : dict, optional
            Further attributes: where the samples are from.

        Raises
        ------
        InputError
            No samples, no nonzero feature, or options that do not fit them.
        """
        with self._saying():
            for raw in self._raw.values():
                raw.flush()
            d = n_features or self.width
            parts = self._parts(test, split_seed)
            nnz = sum(int(block.sum()) for block in parts["train"].counts())
            n = parts["train"].n
            layout = self._layout(layout, scale, nnz / (n * d))
            about = {"name": name, "n_features": d, "nnz": nnz, "layout": layout, "scale": scale}
            about |= {"test": test, "split_seed": split_seed}
            temporary = os.path.join(self._folder, "store.h5")
            with files.Sink(temporary, "w+") as sink:
                with h5py.File(sink, "w", alignment_threshold=1, alignment_interval=store.ALIGNMENT) as file:
                    written = self._assemble(file, sink, parts, d, layout, dtype, scale)
                    checksum = self._checksum(d, written, sink)
                    file.attrs.update(about | (attrs or {}) | _provenance() | {"checksum": checksum})
                sink.settle()
            store.forget(temporary)
            os.replace(temporary, self.path)

    def _parts(self, test, split_seed):
        """part → `_Part`, from the raw parts, or from the first one split."""
        if not self._raw or not self.width:
            raise InputError("found no samples with features; expected at least one")
        if not test:
            return {part: _Part(self._raw[part]) for part in ("train", "test") if part in self._raw}
        raw = self._raw["train"]
        held = round(test * raw.n)
        if not 0 < held < raw.n:
            raise InputError(
                f"data.test = {test}: found {raw.n} samples, of which that holds out {held}; "
                f"expected a share that leaves both parts at least one"
            )
        chosen = np.zeros(raw.n, bool)
        chosen[streams.generator(split_seed, "split").permutation(raw.n)[:held]] = True
        return {"train": _Part(raw, ~chosen), "test": _Part(raw, chosen)}

    def _layout(self, layout, scale, share):
        if layout == "auto":
            layout = "dense" if share >= DENSE_FROM else "csr"
        if scale == "standardize" and layout == "csr":
            raise InputError(
                f"data.scale = 'standardize': found layout csr ({share:.1%} nonzeros); "
                "expected layout = 'dense', as no zeros are left afterwards"
            )
        return layout

    def _assemble(self, file, sink, parts, d, layout, dtype, scale):
        """Write the arrays. Returns part → `Dense` or `CSR` of HDF5 datasets."""
        written, done, total = {}, 0, sum(part.n for part in parts.values())
        if scale == "standardize":
            means, scales = file["means"], file["scales"] = self._moments(parts["train"], d)
        for key, part in parts.items():
            shapes = getattr(layouts, f"{layout}_shapes")(part.counts(), d, dtype)
            made = {k: file.create_dataset(f"{key}/{k}", shape, t) for k, (shape, t) in shapes.items()}
            written[key], first, offset = store.LAYOUTS[layout](**made), 0, 0
            for X, y in part.blocks(d, ELEMENTS // d if layout == "dense" else ELEMENTS):
                if scale == "unit_rows":
                    scaling.unit_rows(X)
                if scale == "standardize":
                    X = (X.toarray() - means) / scales
                block = getattr(layouts, layout)(X, y, dtype)
                offset = layouts.put(written[key], block, first, offset)
                first += len(y)
                self._progress("writing", done + first, total)
                sink.check()
            done += part.n
        return written

    def _moments(self, part, d):
        """Means and scales of the columns, shape (d,), of the values before they are rounded to any dtype."""

        def blocks():
            return scaling.regrouped(layouts.dense(X, y).X for X, y in part.blocks(d, ELEMENTS // d))

        means, scales = scaling.moments(blocks, lambda done: self._progress("scaling", done, 2 * part.n))
        return means[:d], scales[:d]

    def _checksum(self, d, written, sink):
        digest = store.checksum(d, written, lambda done, total: self._progress("checksum", done, total))
        sink.check()
        return digest

    @contextmanager
    def _saying(self):
        try:
            yield
        except OSError as error:
            raise InputError(f"{self.path}: the store cannot be written: {error.strerror}") from None


class _Raw:
    """Rows as they came: nonzeros of all blocks one after the other, an array a file."""

    def __init__(self, folder, part):
        self.n, self.blocks = 0, []  # (rows, nonzeros) of each
        self.files = {key: open(os.path.join(folder, f"{part}-{key}"), "w+b") for key in RAW}

    def append(self, X, y):
        X = csr_matrix(X)
        X.eliminate_zeros()
        arrays = {"values": X.data, "columns": X.indices, "counts": np.diff(X.indptr), "y": y}
        for key, dtype in RAW.items():
            self.files[key].write(np.ascontiguousarray(arrays[key], dtype))
        self.n += len(y)
        self.blocks.append((len(y), X.nnz))

    def flush(self):
        for file in self.files.values():
            file.flush()

    def close(self):
        for file in self.files.values():
            with suppress(OSError):  # a full disk has been said
                file.close()

    def read(self, *keys):
        """Yield tuples of arrays, a block each, in the order of `keys`."""
        for key in keys:
            self.files[key].seek(0)
        for rows, nnz in self.blocks:
            lengths = {"values": nnz, "columns": nnz, "counts": rows, "y": rows}
            yield tuple(np.fromfile(self.files[key], RAW[key], lengths[key]) for key in keys)


class _Part:
    """All rows of a raw part, or those of a mask."""

    def __init__(self, raw, mask=None):
        self.raw, self.mask = raw, mask
        self.n = raw.n if mask is None else int(mask.sum())

    def counts(self):
        """Yield the numbers of nonzeros of the rows, a block after the other."""
        first = 0
        for (counts,) in self.raw.read("counts"):
            yield counts if self.mask is None else counts[self.mask[first : first + len(counts)]]
            first += len(counts)

    def blocks(self, d, most):
        """Yield (X, y) : scipy.sparse.csr_matrix of at most `most` rows (at least one), and labels."""
        first = 0
        for values, columns, counts, y in self.raw.read("values", "columns", "counts", "y"):
            indptr = np.concatenate(([0], np.cumsum(counts)))
            X = csr_matrix((values, columns, indptr), (len(y), d))
            if self.mask is not None:
                kept = self.mask[first : first + len(y)]
                first += len(y)
                X, y = X[kept], y[kept]
            for begin in range(0, len(y), max(most, 1)):
                yield X[begin : begin + max(most, 1)], y[begin : begin + max(most, 1)]


def _provenance():
    # a version of pavg that runs from its folder, not installed, is unknown
    software = next((d.version for d in distributions(name="pavg")), "unknown")
    return {
        "format": store.FORMAT,
        "format_version": store.VERSION,
        "date": datetime.now().astimezone().isoformat(timespec="seconds"),
        "software": f"pavg {software}",
        "command": shlex.join(sys.argv),
    }
