"""One start of one cell: run it, keep what comes of it, say how it failed."""

import contextlib
import sys
import time
import traceback
from dataclasses import dataclass, field

from pavg.comm.agreement import all_come, once
from pavg.engine import synchronous
from pavg.engine.checkpoint import Checkpoints
from pavg.engine.observation import Care
from pavg.errors import InputError
from pavg.records import provenance
from pavg.records.record import Record
from pavg.records.writing import flat, write
from pavg.sweep.cells import WHOLE

REPORT_EVERY = 2.0  # seconds between two words about a run that is under way
PARTIAL_EVERY, SHARE = 10.0, 0.01  # seconds between partial files at least; share of time at most
MEET = 2.0  # seconds in which ranks that fail together come together
MAY_DIFFER = ("R", "data")  # settings that a checkpoint does not depend on: ranks, where samples lie


class CellFailed(RuntimeError):
    """A cell failed on some ranks, while others wait for them: it is recorded, and the job cannot go on."""


@dataclass
class Attempt:
    """How one cell is run.

    heard : called with a sentence, as a sign of life; attempts : how many starts this one makes; beside :
    cells that run at its side.
    """

    cell: object
    task: object
    how: object
    watcher: object
    heard: object
    attempts: int
    beside: int = 0
    begun: float = field(default_factory=time.time)
    _reported: float = field(default_factory=time.monotonic)
    _written: float = field(default_factory=time.monotonic)
    _cost: float = 0.0

    def run(self, comm):
        """Run the cell on all ranks of `comm`; its file is written. Returns the record, alike on all ranks.

        CellFailed where other ranks cannot know that this one has failed; InputError where files cannot
        be written.
        """
        if comm.Get_rank() == 0:
            self.watcher.begins(self.cell)
        care = self._care()
        own = comm.Dup()  # what a failed cell leaves unanswered is nobody else's
        try:
            record = synchronous.run(own, self.task, care)
            own.Free()
        except Exception as error:
            record = self._failed(comm, care.record, error)
        once(comm, self._keep, record)
        if comm.Get_rank() == 0:
            self.watcher.ended(self.cell, record)
        return record

    def _care(self):
        how, task = self.how, self.task
        config = {key: value for key, value in task.spec.settings().items() if key not in MAY_DIFFER}
        identity = {"run": self.cell.name, "config": config, "data": task.data}
        checkpoints = Checkpoints(
            self.cell.checkpoints,
            identity,
            how.checkpoint_seconds,
            how.checkpoint_rounds,
            self.watcher.says,
            self.attempts,
        )
        return Care(how.timeout, checkpoints, self._look, self.heard)

    def _look(self, observer, t):
        """On rank 0, off the clock: tell the user, and from time to time the disk."""
        self.watcher.looks(t, observer.end, observer.loss)
        now = time.monotonic()
        if now - self._reported > REPORT_EVERY:
            self._reported = now
            facts = {"begun": self.begun, "tick": t, "end": observer.end, "loss": observer.loss}
            self.cell.report(**facts, attempts=self.attempts)
        if now - self._written > max(PARTIAL_EVERY, self._cost / SHARE):
            with contextlib.suppress(InputError, OSError):  # the run may still end well
                self._write(self.cell.partial, observer.record)
                self.cell.failed.unlink(missing_ok=True)  # it is tried again: a kill leaves it interrupted
            self._written = time.monotonic()
            self._cost = self._written - now

    def _failed(self, comm, record, error):
        """The record of a failure that all ranks share; for one that they do not, it is written here."""
        record = record or Record.of(comm.Get_size())
        rank, known = comm.Get_rank(), isinstance(error, InputError)
        said = str(error) if known else f"rank {rank}: {type(error).__name__}: {error}"
        record.close("failed", said.strip().splitlines()[0], None)
        if all_come(comm, MEET):
            if rank == 0 and not known:
                traceback.print_exception(error, file=sys.stderr)
            return record
        try:
            self._keep(record)
        except InputError:  # what is not recorded would be tried again without end
            traceback.print_exception(error, file=sys.stderr)
            raise
        raise CellFailed(f"{self.cell.name} failed on rank {rank}") from error

    def _keep(self, record):
        """The file that a record belongs in, whole, and none of the others."""
        cell = self.cell
        paused = cell.partial if record.status == "interrupted" else cell.failed
        path = cell.path if record.status in WHOLE else paused
        self._write(path, record)
        cell.keep_only(path)

    def _write(self, path, record):
        write(path, record, self._attributes(record), provenance.environment())

    def _attributes(self, record):
        cell, task = self.cell, self.task
        settings = task.spec.settings()
        facts = {
            "run_id": cell.name,
            "label": cell.spec.method.label,
            "R": cell.R,
            "hosted": cell.spec.P > cell.R,
            "beside": self.beside,
            "attempts": self.attempts,
            "loop": record.loop,
        }
        facts |= {"n_samples": task.objective.n, "n_features": task.objective.dimension, "config": settings}
        return flat(settings) | facts | task.data | task.objective.notes | provenance.software()
