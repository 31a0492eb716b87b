"""Seconds of local steps and messages as they were measured: from a pavg result, or from a CSV file."""

import warnings
from pathlib import Path

import h5py
import numpy as np

from pavg.errors import InputError
from pavg.records.reading import attributes, opened


def read(path, what):
    """Seconds (draws, columns) of a trace. what : "compute", of local steps; "comm", of messages.

    Of a synchronous result, with a rank for each learner: a column a rank, the mean of each interval between
    evaluations. Of an asynchronous one: a column a learner; the seconds of each update's K local steps over
    K; half of its exchange, there and back, queue and all. InputError for anything else.
    """
    path = Path(path)
    seconds = _of_result(path, what) if h5py.is_hdf5(path) else _of_text(path)
    if not seconds.size or not np.isfinite(seconds).all() or (seconds < 0).any():
        raise InputError(f"{path}: expected seconds, numbers of at least 0, a column a rank")
    if what == "compute" and not (seconds.sum(axis=0) > 0).all():
        raise InputError(f"{path}: expected some seconds above 0 in each column")
    return seconds


def _of_text(path):
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a file without numbers, which is refused
            return np.loadtxt(path, delimiter=",", ndmin=2)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None
    except ValueError as error:
        raise InputError(f"{path}: not a table of numbers between commas: {error}") from None


def _of_result(path, what):
    with opened(path) as file:
        told = attributes(file, ("hosted", "clock", "P", "K"))
        if told["hosted"] or told.get("clock"):
            raise InputError(
                f"{path}: expected times that were measured, with a rank for each learner (R = P)"
            )
        if "arrival_learner" in file:
            order, spent = file["arrival_learner"][:], file[f"arrival_{what}"][:]
            own = [spent[order == l] for l in range(told["P"])]
            if not all(map(len, own)):
                raise InputError(f"{path}: expected an update of every learner")
            rows = np.array(
                [np.resize(one, max(map(len, own))) for one in own]
            ).T  # of those with fewer, again
            repeats = told["K"] if what == "compute" else 2
            return np.repeat(rows / repeats, repeats, axis=0)
        count = np.diff(file["local_steps" if what == "compute" else "rounds"][:])
        spent = file[f"time_{what}"][1:]
    some = count > 0
    return spent[some] / count[some, None]
