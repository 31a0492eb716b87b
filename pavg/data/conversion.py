"""A named set or files → a store, made once and then found again.

What only conversion needs is imported where it converts: SciPy takes 0.2 s.
"""

import hashlib
import json
import os
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import platformdirs

from pavg.data import bundled, catalogue, formats, store
from pavg.errors import InputError
from pavg.settings import changes

PATHS = ("path", "test_path")  # keys of [data] that name files


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
    data, files, path = _placed(data)
    if not path.exists():
        _make_folder()
        _convert(data, files, path, progress)
    return path


def located(data):
    """(store, paths): where `prepare` finds the store or makes it, and all files that this hangs on.

    InputError where the files that the samples come from are not there.
    """
    data, files, store = _placed(data)
    found = {catalogue.OWN, os.path.expanduser(os.environ.get("PAVG_CATALOGUE", catalogue.OWN))}
    for key, names in files.items():
        path = getattr(data, key)
        found |= {path if os.path.exists(path) else os.path.dirname(path), *names}  # a pattern: its folder
    return store, found


def _placed(data):
    """(data with absolute paths and what the catalogue says of its name, its files, its store)."""
    data = replace(data, path=_expanded(data.path), test_path=_expanded(data.test_path))
    if data.name and data.name not in bundled.BUNDLED:
        data = catalogue.resolve(data, folder())
    files = {key: formats.sources(data, getattr(data, key)) for key in PATHS if getattr(data, key)}
    return data, files, folder() / _file_name(data, files)


def _convert(data, files, path, progress):
    if data.name and data.path:
        catalogue.check_files(data.name, folder(), progress)
    from pavg.data.writing import Writer

    with Writer(path, progress) as writer:
        _add(writer, "train", data, data.path, data.member, None, progress)
        if data.test_path:
            _add(writer, "test", data, data.test_path, data.test_member, writer.width, progress)
        attrs = _sources(data, files, progress)
        _check_unchanged(data, files)
        writer.finish(
            name=_name(data),
            layout=data.layout,
            dtype=data.dtype,
            scale=data.scale,
            test=data.test,
            split_seed=data.split_seed,
            attrs=attrs,
        )


def _add(writer, part, data, path, member, width, progress):
    """Give one part's blocks to a writer."""
    if path:
        blocks = formats.blocks(data, path, member, width, progress)
    elif data.synthetic:
        from pavg.data.synthetic import Samples

        blocks = Samples(data.synthetic).blocks(progress)
    else:
        blocks = [bundled.load(data.name)]
    n = positive = 0
    for X, y in blocks:
        if data.positive is not None:
            y = np.where(y == data.positive, 1.0, -1.0)
            positive += int((y == 1).sum())
        writer.add(part, X, y)
        n += len(y)
    if data.positive is not None and part == "train" and not 0 < positive < n:
        raise InputError(
            f"data.positive = {data.positive:g}: found {positive} of {n} samples with this label; "
            "expected some, not all"
        )


def _check_unchanged(data, files):
    """InputError if a file is not what it was before it was read."""
    for key, before in files.items():
        after = formats.sources(data, getattr(data, key))
        for name in before.keys() | after.keys():
            if name not in before or name not in after or _stamp(before[name]) != _stamp(after[name]):
                raise InputError(f"{name}: changed while it was read; expected it to stay: convert it anew")


def _stamp(status):
    """What tells that a file was changed."""
    return status.st_size, status.st_mtime_ns


def _sources(data, files, progress):
    """Where the samples are from, as attributes; the checksum of a bundled set is left empty."""
    if data.synthetic:
        from pavg.data.synthetic import Samples

        return Samples(data.synthetic).attrs()
    sources = {"source": bundled.source(), "source_sha256": ""} if data.name else {}
    parts = (("source", "path", data.member), ("test_source", "test_path", data.test_member))
    for key, path, member in parts:
        if path in files:
            name = os.path.basename(getattr(data, path))
            sources |= {key: name, f"{key}_sha256": _sha256(files[path], progress)}
        if member:
            sources[f"{key}_member"] = member
    return sources | ({"positive": data.positive} if data.positive is not None else {})


def _sha256(files, progress):
    """SHA-256 of a file; of several, that of what ``sha256sum *`` prints in their folder."""
    total, done, lines = sum(status.st_size for status in files.values()), 0, ""
    for name in files:
        digest = hashlib.sha256()
        try:
            with open(name, "rb") as file:
                while piece := file.read(1 << 24):
                    digest.update(piece)
                    done += len(piece)
                    if progress:
                        progress("source checksum", min(done, total), total)
        except OSError as error:
            raise InputError(f"{name}: cannot be read: {error.strerror}") from None
        lines += f"{digest.hexdigest()}  {os.path.basename(name)}\n"
    return digest.hexdigest() if len(files) == 1 else hashlib.sha256(lines.encode()).hexdigest()


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


def _file_name(data, files):
    """A stem to read, and a hash of what determines the contents: a new key at its default changes none."""
    made = bundled.source() if data.name and not data.path else ""
    key = changes(data) | {"format_version": store.VERSION, "bundled": made}
    key |= {k: [[path, *_stamp(status)] for path, status in found.items()] for k, found in files.items()}
    digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
    readable = re.sub(r"[^A-Za-z0-9._-]", "_", _name(data))[:60]
    return f"{readable}-{digest[:12]}.h5"


def _name(data):
    """What a store is called."""
    synthetic = data.synthetic and f"synthetic-{data.synthetic.like}"
    return data.name or synthetic or formats.stem(data.path)


def _expanded(path):
    return path and os.path.abspath(os.path.expanduser(os.path.expandvars(path)))
