"""One start of a group of cells: run it, keep what comes of it, say how it failed."""

import contextlib
import random
import sys
import time
import traceback
from dataclasses import dataclass, field

from pavg.comm.agreement import all_come, once
from pavg.engine import asynchronous, synchronous
from pavg.engine.checkpoint import Checkpoints
from pavg.engine.observation import Care
from pavg.engine.ticks import POLL
from pavg.errors import InputError
from pavg.records import provenance
from pavg.records.record import Record
from pavg.records.writing import write
from pavg.settings import flat
from pavg.sweep.cells import WHOLE, servers

REPORT_EVERY = 2.0  # seconds between two words about a run that is under way
PARTIAL_EVERY, SHARE = 10.0, 0.01  # seconds between partial files at least; share of time at most
MEET = 2.0  # seconds in which ranks that fail together come together
TURN = 0.001  # seconds that a run takes before the other one's turn
MAY_DIFFER = ("R", "data", "lanes")  # settings that a checkpoint does not depend on; "data": where they lie


class CellFailed(RuntimeError):
    """A cell failed on some ranks, while others wait for them: it is recorded, and the job cannot go on."""


def by_turns(comm, attempts):
    """Run attempts on all ranks of `comm`, a stretch of each by turns; or one, to its end.

    Who goes first is drawn anew each time: nothing that comes and goes on a machine keeps step with a
    coin. Returns index of a cell → status, alike on all ranks. Raises what `Attempt.stretches` raises.
    """
    going, states = [attempt.stretches(comm) for attempt in attempts], {}
    coin = random.Random("".join(attempt.group.name for attempt in attempts))  # alike on all ranks
    while going:
        for one in coin.sample(going, len(going)):
            try:
                next(one)
            except StopIteration as over:
                states |= over.value
                going.remove(one)
    return states


@dataclass
class Attempt:
    """How one group is run: `pavg.sweep.groups.Group`, most of which hold one cell.

    heard : called with a sentence, as a sign of life; attempts : how many starts this one makes; beside :
    cells that run at its side; turn, pace : seconds of a turn and what both share, where it takes turns with
    another; else 0.
    """

    group: object
    task: object
    how: object
    watcher: object
    heard: object
    attempts: int
    beside: int = 0
    turn: float = 0.0
    pace: list | None = None
    begun: float = field(default_factory=time.time)
    _reported: float = field(default_factory=time.monotonic)
    _written: float = field(default_factory=time.monotonic)
    _cost: float = 0.0

    def stretches(self, comm):
        """The run of the cells on all ranks of `comm`, as a generator; their files are written.

        It stops where others may have their turn, and returns index → status, alike on all ranks.
        CellFailed where other ranks cannot know that this one has failed; InputError where files cannot
        be written.
        """
        if comm.Get_rank() == 0:
            self.watcher.begins(self.group)
        care = self._care()
        own = comm.Dup()  # what a failed cell leaves unanswered is nobody else's
        try:
            engine = asynchronous if servers(self.task.spec) else synchronous
            yield from engine.stretches(own, self.task, care)
            records = care.records
            own.Free()
        except Exception as error:
            records = self._failed(comm, care.records, error)
        once(comm, self._keep, records)
        ended = list(zip(self.group.cells, records, strict=True))
        if comm.Get_rank() == 0:
            for cell, record in ended:
                self.watcher.ended(cell, record)
        return {cell.index: record.status for cell, record in ended}

    def _care(self):
        how, task = self.how, self.task
        config = {key: value for key, value in task.spec.settings().items() if key not in MAY_DIFFER}
        names = [cell.name for cell in self.group.cells]
        identity = {"run": names, "config": config, "data": task.data}
        checkpoints = Checkpoints(
            self.group.checkpoints,
            identity,
            how.checkpoint_seconds,
            how.checkpoint_rounds,
            self.watcher.says,
            self.attempts,
        )
        return Care(how.timeout, checkpoints, self._look, self.heard, poll=self.turn or POLL, pace=self.pace)

    def _look(self, observer, t):
        """On rank 0, off the clock: tell the user, and from time to time the disk."""
        self.watcher.looks(t, observer.end, observer.losses)
        now, lanes = time.monotonic(), list(zip(self.group.cells, observer.lanes, strict=True))
        if now - self._reported > REPORT_EVERY:
            self._reported = now
            facts = {"begun": self.begun, "tick": t, "end": observer.end, "attempts": self.attempts}
            for cell, lane in lanes:
                if lane.open:
                    cell.report(**facts, loss=lane.loss)
        if now - self._written > max(PARTIAL_EVERY, self._cost / SHARE):
            with contextlib.suppress(InputError, OSError):  # the run may still end well
                for cell, lane in lanes:
                    if not lane.open:
                        self._settle(cell, lane.record)
                        continue
                    self._write(cell.partial, cell, lane.record)
                    cell.failed.unlink(missing_ok=True)  # it is tried again: a kill leaves it interrupted
            self._written = time.monotonic()
            self._cost = self._written - now

    def _failed(self, comm, records, error):
        """The records of a failure that all ranks share; of one that they do not, they are written here."""
        records = records or [Record.of(comm.Get_size()) for _ in self.group.cells]
        rank, known = comm.Get_rank(), isinstance(error, InputError)
        said = str(error) if known else f"rank {rank}: {type(error).__name__}: {error}"
        for record in records:
            if record.status not in WHOLE:  # of a lane that had ended
                record.close("failed", said.strip().splitlines()[0], None)
        if all_come(comm, MEET):
            if rank == 0 and not known:
                traceback.print_exception(error, file=sys.stderr)
            return records
        try:
            self._keep(records)
        except InputError:  # what is not recorded would be tried again without end
            traceback.print_exception(error, file=sys.stderr)
            raise
        raise CellFailed(f"{self.group.name} failed on rank {rank}") from error

    def _keep(self, records):
        for cell, record in zip(self.group.cells, records, strict=True):
            self._settle(cell, record)
        self.group.clean(self.group.states())

    def _settle(self, cell, record):
        """The file that a record belongs in, whole, and none of the others. A result that is there stays."""
        if cell.state() in WHOLE:
            return cell.keep_only(cell.path)
        paused = cell.partial if record.status == "interrupted" else cell.failed
        path = cell.path if record.status in WHOLE else paused
        self._write(path, cell, record)
        cell.keep_only(path)

    def _write(self, path, cell, record):
        write(path, record, self._attributes(cell, record), provenance.environment())

    def _attributes(self, cell, record):
        task = self.task
        settings = cell.spec.settings()
        facts = {
            "run_id": cell.name,
            "label": cell.spec.method.label,
            "R": cell.R,
            "hosted": cell.spec.P > cell.R and cell.spec.clock is None,
            "beside": self.beside,
            "turn": self.turn,
            "lanes": self.group.lanes,
            "attempts": self.attempts,
            "loop": record.loop,
        }
        facts |= {"n_samples": task.objective.n, "n_features": task.objective.dimension, "config": settings}
        facts |= {} if task.optimum is None else {"optimum": task.optimum}
        return flat(settings) | facts | task.data | task.objective.notes | provenance.software()
