"""Two sides of a comparison: which cells pair, what tells the sides apart, what cannot be compared.

A setting that has one value in all of A and another one in all of B is what is compared; cells pair by all
others. What they did must be the same: a time is compared with that of the same work, made in the same way.
"""

import json
import math
from dataclasses import dataclass, field

from pavg.errors import InputError
from pavg.records import reading
from pavg.records.index import summaries
from pavg.records.layout import WHOLE
from pavg.settings import flat

# settings that say which run it is, where its samples lay, or how its losses are looked at
BESIDE = ("name", "repetition", "lanes", "R", "data_path", "data_test_path")
# what must be the same of all runs of a cell, and how it is called
WORK = {"problem": "problem", "P": "learners", "n_features": "entries of the model"}
DONE = {"local_steps": "local steps", "rounds": "rounds", "samples": "samples"}
MADE = {
    "measure": "measure",
    "hosted": "learners hosted on fewer ranks",
    "lanes": "lanes",
    "beside": "cells beside it",
    "turn": "seconds of a turn",
}
# settings that change no loss, or by rounding only
NEUTRAL = ("R", "reduction", "averaging", "barrier", "data_layout")
LOSSES_AGREE = 1e-8  # relative
# facts about a side: what is told where they differ, and what must be said to be compared (--across)
ACROSS = {"cpu": "machine", "mpi_library": "mpi", "data_checksum": "data"}
TOLD = ("software_version", "git_sha", "git_dirty", "python", "loop", "blas", "caches", "cores")
PREFIXES = ("version_", "PAVG_", "OMP_", "NUMBA_", "OPENBLAS_", "MKL_", "BLIS_", "MPIR_CVAR_", "OMPI_MCA_")
PLACES = ("NUMBA_CACHE_DIR",)  # change nothing but where things lie


class NotComparable(InputError):
    """Two sides of which no comparison is to be made."""


@dataclass(frozen=True)
class Run:
    """One run as a comparison sees it. settings : flat, with R; facts : of the run and its machine."""

    path: object
    settings: dict
    facts: dict
    last: dict

    @property
    def repetition(self):
        return self.facts["repetition"]

    @property
    def seconds(self):
        """Of the training clock, largest over ranks."""
        return self.last["time_wall"]


@dataclass(frozen=True)
class Cell:
    """The runs of one cell on both sides, sorted by repetition. turns : whether they pair by repetition.

    refused : why they are not compared; "" where they are. losses : their largest relative difference, None
    where they need not agree.
    """

    name: str
    a: list
    b: list
    turns: bool
    refused: str
    losses: float | None


@dataclass(frozen=True)
class Pairing:
    """cells : `Cell`s, in the order of A; differs : name → (value in A, value in B); alone : side → names of
    cells that the other side does not have; left_out : sentences about files that are not compared."""

    cells: list
    differs: dict
    alone: dict
    left_out: list = field(default_factory=list)


def pair(a, b, across=()):
    """The `Pairing` of the results under two paths.

    across : "machine", "mpi", "data", "losses": what may differ because it is compared. NotComparable where
    something else does, or no cells pair; InputError for what is no result.
    """
    left_out = []
    sides = [runs(path, left_out) for path in (a, b)]
    differs = _differences(sides)
    for name, what in ACROSS.items():
        if name in differs and what not in across:
            found = " and ".join(map(_shown, differs[name]))
            raise NotComparable(f"another {what}: {name} {found}; if that is compared: --across {what}")
    compared = [name for name in differs if any(name in run.settings for side in sides for run in side)]
    cells = [_grouped(side, compared) for side in sides]
    both = [key for key in cells[0] if key in cells[1]]
    if not both:
        raise NotComparable(_no_pair(a, b, sides))
    names = _names(cells)
    neutral = all(name in NEUTRAL or name.startswith("evaluate_") for name in compared)
    equal = neutral and "losses" not in across
    made = [_cell(names[key], cells[0][key], cells[1][key], equal) for key in both]
    alone = {"A": [names[key] for key in cells[0] if key not in cells[1]]}
    alone |= {"B": [names[key] for key in cells[1] if key not in cells[0]]}
    return Pairing(made, differs, alone, left_out)


def runs(path, left_out):
    """The whole runs under a path: [`Run`]. Sentences about other files are added to `left_out`."""
    found = []
    for told in summaries([path]):
        if isinstance(told, InputError):
            left_out.append(str(told))
        elif told.attributes["status"] not in WHOLE or not told.last:
            left_out.append(f"{told.path}: {told.attributes['run_id']}: {told.attributes['status']}")
        else:
            merged = "file" in told.attributes  # it knows of an environment what `machine` says
            facts = told.attributes | (told.machine if merged else reading.environment(told.path))
            settings = flat(json.loads(facts["config"]))
            settings = {k: v for k, v in settings.items() if k not in BESIDE and not _empty(v)}
            settings |= {"R": facts["R"], "data_checksum": facts.get("data_checksum", "")}
            found.append(Run(told.path, settings, {"beside": 0, "turn": 0.0} | facts, told.last))
    if not found:
        raise InputError(f"{path}: no run that is over; {len(left_out)} other files")
    return found


