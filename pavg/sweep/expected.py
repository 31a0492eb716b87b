"""What files a sweep will have: the run ids of its cells, without starting or converting anything.

Reading a file of 10,000 cells and naming them takes longer than looking at their results. So the names are
kept in OUT/.cells, with all files that they hang on: a change in any of these, and they are made anew.
"""

import contextlib
import hashlib
import json
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from pavg.errors import InputError
from pavg.records import kept

WHAT = {"format": "pavg-cells", "version": 2}
ANY = "*"  # stands for R in a run id: the number of ranks is known once a job has started


@dataclass(frozen=True)
class Cell:
    """One cell of a sweep, before anything is known of its result.

    name : folder of its results; run_id : with ANY for R, where it has one; R : as the specification
    asks for, or None; lanes : cells that run as one task, itself among them; unmade : why there can be no
    result yet (samples that were never read), or "".
    """

    name: str
    run_id: str
    P: int
    R: int | None
    problem: str
    label: str
    lanes: int
    unmade: str


def cells(name, out, overrides=(), repeat=1):
    """All `Cell`s of a file, folder or benchmark, in the order of `pavg run`. InputError as there."""
    asked = [name, os.getcwd(), [*overrides], repeat, *map(os.environ.get, ("PAVG_DATA", "PAVG_CATALOGUE"))]
    digest = hashlib.blake2b(json.dumps(asked).encode(), digest_size=8).hexdigest()
    path = Path(out) / ".cells" / f"{digest}.json"
    found = kept.load(path, WHAT, None)
    if found is not None and found["hangs_on"] == _marks(found["hangs_on"]):
        return [Cell(*values) for values in found["cells"]]
    made, hangs_on = _named(name, overrides, repeat)
    if hangs_on and path.parent.parent.is_dir():
        with contextlib.suppress(OSError):
            path.parent.mkdir(exist_ok=True)
        rows = [list(asdict(cell).values()) for cell in made]
        kept.store(path, WHAT, {"hangs_on": _marks(hangs_on), "cells": rows})
    return made


def _named(name, overrides, repeat):
    """(cells, paths of the files that their names hang on; none where these cannot be told)."""
    from pavg import delays
    from pavg import spec as specification
    from pavg.records import layout, names
    from pavg.sweep import grid, groups
    from pavg.sweep.cells import repeated

    files = grid.sources(name)
    hangs_on = {name, *files, *(module.__file__ for module in (specification, grid, groups, names, layout))}
    made, origins, classes = [], {}, set()
    specs = [spec for file in files for spec in grid.cells(file, overrides)]
    specs = repeated(specs, repeat)
    lanes = {index: len(group) for group in groups.grouped(specs) for index in group}
    for index, spec in enumerate(specs):
        if spec.data not in origins:
            origins[spec.data], found = _origin(spec.data)
            hangs_on |= found
        checksum, unmade = origins[spec.data]
        run_id = names.run_id(spec, ANY, {"data_checksum": checksum})
        hangs_on |= {delay.trace for delay in delays.of(spec).values() if delay.trace}
        about = (spec.name, run_id, spec.P, spec.R, spec.problem.name, spec.method.label)
        made.append(Cell(*about, lanes[index], unmade))
        classes |= {type(getattr(spec, key)) for key in specification.COMPONENTS}
    modules = {sys.modules[base.__module__] for cls in classes for base in cls.__mro__}
    hangs_on |= {module.__file__ for module in modules if getattr(module, "__file__", None)}
    return made, set() if None in hangs_on else {os.path.abspath(path) for path in hangs_on}


def _origin(data):
    """((checksum of the samples, why there is none), paths of the files that this hangs on, or {None})."""
    if data is None:
        return ("", ""), set()
    from pavg.data import located, open_store

    try:
        store, files = located(data)
    except InputError as error:  # where the samples come from may be elsewhere by now, or again tomorrow
        return ("", str(error)), {None}
    try:
        return (open_store(store).checksum, ""), {store, *files}
    except InputError:
        return ("", "its samples have not been read yet"), {store, *files}


def _marks(paths):
    """Path → [mtime_ns, size], or None where there is nothing."""
    found = dict.fromkeys(map(str, paths))
    for path in found:
        with contextlib.suppress(OSError):
            status = os.stat(path)
            found[path] = [status.st_mtime_ns, status.st_size]
    return found
