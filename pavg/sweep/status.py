"""How far a sweep is, read from its files alone: while it runs, after it was killed, from another machine."""

import json
import re
import socket
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from pavg import files
from pavg.errors import InputError
from pavg.records.index import Index
from pavg.records.layout import WHOLE
from pavg.sweep import expected

STATUSES = (*WHOLE, "running", "interrupted", "timeout", "failed", "missing")
ENDED = (*WHOLE, "timeout", "failed")  # what is not run again unasked
SILENT = 60.0  # seconds without a word from a cell that runs, after which its job may be dead
KINDS = (".partial.h5", ".failed.h5", ".h5")
NUMBER = re.compile(r"(?<![\w.])[-+]?(\d[\d,]*\.?\d*(e[-+]?\d+)?|inf|nan)\b")


@dataclass(frozen=True)
class Cell:
    """One cell. run_id : with * for R, where there is no file to tell it; seconds : that it took, in all.

    tick, end, loss, silence : of a cell that runs: how far it is, and seconds since it last said so.
    """

    index: int
    name: str
    run_id: str
    status: str
    reason: str = ""
    path: Path | None = None
    attempts: int = 0
    loss: float | None = None
    seconds: float | None = None
    tick: int | None = None
    end: int | None = None
    silence: float | None = None


@dataclass(frozen=True)
class Status:
    """All cells, in the order of `pavg run`.

    remaining : seconds that the rest will take, None if nothing tells; others : results in the sweep's
    folder that are of none of its cells.
    """

    cells: list
    remaining: float | None
    others: int

    @property
    def counts(self):
        """Status → number of cells, for all `STATUSES`."""
        return dict.fromkeys(STATUSES, 0) | Counter(cell.status for cell in self.cells)

    @property
    def running(self):
        return [cell for cell in self.cells if cell.status == "running"]

    @property
    def complete(self):
        """Whether starting the sweep again would run nothing."""
        return all(cell.status in ENDED for cell in self.cells)

    def reasons(self):
        """[(number of cells, status, reason)], most first. Reasons that differ in numbers alone are one."""
        groups = {}
        for cell in self.cells:
            if cell.status != "ok" and cell.reason:
                groups.setdefault((cell.status, NUMBER.sub("…", cell.reason)), Counter())[cell.reason] += 1
        told = [
            (found.total(), status, next(iter(found)) if len(found) == 1 else reason)
            for (status, reason), found in groups.items()
        ]
        return sorted(told, key=lambda group: (-group[0], STATUSES.index(group[1]), group[2]))


class Sweep:
    """A sweep that is looked at, once or again and again.

    Parameters
    ----------
    name : str
        File, folder or benchmark, as for `pavg run`.
    out : pathlib.Path
    overrides : sequence of "key=value"
    repeat : int
        As for `pavg run`.
    ranks : int, optional
        Of the jobs whose results count. None: any number, as the files have it.
    """

    def __init__(self, name, out, overrides=(), repeat=1, ranks=None):
        self.out, self.ranks = Path(out), ranks
        self.expected = expected.cells(name, out, overrides, repeat)
        self._indices = {name: Index(self.out / name) for name in {cell.name for cell in self.expected}}

    def look(self, progress=None):
        """The `Status` now. progress : called with ("results", done, total) while files are read."""
        found = {}
        for name, index in self._indices.items():
            for file, told in index.refresh(progress).items():
                kind = next(kind for kind in KINDS if file.endswith(kind))
                _add(found, name, file.removesuffix(kind), (kind, told))
            for run_id, said in _running(self.out / name / ".running").items():
                _add(found, name, run_id, ("running", said))
        cells = [self._cell(index, cell, found) for index, cell in enumerate(self.expected)]
        known = {(cell.name, cell.run_id) for cell in self.expected}
        others = sum(".h5" in parts for key in found.keys() - known for parts in found[key].values())
        return Status(cells, _remaining(cells, self.expected), others)

    def save(self):
        """Keep what was read, so that the next process need not read it again."""
        for index in self._indices.values():
            index.save()

    def _cell(self, index, cell, found):
        about = {"index": index, "name": cell.name}
        R = cell.R or (self.ranks and min(cell.P, self.ranks))
        runs = {} if cell.unmade else found.get((cell.name, cell.run_id), {})
        states = [
            Cell(**about, run_id=run_id, **_state(parts))
            for (run_id, ranks), parts in runs.items()
            if R is None or ranks is None or ranks == R
        ]
        missing = Cell(**about, run_id=cell.run_id, status="missing", reason=cell.unmade)
        return min(states, key=lambda state: STATUSES.index(state.status), default=missing)