def _empty(value):
    return value is None or value == ""


def _differences(sides):
    """name → (value in A, value in B) of what is one thing on each side, and not the same."""
    found = {}
    for of in ("settings", "facts"):
        told = [[getattr(run, of) for run in side] for side in sides]
        names = dict.fromkeys(name for side in told for one in side for name in one)
        for name in names:
            if of == "facts" and name not in (*ACROSS, *TOLD) and not name.startswith(PREFIXES):
                continue
            values = [{_shown(one.get(name)) for one in side} for side in told]
            single = len(values[0]) == len(values[1]) == 1
            if values[0] != values[1] and (single or of == "facts") and name not in PLACES:
                found[name] = tuple(", ".join(sorted(each)) for each in values)
    return found


def _shown(value):
    return value if isinstance(value, str) else json.dumps(value)


def _grouped(side, compared):
    """Settings of a cell but for what is compared → its runs, by repetition."""
    cells = {}
    for run in side:
        key = json.dumps({k: v for k, v in run.settings.items() if k not in compared}, sort_keys=True)
        cells.setdefault(key, {})
        if (other := cells[key].get(run.repetition)) is not None:
            raise InputError(
                f"{run.facts['run_id']} is there twice: {other.path}, {run.path}; expected each run once"
            )
        cells[key][run.repetition] = run
    return {key: [runs[r] for r in sorted(runs)] for key, runs in cells.items()}


def _names(cells):
    """Key → what a person calls the cell: what is in its runs' names, and settings that tell it apart."""
    runs = {key: found[0] for side in cells for key, found in side.items()}
    short = {key: run.facts["run_id"].rsplit("-r", 1)[0] for key, run in runs.items()}
    names = {}
    for key, run in runs.items():
        same = [runs[other].settings for other in runs if short[other] == short[key]]
        own = {k: v for k, v in run.settings.items() if any(other.get(k) != v for other in same)}
        names[key] = " ".join([short[key], *(f"{k}={_shown(v)}" for k, v in own.items())])
    return names


def _cell(name, a, b, equal):
    """equal : whether losses should agree."""
    runs = [*a, *b]
    apart = _apart([run.last["loss"] for run in runs]) if equal else None
    return Cell(name, a, b, _by_turns(a, b), _refused(runs, apart), apart)


def _apart(losses):
    """The largest difference of losses, relative; NaN where some are no number and others are."""
    if len(set(map(repr, losses))) == 1:
        return 0.0
    if not all(map(math.isfinite, losses)):
        return math.nan
    return (max(losses) - min(losses)) / (max(map(abs, losses)) or 1.0)


def _refused(runs, apart):
    """Why the times of these runs are not compared; "" where they are."""
    for what, of, names in (
        ("other work", "facts", WORK),
        ("other work", "last", DONE),
        ("made in another way", "facts", MADE),
    ):
        for key, called in names.items():
            values = dict.fromkeys(_shown(getattr(run, of).get(key)) for run in runs)
            if len(values) > 1:
                return f"{what}: {called} {', '.join(values)}"
    if runs[0].facts["measure"] == "losses":
        return "made for its losses: no times to compare"
    if any(run.facts.get("clock") for run in runs):
        return "made in virtual time: no times to compare"
    if apart is not None and not apart <= LOSSES_AGREE:
        return f"other losses: they should agree, and differ by {apart:.2g} of their value"
    return ""


def _by_turns(a, b):
    """Whether runs of both sides were made in pairs of one repetition, one pair after the other."""
    if [run.repetition for run in a] != [run.repetition for run in b]:
        return False
    made = sorted((run.facts["date"], run.repetition) for run in (*a, *b))
    return all(made[k][1] == made[k + 1][1] for k in range(0, len(made), 2))


def _no_pair(a, b, sides):
    """Why no cell of A is one of B: by the settings that both have and that never agree."""
    found = []
    for name in sides[0][0].settings:
        values = [{_shown(run.settings.get(name)) for run in side} for side in sides]
        if not values[0] & values[1]:
            found.append(f"{name}: {', '.join(sorted(values[0]))} and {', '.join(sorted(values[1]))}")
    return f"no cell of {a} is one of {b}" + (f" ({'; '.join(found)})" if found else "")
