"""What cells a sweep has, where their files lie, and what is known of each."""

import contextlib
import json
import os
import socket
import time
from dataclasses import dataclass, replace
from pathlib import Path

from pavg import files
from pavg.errors import InputError
from pavg.records import names
from pavg.records.layout import WHOLE
from pavg.records.reading import opened, status
from pavg.spec import Spec

RETRIED = ("failed", "timeout")  # run again only if asked to


@dataclass(frozen=True)
class Cell:
    """One cell. R : ranks that host its learners; path : its result's final name."""

    index: int
    spec: Spec
    R: int
    path: Path

    @property
    def name(self):
        return self.path.stem

    @property
    def ranks(self):
        """Ranks that it takes: those of learners and servers."""
        return needed(self.spec, self.R)

    @property
    def partial(self):
        """What there is of a run that was interrupted."""
        return self.path.with_suffix(".partial.h5")

    @property
    def failed(self):
        """What there is of a run that failed or took too long."""
        return self.path.with_suffix(".failed.h5")

    @property
    def progress(self):
        """How far a run is, while it runs."""
        return self.path.parent / ".running" / f"{self.name}.json"

    @property
    def lock(self):
        return self.path.parent / ".running" / f"{self.name}.lock"

    def state(self):
        """ok, diverged, skipped; failed, timeout; interrupted, missing. For one rank to ask."""
        expected = {self.path: WHOLE, self.failed: RETRIED, self.partial: ("interrupted",)}
        for path, states in expected.items():
            found = path.exists() and status(path)
            if found in states:
                return found
        return "missing"

    def starts(self):
        """How many times the cell has been started, as far as its files tell."""
        counts = [0]
        for path in (self.failed, self.partial):
            with contextlib.suppress(InputError), opened(path) as file:
                counts.append(int(file.attrs["attempts"]))
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            counts.append(int(json.loads(self.progress.read_text())["attempts"]))
        return max(counts)

    def keep_only(self, path):
        """Remove what does not stand beside this one of its files: beside a whole result, all else."""
        for other in {self.partial, self.failed, self.progress} - {path}:
            with contextlib.suppress(OSError):
                other.unlink(missing_ok=True)

    def report(self, **facts):
        """Say how far the run is, in a file of its own; a disk that is full does not end a run."""
        with contextlib.suppress(OSError):
            self.progress.parent.mkdir(parents=True, exist_ok=True)
            said = facts | {"pid": os.getpid(), "host": socket.gethostname(), "updated": time.time()}
            files.replace(self.progress, json.dumps(said).encode())


def servers(spec):
    """Ranks of a cell that are servers: 0 where no messages are sent."""
    return spec.method.servers if spec.method.asynchronous and spec.clock is None else 0


def ranks(spec, size):
    """R of a cell in a job of so many ranks: as many as it asks for, or there are, or learners."""
    if spec.method.asynchronous:
        return 1 if spec.clock is not None else spec.P
    return spec.R if spec.R is not None else min(spec.P, size)


def needed(spec, size):
    """Ranks that a cell takes in a job of so many: those of its learners and of its servers."""
    return ranks(spec, size) + servers(spec)


def asked(spec):
    """The ranks that a cell cannot do without, in words."""
    if not (S := servers(spec)):
        return f"R = {spec.R} ranks"
    who = f"{spec.P} learners and {S} server{'s' * (S > 1)}"
    return f"{spec.P + S} ranks, {who} (in virtual time, [clock], for one)"


def repeated(specs, times):
    """The cells, so many times over: repetitions of one seed, the first of all cells first."""
    if times == 1:
        return specs
    for spec in specs:
        if not spec.timed:
            raise InputError(
                f"{spec.name}: --repeat {times}: losses and virtual times are the same each time; "
                "expected times"
            )
        if spec.repetition:
            raise InputError(f"{spec.name}: --repeat {times}: the file sets repetition; expected one of them")
    return [replace(spec, repetition=r) for r in range(times) for spec in specs]


def paired(specs, others, times):
    """The cells of two sweeps, so many times over: the k-th cells of both one after the other, as a pair.

    Which of a pair comes first changes from cell to cell and from repetition to repetition. InputError
    where cells do not pair.
    """
    if both := {spec.name for spec in specs} & {spec.name for spec in others}:
        raise InputError(
            f"--against: name = {min(both)!r} in both files; expected two names, for two folders of results"
        )
    if len(specs) != len(others):
        raise InputError(f"--against: {len(specs)} cells and {len(others)}; expected as many in both files")
    for k, (spec, other) in enumerate(zip(specs, others, strict=True)):
        for key in ("P", "R"):
            if getattr(spec, key) != getattr(other, key):
                found = f"{getattr(spec, key)} and {getattr(other, key)}"
                raise InputError(f"--against: cell {k}: {key} = {found}; expected the same in both files")
        if "losses" in (spec.measure, other.measure):
            raise InputError(f"--against: cell {k}: measure = 'losses': they do not depend on turns")
        if spec.clock or other.clock:
            raise InputError(f"--against: cell {k}: virtual times do not depend on turns")
        if servers(spec) or servers(other):
            raise InputError(f"--against: cell {k}: asynchronous runs have no stops at which to take turns")
    ordered = []
    for k, pair in enumerate(zip(repeated(specs, times), repeated(others, times), strict=True)):
        turned = (k % len(specs) + pair[0].repetition) % 2
        ordered += pair[::-1] if turned else pair
    return ordered


def located(index, spec, size, out, origin):
    """The `Cell` of a specification in a job of `size` ranks. origin : of its samples (`engine.task`)."""
    R = ranks(spec, size)
    return Cell(index, spec, R, out / spec.name / f"{names.run_id(spec, R, origin)}.h5")
