"""A run kept on disk, so that it can go on: one file a rank, and a manifest that is renamed last.

    FOLDER/000012/rank00000.npz …    models, momentum, draws of these learners; clock of this rank
                  record.npz         the rows so far, of every cell
                  manifest.json      what they belong to, and a digest of each and of itself

A generation counts once its manifest is there. The good one before it stays, for the case that a file
of the newest is damaged.
"""

import copy
import hashlib
import io
import json
import shutil
import time
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pavg import files
from pavg.comm.topology import block

FORMAT, VERSION = "pavg-checkpoint", 3
KEPT = 2  # generations
SHARE = 0.01  # of a run's time that checkpoints may take


@dataclass
class Checkpoints:
    """Checkpoints of one task.

    folder : of this run alone; identity : JSON-able facts that must be the same to go on;
    seconds, rounds : how often, at least so far apart (None: not for this reason); say : called with a
    sentence, on rank 0.
    """

    folder: Path
    identity: dict
    seconds: float | None = None
    rounds: int | None = None
    say: object = print
    attempts: int = 1
    _last: float = field(default_factory=time.monotonic)
    _cost: float = 0.0
    _refused: set = field(default_factory=set)

    def due(self):
        """Whether the seconds since the last one are over. For rank 0 to ask."""
        if self.seconds is None:
            return False
        return time.monotonic() - self._last > max(self.seconds, self._cost / SHARE)

    def save(self, comm, t, learners, lanes):
        """Keep tick t. A disk that is full costs the checkpoint, not the run. Collective; True if kept.

        lanes : `pavg.engine.lanes.Lane` of every cell.
        """
        began = time.monotonic()
        generation = comm.bcast(self._next() if comm.Get_rank() == 0 else None)
        folder = self.folder / f"{generation:06d}"
        own = learners.state()
        written = [(f"rank{comm.Get_rank():05d}.npz", own)]
        if comm.Get_rank() == 0:
            rows = {f"{lane.index}/{name}": a for lane in lanes for name, a in lane.state().items()}
            written.append(("record.npz", rows))
        facts = self.identity | {
            "format": FORMAT,
            "format_version": VERSION,
            "tick": t,
            "R": comm.Get_size(),
            "attempts": self.attempts,
        }
        digests, error = {}, None
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for name, arrays in written:
                content = _packed(arrays)
                digests[name] = _digest(content)
                files.replace(folder / name, content, durable=True)
        except OSError as problem:
            error = f"{folder}: {problem.strerror or problem}"
        everyone = comm.allgather((digests, error))
        error = next((problem for _, problem in everyone if problem), None)
        if comm.Get_rank() == 0:
            if error is None:
                facts["files"] = {name: digest for found, _ in everyone for name, digest in found.items()}
                try:
                    manifest = json.dumps(facts | {"digest": _digest(_text(facts))})
                    files.replace(folder / "manifest.json", manifest.encode(), durable=True)
                    self._prune()
                except OSError as problem:
                    error = f"{folder}: {problem.strerror or problem}"
            if error is not None:
                shutil.rmtree(folder, ignore_errors=True)
                self.say(f"no checkpoint: {error}")
            self._last = time.monotonic()
            self._cost = self._last - began
        return comm.bcast(error) is None

    def restore(self, comm, learners, lanes):
        """Go back to the newest checkpoint that is whole: its tick, or 0 where there is none. Collective.

        On as many ranks as it was made on, everything is as it was. On another number, models and
        counters are, and times of single ranks are unknown (NaN).
        """
        found = comm.bcast(self._manifests() if comm.Get_rank() == 0 else None)
        for folder, facts, problem in found:
            loaded = None
            if problem is None:
                try:
                    loaded = _load(folder, facts, learners.spec.P, learners.ids)
                except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
                    problem = f"damaged: {error}"
            problem = next((p for p in comm.allgather(problem) if p is not None), None)
            if problem is None:
                same = facts["R"] == comm.Get_size()
                rows, states = loaded
                for lane in lanes:
                    own = (name.partition("/") for name in rows)
                    lane.restore({n: rows[f"{k}/{n}"] for k, _, n in own if k == str(lane.index)}, same)
                learners.restore(states, states[0] if same else None)
                return facts["tick"]
            if comm.Get_rank() == 0:
                self._refused.add(folder)
                self.say(f"checkpoint {folder} is not used: {problem}")
        return 0

    def starts(self):
        """How many starts of the run the newest checkpoint knows of; 0 without one. For rank 0."""
        return next((facts["attempts"] for _, facts, problem in self._manifests() if problem is None), 0)

    def remove(self):
        """Remove them all: the run has its result. For rank 0."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _generations(self):
        """Folders of generations, the newest first."""
        try:
            found = [p for p in self.folder.iterdir() if p.name.isdecimal()]
        except OSError:
            return []
        return sorted(found, key=lambda path: int(path.name), reverse=True)

    def _next(self):
        newest = self._generations()[:1]
        return int(newest[0].name) + 1 if newest else 1

    def _prune(self):
        good = (p for p in self._generations() if p not in self._refused)
        whole = [p for p in good if (p / "manifest.json").exists()]
        for path in self._generations():
            if path not in whole[:KEPT]:
                shutil.rmtree(path, ignore_errors=True)

    def _manifests(self):
        """[(folder, facts, None or what is wrong)], the newest first."""
        found = []
        for path in self._generations():
            facts, problem = None, None
            try:
                facts = json.loads((path / "manifest.json").read_text())
                digest = facts.pop("digest", None)
                made = f"version {facts['format_version']} of {facts['format']}"
                if made != f"version {VERSION} of {FORMAT}":
                    problem = f"{made}; expected version {VERSION} of {FORMAT}"
                elif other := [key for key, value in self.identity.items() if facts.get(key) != value]:
                    problem = f"of another run: {', '.join(other)} differ"
                elif digest != _digest(_text(facts)):
                    problem = "its manifest is damaged: it is not what was written"
            except FileNotFoundError:
                continue  # never finished
            except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
                problem = f"its manifest is damaged: {error}"
            found.append((path, facts, problem))
        return found


class InMemory:
    """One stop of a run, from which others go on in this process: as `Checkpoints`, without a disk.

    rounds : the stop is where so many are over.
    """

    def __init__(self, rounds):
        self.rounds, self._kept = rounds, None

    def due(self):
        return False

    def save(self, comm, t, learners, lanes):
        """Keep tick t, the first time."""
        if self._kept is None:
            self._kept = copy.deepcopy((t, learners.state(), [lane.state() for lane in lanes]))

    def restore(self, comm, learners, lanes):
        """Go back to what was kept, on as many ranks: its tick, or 0 before that."""
        if self._kept is None:
            return 0
        t, state, rows = self._kept
        for lane, of_lane in zip(lanes, rows, strict=True):
            lane.restore(of_lane, True)
        learners.restore([state], state)
        return t


def _load(folder, facts, P, ids):
    """(rows, states of the ranks that hosted these learners): arrays from files whose digests are right."""
    rows = _unpacked(folder, "record.npz", facts)
    states = []
    for rank in range(facts["R"]):
        begin, end = block(P, facts["R"], rank)
        if begin < ids.stop and end > ids.start:
            states.append(_unpacked(folder, f"rank{rank:05d}.npz", facts))
    return rows, states


def _packed(arrays):
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getbuffer()


def _unpacked(folder, name, facts):
    content = (folder / name).read_bytes()
    if _digest(content) != facts["files"][name]:
        raise ValueError(f"{name} is not what was written")
    with np.load(io.BytesIO(content), allow_pickle=False) as loaded:
        return dict(loaded)


def _text(facts):
    return json.dumps(facts, sort_keys=True).encode()


def _digest(content):
    return hashlib.blake2b(content, digest_size=16).hexdigest()
