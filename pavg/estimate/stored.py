"""Optima that are kept beside the samples: a small HDF5 file for each objective."""

import hashlib
import io
import json
import os
from dataclasses import dataclass, fields

import h5py
import numpy as np

from pavg import files
from pavg.errors import InputError
from pavg.settings import changes

FORMAT, VERSION = "pavg-optimum", 1


@dataclass(frozen=True)
class Optimum:
    """What was found: w of shape (d,), f = F(w), start = F(w0), gradient = ‖∇F(w)‖.

    gap : ½·∇FᵀH⁻¹∇F, how far f can be above f*, to second order (of a quadratic: exactly); unique :
    whether H has full rank, None where it was not kept whole; steps : of Newton's method; passes :
    how often all rows were gone through.
    """

    w: np.ndarray
    f: float
    start: float
    gradient: float
    gap: float
    unique: bool | None
    steps: int
    passes: int


def place(problem, store):
    """The file of a problem's optimum on a store: beside it, named by the objective."""
    told = json.dumps([changes(problem), store.checksum], sort_keys=True)
    mark = hashlib.sha256(told.encode()).hexdigest()[:10]
    return store.path.with_name(f"{store.path.stem}.{problem.name}-{mark}.optimum.h5")


def keep(problem, store, found):
    """Write an `Optimum` to its `place`, and return that. InputError where it cannot be written."""
    path, content = place(problem, store), io.BytesIO()
    with h5py.File(content, "w") as file:
        file.attrs["format"], file.attrs["format_version"] = FORMAT, VERSION
        file.attrs["problem"] = json.dumps(changes(problem), sort_keys=True)
        file.attrs["data"], file.attrs["data_checksum"] = store.name, store.checksum
        file["w"] = found.w
        for name in _numbers():
            if getattr(found, name) is not None:
                file.attrs[name] = getattr(found, name)
    try:
        files.replace(path, content.getvalue())
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from None
    return path


def stored(problem, store):
    """The `Optimum` that was kept of a problem on a store.

    InputError where there is none, or none that can be read.
    """
    path = place(problem, store)
    try:
        with h5py.File(path, "r", locking=False) as file:
            if (file.attrs.get("format"), file.attrs.get("format_version")) != (FORMAT, VERSION):
                raise InputError(f"{path}: expected {FORMAT} of version {VERSION}: delete it")
            numbers = {name: file.attrs[name].item() for name in _numbers() if name in file.attrs}
            return Optimum(w=file["w"][:], unique=numbers.pop("unique", None), **numbers)
    except FileNotFoundError:
        raise InputError(
            f"evaluate.optimum = 'stored': none is kept of {problem.name} with these parameters on "
            f"{store.name}; expected: pavg estimate optimum SPEC, before"
        ) from None
    except (OSError, KeyError) as error:
        text = os.strerror(error.errno) if getattr(error, "errno", None) else "not a whole file"
        raise InputError(f"{path}: cannot be read: {text}; delete it, and estimate it anew") from None


def _numbers():
    return [f.name for f in fields(Optimum) if f.name != "w"]
