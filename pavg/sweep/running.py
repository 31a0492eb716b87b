"""All cells of a sweep that have no result yet, in one MPI job."""

import contextlib
import itertools
import json
from dataclasses import dataclass, replace
from pathlib import Path

from mpi4py import MPI

from pavg import files
from pavg.comm import signals
from pavg.comm.agreement import AgreedError, first_of_node, once, rest, together
from pavg.comm.topology import Worlds
from pavg.comm.watchdog import Watchdog
from pavg.engine import virtual
from pavg.engine.task import Binder, open_data, origin
from pavg.errors import InputError
from pavg.records.writing import check_writable
from pavg.spec import build
from pavg.sweep import grid
from pavg.sweep.attempt import TURN, Attempt, by_turns
from pavg.sweep.cells import RETRIED, WHOLE, asked, needed, paired, repeated
from pavg.sweep.groups import Group, chosen, differences

BOUND = (
    "problem",
    "data",
    "partition",
    "P",
    "averaging",
    "evaluate",
    "clock",
)  # what decides whether samples and traces fit


@dataclass(frozen=True)
class How:
    """How a sweep is run: nothing here changes a record's losses.

    out : folder of results; against : another sweep, whose cells take turns with this one's; cells,
    where : which (None: all); repeat : repetitions; retry : run what failed or took too long again;
    timeout : seconds a cell; side_by_side : cells that need fewer ranks than there are run at the same
    time; checkpoint_seconds, checkpoint_rounds : how often, at least so far apart; patience : seconds
    without a sign of life after which the job ends.
    """

    out: Path
    overrides: tuple = ()
    against: str | None = None
    cells: str | None = None
    where: str | None = None
    repeat: int = 1
    retry: tuple = ()
    timeout: float | None = None
    side_by_side: bool = False
    checkpoint_seconds: float | None = 300.0
    checkpoint_rounds: int | None = None
    patience: float = 1800.0


class Watcher:
    """What a user interface is told, on the first rank that runs a group. The default says nothing."""

    def cells(self, count, total): ...
    def converts(self, stage, done, total): ...
    def begins(self, group): ...
    def looks(self, t, end, losses): ...
    def left(self, cell, state): ...
    def ended(self, cell, record): ...
    def says(self, sentence): ...


@dataclass
class Outcome:
    """What came of a sweep, the same on all ranks.

    states : index of a cell → its state; "elsewhere" where another job is at it. interrupted : whether a
    signal ended the sweep before its last cell was over.
    """

    cells: list
    states: dict
    interrupted: bool = False


def run(comm, name, how, watcher=None):
    """Run the cells of a name (file, folder, benchmark) that have no whole result yet. Collective.

    Results land in OUT/NAME/RUN_ID.h5, OUT being `how.out`. Returns an `Outcome`.
    """
    watcher = watcher or Watcher()
    specs = specifications(comm, name, how)
    groups, states, starts = once(comm, plan, specs, comm.Get_size(), how, watcher)
    waiting = [group for group in groups if group.index in starts]
    cells = sorted((cell for group in groups for cell in group.cells), key=lambda cell: cell.index)
    outcome, left = Outcome(cells, states), {cell.index for group in waiting for cell in group.cells}
    with Watchdog(comm, how.patience) as watchdog:
        job = _Job(how, watcher, watchdog.heard)
        worlds = Worlds(comm)
        for ranks, phase in _phases(waiting, how.side_by_side):
            side = comm.Get_size() // ranks if how.side_by_side else 1
            world, turn = worlds.of(ranks, side)
            ended = {}
            if world is not None:
                job.beside = min(side, len(phase)) - 1
                job.run(world, _turns(phase[turn::side], how), starts, ended)
            with watchdog.resting(_progress(phase)):
                rest(comm)  # ranks that have no part in the cells sleep until they are over
            for found in comm.allgather(ended):
                outcome.states |= found
                left -= {index for index, state in found.items() if state != "interrupted"}
            stopped = signals.received() != 0 or "interrupted" in ended.values()
            if comm.allreduce(stopped, MPI.LOR):
                outcome.interrupted = bool(left)
                break
        worlds.free()
    return outcome


def _progress(groups):
    """A function whose value changes as long as ranks work on cells: each writes its progress there."""
    folders = {group.cells[0].progress.parent for group in groups}

    def changed():
        times = []
        for folder in folders:
            with contextlib.suppress(OSError):
                times.append(folder.stat().st_mtime_ns)
        return times

    return changed


