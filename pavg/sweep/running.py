"""Cells one after the other, in one MPI job; one file each."""

import contextlib
import json
import time
from dataclasses import dataclass, field

from mpi4py import MPI

from pavg.comm import signals
from pavg.comm.agreement import AgreedError, first_of_node, once, rest
from pavg.comm.topology import Worlds
from pavg.engine import synchronous
from pavg.engine.task import bind, open_data
from pavg.errors import InputError
from pavg.records import names, provenance
from pavg.records.reading import status
from pavg.records.writing import check_writable, flat, write
from pavg.spec import build
from pavg.sweep import grid

WHOLE = ("ok", "diverged", "skipped")
BOUND = (
    "problem",
    "data",
    "partition",
    "P",
    "stop",
    "sampling",
    "weights",
)  # what decides whether samples fit
PARTIAL_EVERY, PARTIAL_SHARE = 10.0, 0.01  # seconds between partial files at least; share of time at most


@dataclass
class Watcher:
    """What a user interface is told, on rank 0 only. The default says nothing."""

    def cells(self, specs): ...
    def converts(self, stage, done, total): ...
    def begins(self, index, name, spec, R): ...
    def looks(self, t, end, loss): ...
    def skipped(self, index, path): ...
    def ended(self, index, path, record): ...


@dataclass
class Outcome:
    """Files of the cells that ran or were there already; whether a signal ended the sweep early."""

    paths: list = field(default_factory=list)
    interrupted: bool = False


def run(comm, name, out, overrides=(), watcher=None):
    """Run all cells of a name (file, folder, benchmark) that have no whole result under `out`. Collective.

    Results land in out/NAME/RUN_ID.h5. Returns an `Outcome`, the same on all ranks.
    """
    specs = _specifications(comm, name, overrides)
    worlds, outcome, stores = Worlds(comm), Outcome(), {}
    watcher = watcher or Watcher()
    if comm.Get_rank() == 0:
        watcher.cells(specs)
    once(comm, _check_all, specs, comm.Get_size(), out, watcher.converts)
    for index, spec in enumerate(specs):
        cell = Cell(index, spec, out / spec.name, _ranks(spec, comm.Get_size()))
        task = _bound(comm, spec, stores)
        path = cell.path(task)
        if once(comm, status, path) in WHOLE:
            if comm.Get_rank() == 0:
                watcher.skipped(index, path)
            outcome.paths.append(path)
            continue
        world, interrupted = worlds.of(cell.R), False
        if world is not None:
            record = cell.run(world, task, path, watcher)
            interrupted = record.status == "interrupted"
        rest(comm)  # ranks that had no part in the cell sleep until it is over
        outcome.paths.append(path)
        if comm.allreduce(interrupted or signals.received() != 0, MPI.LOR):
            outcome.interrupted = True
            break
    worlds.free()
    return outcome


@dataclass(frozen=True)
class Cell:
    """One cell: where its file goes and how many ranks it takes."""

    index: int
    spec: object
    folder: object
    R: int

    def path(self, task):
        return self.folder / f"{names.run_id(task.spec, self.R, task.data)}.h5"

    def run(self, comm, task, path, watcher):
        """Run the cell on `comm` and write its file on rank 0. Returns the record."""
        partial = path.with_suffix(".partial.h5")
        last_written, cost = time.monotonic(), 0.0

        def on_look(observer, t):
            nonlocal last_written, cost
            watcher.looks(t, observer.end, observer.loss)
            if time.monotonic() - last_written > max(PARTIAL_EVERY, cost / PARTIAL_SHARE):
                began = time.monotonic()
                with contextlib.suppress(InputError):  # the run may still end well
                    self._write(partial, observer.record, task, path.stem)
                last_written = time.monotonic()
                cost = last_written - began

        if comm.Get_rank() == 0:
            watcher.begins(self.index, path.stem, self.spec, self.R)
        record = synchronous.run(comm, task, on_look)
        once(comm, self._keep, record, task, path, partial)
        if comm.Get_rank() == 0:
            watcher.ended(self.index, path, record)
        return record

    def _write(self, path, record, task, run_id):
        write(path, record, self._attributes(task, run_id), provenance.environment())

    def _keep(self, record, task, path, partial):
        whole = record.status in WHOLE
        self._write(path if whole else partial, record, task, path.stem)
        if whole:
            partial.unlink(missing_ok=True)

    def _attributes(self, task, run_id):
        settings = task.spec.settings()
        facts = {
            "run_id": run_id,
            "label": self.spec.method.label,
            "R": self.R,
            "hosted": self.spec.P > self.R,
            "loop": "python",
        }
        facts |= {"n_samples": task.objective.n, "n_features": task.objective.dimension, "config": settings}
        return flat(settings) | facts | task.data | task.objective.notes | provenance.software()


def _specifications(comm, name, overrides):
    """The checked cells, on every rank. Rank 0 reads; building imports problems, which compiles kernels."""
    tables = once(comm, _read, name, overrides)
    return first_of_node(comm, lambda: [build(table, source) for source, table in tables])


def _read(name, overrides):
    """[(source, table)] of all cells, each known to be right."""
    tables = [cell for path in grid.sources(name) for cell in grid.expand(path, overrides)]
    for source, table in tables:
        build(table, source)
    return tables


def _check_all(specs, size, out, converts):
    """On rank 0: what can be known to be wrong before the first cell starts. Samples are converted here."""
    seen = set()
    for spec in specs:
        if spec.R is not None and spec.R > size:
            raise InputError(f"{spec.name}: a cell asks for R = {spec.R} ranks; this job has {size}")
        if spec.name not in seen:
            seen.add(spec.name)
            check_writable(out / spec.name)
        bound = json.dumps({k: v for k, v in spec.settings().items() if k in BOUND})
        if bound not in seen:
            seen.add(bound)
            bind(spec, open_data(spec, converts))


def _ranks(spec, size):
    return spec.R if spec.R is not None else min(spec.P, size)


def _bound(comm, spec, stores):
    """The task of a cell on this rank; stores stay mapped from cell to cell. Collective."""
    if spec.data not in stores:
        stores[spec.data] = first_of_node(comm, lambda: open_data(spec))
        checksums = comm.allgather(stores[spec.data] and stores[spec.data].checksum)
        if len(set(checksums)) > 1:
            raise AgreedError(f"{spec.data}: ranks find different samples there", comm.Get_size())
    return first_of_node(comm, lambda: bind(spec, stores[spec.data]))
