"""A named set or a LIBSVM file → a store, made once and then found again."""

import hashlib
import json
import os
import re
from dataclasses import asdict, replace
from pathlib import Path

import platformdirs

from pavg.data import bundled, libsvm, store
from pavg.data.writing import Writer
from pavg.errors import InputError


def prepare(data, progress=None):
    """Make the store of a data set, if it is not there yet. For one rank to call.

    Parameters
    ----------
    data : pavg.spec.Data
        ``~`` and ``$VARIABLES`` in its paths are expanded.
    progress : callable, optional
        Called as ``progress(stage, done, total)`` while data are converted: a word and two counts.

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
        _convert(data, path, progress)
    return path


def _convert(data, path, progress):
    with Writer(path, progress) as writer:
        X, y = bundled.load(data.name) if data.name else libsvm.read(data.path)
        writer.add("train", X, y)
        if data.test_path:
            writer.add("test", *libsvm.read(data.test_path, writer.width))
        writer.finish(
            name=data.name or _stem(data.path),
            layout=data.layout,
            scale=data.scale,
            test=data.test,
            split_seed=data.split_seed,
            attrs=_sources(data),
        )


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