class _Job:
    """Groups one after the other, on one communicator; stores and what is bound to them are shared."""

    def __init__(self, how, watcher, heard):
        self.how, self.watcher, self.heard, self.beside = how, watcher, heard, 0
        self._stores, self._binder = {}, Binder()

    def run(self, comm, turns, starts, ended):
        """Fills `ended`: index → state, on rank 0 of `comm`. Collective.

        turns : tuples of groups that take turns with one another, most of them of one group.
        """
        for groups in turns:
            with contextlib.ExitStack() as held:
                states, attempts = {}, []
                for group in groups:
                    self.heard(f"the beginning of {group.name}")
                    found, started = held.enter_context(self._alone(comm, group, starts[group.index]))
                    if found is None:
                        attempts.append(self._attempt(comm, group, started + 1))
                    else:
                        states |= found
                        self._leave(comm, group, found)
                if len(attempts) > 1:
                    pace = []
                    attempts = [replace(attempt, turn=TURN, pace=pace) for attempt in attempts]
                states |= by_turns(comm, attempts)
            if comm.Get_rank() == 0:
                ended |= states
            if "interrupted" in states.values() or comm.allreduce(signals.received() != 0, MPI.LOR):
                return

    def _attempt(self, comm, group, attempts):
        task = self._bound(comm, group)
        return Attempt(group, task, self.how, self.watcher, self.heard, attempts, self.beside)

    def _leave(self, comm, group, states):
        if comm.Get_rank() == 0:
            for cell in group.cells:
                self.watcher.left(cell, states[cell.index])

    @contextlib.contextmanager
    def _alone(self, comm, group, starts):
        """Hold the cells' locks. Yields on all ranks states, if the group is not to be run, and its starts.

        starts : how many times it had been started when the sweep began.
        """
        with contextlib.ExitStack() as stack:
            states, now = None, starts
            if comm.Get_rank() == 0:
                with contextlib.suppress(OSError):  # a folder that cannot be written says so with the result
                    if not all([_locked(stack, cell.lock) for cell in group.cells]):
                        states = {cell.index: "elsewhere" for cell in group.cells}
                    else:
                        found, now = (
                            group.states(),
                            group.starts(),
                        )  # another job may have been at it meanwhile
                        ended = (*WHOLE, *RETRIED) if now > starts else WHOLE
                        states = found if set(found.values()) <= set(ended) else None
            yield comm.bcast((states, now))

    def _bound(self, comm, group):
        """The task of a group on this rank; stores stay mapped from one to the next. Collective."""
        spec, specs = group.spec, [cell.spec for cell in group.cells]

        def bound():
            if spec.data not in self._stores:
                self._stores[spec.data] = open_data(spec)
            return self._binder.bind(specs, self._stores[spec.data])

        task = first_of_node(comm, bound)
        if len(set(comm.allgather(task.data.get("data_checksum")))) > 1:
            raise AgreedError(f"{spec.data}: ranks find different samples there", comm.Get_size())
        return task


def _locked(stack, path):
    """Hold a lock until the stack is left, and remove it then. False: somebody else has it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    held = stack.enter_context(files.locked(path))
    if held:
        stack.callback(_removed, path)
    return held


def _removed(path):
    with contextlib.suppress(OSError):  # what stays changes nothing: the lock ends with the process
        path.unlink()


def specifications(comm, name, how):
    """The checked cells of a sweep, on every rank. Collective."""

    def read():
        sweeps = [name] if how.against is None else [name, how.against]
        return [[c for path in grid.sources(s) for c in grid.expand(path, how.overrides)] for s in sweeps]

    def built():
        sweeps = [[build(table, source) for source, table in tables] for tables in read_in]
        return paired(*sweeps, how.repeat) if how.against else repeated(*sweeps, how.repeat)

    read_in = once(comm, read)
    return together(comm, built)


def plan(specs, size, how, watcher):
    """On rank 0: chosen groups; index → state of each cell; index → earlier starts of what is to run."""
    wanted = chosen(specs, size, how.cells, how.where)
    cells = [specs[index] for indices in wanted for index in indices]
    watcher.cells(len(cells), len(specs))
    origins = _check(cells, size, how.out, watcher.converts)
    groups = [
        Group.of(indices, specs, size, how.out, origins, differs)
        for indices, differs in zip(wanted, differences(wanted, specs), strict=True)
    ]
    for folder in {
        path.parent for group in groups for path in (group.cells[0].path, group.cells[0].progress)
    }:
        with contextlib.suppress(OSError):
            files.remove_stale(folder)
    states, starts = {}, {}
    left_alone = {*WHOLE, *RETRIED} - {*how.retry}
    for group in groups:
        found = group.states()
        states |= found
        if left_alone.issuperset(found.values()):
            for cell in group.cells:
                watcher.left(cell, found[cell.index])
            group.clean(found)  # of a job that was killed just after it wrote a result
        else:
            starts[group.index] = group.starts()
    return groups, states, starts


def _check(specs, size, out, converts):
    """data → origin of its samples. What can be wrong is said before the first cell starts."""
    seen, origins, binder = set(), {}, Binder()
    for spec in specs:
        if needed(spec, size) > size:
            raise InputError(f"{spec.name}: a cell asks for {asked(spec)}; this job has {size}")
        if spec.name not in seen:
            seen.add(spec.name)
            check_writable(out / spec.name)
        bound = json.dumps({k: v for k, v in spec.settings().items() if k in BOUND})
        if bound not in seen:
            seen.add(bound)
            store = open_data(spec, converts)
            origins[spec.data] = origin(store)
            binder.bind((spec,), store)
            virtual.check(spec)
    return origins


def _turns(groups, how):
    """Which groups take turns: those of a pair, which are one cell each; else none."""
    if not how.against:
        return [(group,) for group in groups]
    return [tuple(pair) for _, pair in itertools.groupby(groups, lambda group: group.index // 2)]


def _phases(groups, side_by_side):
    """(ranks, groups) of those that follow one another on as many ranks; side by side, the widest first."""
    if side_by_side:
        groups = sorted(groups, key=lambda group: -group.ranks)
    return [(ranks, list(phase)) for ranks, phase in itertools.groupby(groups, lambda group: group.ranks)]
