"""A named set or a LIBSVM file → a store, made once and then found again."""

import hashlib
import json
import os
import re
from dataclasses import asdict, replace
from pathlib import Path

import platformdirs

from pavg import streams
from pavg.data import bundled, layouts, libsvm, scaling, store
from pavg.errors import InputError

DENSE_FROM = 0.25  # share of nonzeros from which "auto" is dense


def prepare(data):
    """Make the store of a data set, if it is not there yet. For one rank to call.

    Parameters
    ----------
    data : pavg.spec.Data
        ``~`` and ``$VARIABLES`` in its paths are expanded.

    Returns
    -------
    pathlib.Path
        The store, in ``$PAVG_DATA`` or the user's cache folder. Its name ends in a hash of all
        that decides what is in it: the options, and each file's path, size and time of change.

    Raises
    ------
    InputError
        Data that cannot be read or used so, or a folder that cannot be written to.
    """
    data = replace(data, path=_expanded(data.path), test_path=_expanded(data.test_path))
    path = folder() / _file_name(data)
    if not path.exists():
        _make_folder()
        _convert(data, path)
    return path


def _convert(data, path):
    parts = _read(data)
    X = parts["train"][0]
    n_features, nnz = X.shape[1], X.nnz
    layout = data.layout
    if layout == "auto":
        layout = "dense" if nnz >= DENSE_FROM * X.shape[0] * n_features else "csr"
    if data.scale == "standardize" and layout == "csr":
        share = nnz / (X.shape[0] * n_features)
        raise InputError(
            f"data.scale = 'standardize': found layout csr ({share:.1%} nonzeros); "
            "expected layout = 'dense', as no zeros are left afterwards"
        )
    if data.scale == "unit_rows":
        for part in parts.values():
            scaling.unit_rows(part[0])
    parts = {part: getattr(layouts, layout)(X, y) for part, (X, y) in parts.items()}
    arrays = {}
    if data.scale == "standardize":
        others = [parts["test"].X] if "test" in parts else []
        means, scales = scaling.standardize(parts["train"].X, others)
        arrays = {"means": means[:n_features], "scales": scales[:n_features]}
    attrs = {
        "name": data.name or _stem(data.path),
        "n_features": n_features,
        "nnz": nnz,
        "layout": layout,
        "scale": data.scale,
        "test": data.test,
        "split_seed": data.split_seed,
    }
    store.write(path, parts, arrays, attrs | _sources(data))


def _read(data):
    """{"train": (X, y)} and, if the specification has one, "test"; X : scipy.sparse.csr_matrix."""
    X, y = bundled.load(data.name) if data.name else libsvm.read(data.path)
    if data.test_path:
        X_test, y_test = libsvm.read(data.test_path, X.shape[1])
        X_test.resize(len(y_test), X.shape[1])
        return {"train": (X, y), "test": (X_test, y_test)}
    if data.test == 0:
        return {"train": (X, y)}
    n, held = len(y), round(data.test * len(y))
    if not 0 < held < n:
        raise InputError(
            f"data.test = {data.test}: found {n} samples, of which that holds out {held}; "
            f"expected a share that leaves both parts at least one"
        )
    order = streams.generator(data.split_seed, "split").permutation(n)
    order[:held].sort()
    order[held:].sort()
    return {"train": (X[order[held:]], y[order[held:]]), "test": (X[order[:held]], y[order[:held]])}


def _sources(data):
    """Where the samples are from, as attributes; the checksum of a bundled set is left empty."""
    sources = {"source": bundled.source(), "source_sha256": ""} if data.name else {}
    for key, path in (("source", data.path), ("test_source", data.test_path)):
        if path:
            with open(path, "rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            sources |= {key: os.path.basename(path), f"{key}_sha256": digest}
    return sources


def folder():
    """Where stores are: ``$PAVG_DATA``, or the user's cache folder."""
    named = os.environ.get("PAVG_DATA") or os.path.join(platformdirs.user_cache_dir("pavg"), "stores")
    return Path(named).expanduser()


def _make_folder():
    try:
        folder().mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"{folder()}: no folder for stores: {error.strerror}; expected one that can be written to "
            "(set PAVG_DATA to name it)"
        ) from None
    return folder


def _file_name(data):
    """A stem to read, and a hash of what determines the contents."""
    key = asdict(data) | {"format_version": store.VERSION, "bundled": bundled.source() if data.name else ""}
    for name in ("path", "test_path"):
        if key[name]:
            status = libsvm.check_file(key[name])
            key[name] = [key[name], status.st_size, status.st_mtime_ns]
    digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
    return f"{data.name or _stem(data.path)}-{digest[:12]}.h5"


def _stem(path):
    """A file's name without its compression, in characters that any file system has."""
    root, suffix = os.path.splitext(os.path.basename(path))
    name = root if suffix in libsvm.OPENERS else root + suffix
    return re.sub(r"[^A-Za-z0-9._-]", "_", name)[:60]


def _expanded(path):
    return path and os.path.abspath(os.path.expanduser(os.path.expandvars(path)))