def _add(found, name, run_id, part):
    """Sort a file under the cell that it may belong to, whatever its number of ranks."""
    match = re.fullmatch(r"(.*)-R(\d+)(-r\d+-[0-9a-f]+)", run_id)
    cell, ranks = (f"{match[1]}-R{expected.ANY}{match[3]}", int(match[2])) if match else (run_id, None)
    kind, told = part
    found.setdefault((name, cell), {}).setdefault((run_id, ranks), {})[kind] = told


def _state(parts):
    """What the files of one run say, as keywords of `Cell`. parts : kind (or "running") → what it says."""
    whole, said = parts.get(".h5"), parts.get("running")
    if whole is not None and not isinstance(whole, InputError):
        return _ended(whole)
    kept = [parts[kind] for kind in KINDS[:2] if not isinstance(parts.get(kind, InputError()), InputError)]
    if said is not None and not said["gone"]:
        reason = f"no word for {said['silence']:.0f} s" if said["silence"] > SILENT else ""
        told = {key: value for key, value in said.items() if key != "gone"}
        return told | {"status": "running", "reason": reason}
    if kept:
        return _ended(kept[0])
    if said is not None:
        return {"status": "interrupted", "reason": "its process is gone", "attempts": said["attempts"]}
    return {"status": "missing", "reason": "its file is damaged"}


def _ended(told):
    facts = told.attributes
    return {
        "status": facts["status"],
        "reason": facts["reason"],
        "path": told.path,
        "attempts": facts.get("attempts", 1),
        "loss": told.last.get("loss"),
        "seconds": told.elapsed,
    }


def _running(folder):
    """Run id → what a cell that runs says of itself, of all in a folder's .running."""
    found = {}
    for path in folder.glob("*.json"):
        try:
            said = json.loads(path.read_bytes())
            tick, end, loss = said["tick"], said["end"], said["loss"]
            found[path.stem] = {
                "attempts": int(said["attempts"]),
                "loss": None if loss is None else float(loss),
                "tick": int(tick),
                "end": None if end is None else int(end),
                "seconds": max(float(said["updated"]) - float(said["begun"]), 0.0),
                "silence": max(time.time() - float(said["updated"]), 0.0),
                "gone": said["host"] == socket.gethostname() and not files.alive(int(said["pid"])),
            }
        except (OSError, ValueError, KeyError, TypeError, OverflowError):
            continue  # ended by now, or nothing of ours
    return found


def _remaining(cells, cells_expected):
    """Seconds until all is done, as long as what ran with as many learners and the same method took.

    Cells that run as one task take its seconds together: each counts for its share.
    """
    took = {}
    for cell, about in zip(cells, cells_expected, strict=True):
        if cell.status in ("ok", "diverged"):
            for key in ((about.problem, about.label, about.P), None):
                took.setdefault(key, []).append(cell.seconds)
    total, at_once = 0.0, 0
    for cell, about in zip(cells, cells_expected, strict=True):
        if cell.status in ENDED:
            continue
        like = took.get((about.problem, about.label, about.P)) or took.get(None)
        guess = sum(like) / len(like) if like else None
        if cell.status == "running":
            at_once += (cell.silence <= SILENT) / about.lanes
            if cell.end and cell.tick:
                guess = cell.seconds * cell.end / cell.tick
            guess = guess and max(guess - cell.seconds, 0.0)
        if guess is None:
            return None
        total += guess / about.lanes
    return total / max(at_once, 1)
