"""All that the engine does besides training: stop the clock, look, record, keep, decide whether to go on."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from signal import Signals

import numpy as np

from pavg.comm import signals
from pavg.comm.agreement import check
from pavg.comm.averaging import total
from pavg.engine.checkpoint import Checkpoints
from pavg.engine.evaluation import Ranking, evaluate
from pavg.engine.lanes import Lane
from pavg.engine.ticks import POLL, Stops
from pavg.records.layout import PHASES
from pavg.records.record import Record

PAUSED = ("interrupted", "timeout")  # ends that a run can go on from


@dataclass
class Care:
    """What a run is given that changes nothing in its record: limits, checkpoints, and who is told.

    timeout : seconds from now on, all told; on_look : called on rank 0 at each stop, off the clock, with
    (observer, tick); heard : called on every rank with a sentence, as a sign of life; records : of the
    cells, set by the run, for whoever must say how it failed; poll, pace : seconds from stop to stop, and
    what runs that take turns share (`pavg.engine.ticks.Stops`).
    """

    timeout: float | None = None
    checkpoints: Checkpoints | None = None
    on_look: Callable = lambda observer, t: None
    heard: Callable = lambda sentence: None
    records: list[Record] = field(default_factory=list)
    poll: float = POLL
    pace: list | None = None
    began: float = field(default_factory=time.monotonic)


class Observer:
    """Looks at a task from outside the training clock: at all lanes at once.

    A lane that diverges or reaches its target has its record closed then, and its models stand still; the
    task ends with its last lane.

    Parameters
    ----------
    comm : communicator of the run; evaluations use a duplicate of it
    task : pavg.engine.task.Task
    learners : pavg.learners.Learners
    care : Care; its records are filled on every rank alike
    """

    def __init__(self, comm, task, learners, care):
        self.comm, self.side = comm, comm.Dup()
        self.task, self.spec, self.learners = task, task.spec, learners
        self.care, kept = care, care.checkpoints
        self._stops = Stops(task.spec, learners, task.objective.n, kept and kept.rounds, care.poll, care.pace)
        cells = enumerate(zip(task.specs, care.records, strict=True))
        self.lanes = [Lane(k, spec, record, task.optimum) for k, (spec, record) in cells]
        self.status, self.reason = "ok", ""
        self.seconds = self.real = 0.0  # of the training clock, and of this machine
        asked = task.spec.evaluate
        self._ranking = None
        if asked.learners is not None:
            self._ranking = Ranking(task.objective, learners, asked.learners, task.spec.seed)
        self._saving = 0.0  # seconds of checkpoints since the last row
        self.begun = self._begin()

    def _begin(self):
        """The tick to begin at: that of the last checkpoint, or 0."""
        t = 0
        if self.care.checkpoints is not None:
            t = self.care.checkpoints.restore(self.side, self.learners, self.lanes)
        self._agree()
        if t == 0:
            self._evaluate()
            self._row(0)
        for lane in self.lanes:
            if lane.open:
                lane.begin()
            else:
                self.learners.freeze(lane.index)
                lane.record.loop = self.learners.loop
        if t == 0:
            self._judge(0)
            if not self.reason:
                self._close_ended()
        return t

    @property
    def open(self):
        """The lanes that have not ended."""
        return [lane for lane in self.lanes if lane.open]

    @property
    def losses(self):
        """Of the open lanes."""
        return [lane.loss for lane in self.open]

    @property
    def end(self):
        """The last tick, or None if only seconds limit the run."""
        return self._stops.end

    def stops(self):
        """The ticks at which the engine takes over, the clock started for each stretch."""
        t = self.begun
        while not self.reason:
            stop = self._stops.after(t, self.seconds, self.real)
            self.start_clock()
            yield stop
            t = stop

    def start_clock(self):
        """Start the training clock on all ranks together: what rank 0 did meanwhile is nobody's waiting."""
        self.side.Barrier()
        self.learners.clock.start()

    def look(self, t):
        """Stop the clock; agree on signals and limits; evaluate if it is time. True: the run ends here."""
        self.learners.clock.stop(self.comm)
        asked, late, due = self._agree()
        evaluated = False
        if t == self.end:
            self.reason = "all steps done"
        elif self._out_of_time(t):
            self.reason = "seconds"
        elif self._stops.evaluates(t):
            evaluated = True
            self._evaluate()
            self._judge(t)
        if not self.reason and asked:
            self.status, self.reason = "interrupted", f"signal {Signals(asked).name}"
        elif not self.reason and late:
            self.status, self.reason = "timeout", f"{self.care.timeout:g} s"
        paused, ends = self.status in PAUSED, bool(self.reason)
        if evaluated and (paused or not ends):
            self._row(t)
            self._close_ended()
        if paused or not ends and (due or self._stops.keeps(t)):
            self._checkpoint(t)
        if self.comm.Get_rank() == 0:
            self.care.on_look(self, t)
        return ends

    def _out_of_time(self, t):
        """Whether the training clock says so; virtual time does at evaluations alone, whatever polls do."""
        limit = self.spec.stop.seconds
        looked_at = self.spec.clock is None or self._stops.evaluates(t)
        return limit is not None and looked_at and self.seconds >= limit

    def _judge(self, t):
        """Which lanes end here by their losses; the task ends with the last."""
        for lane in self.open:
            lane.judge(t)
        if all(lane.reason for lane in self.open):
            self.reason = "no lane goes on"

    def _close_ended(self):
        """Close the records of lanes that have ended while others go on, as if with a last average."""
        for lane in self.open:
            if not lane.reason:
                continue
            if self.learners.apart:
                row = lane.record.rows[-1]
                row["rounds"] += 1
                row["bytes"] += self.learners.bytes_of_average
            lane.close(self.average)
            self.learners.freeze(lane.index)

    def _checkpoint(self, t):
        if self.care.checkpoints is not None:
            began = time.perf_counter()
            self.care.checkpoints.save(self.side, t, self.learners, self.lanes)
            self._saving += time.perf_counter() - began

    def last(self, t):
        """The observation after the last average: of each open lane the final row, model and status."""
        self._agree()
        self._evaluate()
        self._row(t)
        paused = self.status in PAUSED  # its models are in the checkpoint
        course = {} if paused else self.learners.course(self.side)
        for lane in self.open:
            lane.record.course = course
            if paused:
                lane.status, lane.reason = self.status, self.reason
            elif lane.status == "ok":
                lane.reason = lane.reason or self.reason
                lane.judge(t)
            lane.close(None if paused else self.average)
        self.side.Free()

    def _agree(self):
        """Share signals and clocks: (signal that asks for an end, or 0; time is out; a checkpoint is due)."""
        self.care.heard(f"tick {self.learners.steps or self.learners.rounds_done}")
        shared = np.zeros((self.side.Get_size(), 5))
        kept, limit = self.care.checkpoints, self.care.timeout
        late = limit is not None and time.monotonic() - self.care.began > limit
        due = kept is not None and kept.due()
        clock = self.learners.clock
        shared[self.side.Get_rank()] = signals.received(), clock.total, clock.real, late, due
        total(self.side, shared)
        asked, self.seconds, self.real = shared[:, :3].max(axis=0).tolist()
        return int(asked), shared[0, 3] > 0, shared[0, 4] > 0  # one clock decides: rank 0's

    def _evaluate(self):
        """Evaluate the average that would be made now; its seconds are kept apart."""
        check(self.side, "evaluate")
        began = time.perf_counter()
        with np.errstate(over="ignore", invalid="ignore"):  # of models that diverge
            self.average, drift = self.learners.virtual_average(self.side)
            reduction = self.learners.reduction if self.spec.evaluate.grad_norm else None
            values = evaluate(self.side, self.task.objective, self.average, drift, reduction)
            if self._ranking is not None:
                values |= self._ranking(self.side, values)
        for lane in self.open:
            lane.see(values)
        self._evaluating = time.perf_counter() - began

    def _row(self, t):
        """Add one row to every open record: counters, values, and each rank's times since the last row."""
        clock, learners, size = self.learners.clock, self.learners, self.side.Get_size()
        times = np.zeros((size, 3, 3))
        times[self.side.Get_rank()] = clock.seconds, clock.least, clock.most
        if size > 1:
            total(self.side, times)
        clock.clear()
        steps, samples = learners.counts(self.side)
        common = {"time_eval": self._evaluating, "time_checkpoint": self._saving}
        if not (self.spec.method.alike or self.spec.method.asynchronous):  # whose arrivals tell
            common["learner_steps"] = steps
        self._saving = 0.0
        for p, phase in enumerate(PHASES):
            for s, suffix in enumerate(("", "_min", "_max")):
                common[f"time_{phase}{suffix}"] = times[:, s, p]
        for lane in self.open:
            lane.record.loop = learners.loop
            counted = {
                "ticks": t,
                "local_steps": int(steps.max()),
                "rounds": learners.rounds_done,
                "samples": int(samples.sum()),
                "bytes": learners.bytes,
                "time_wall": self.seconds,
            }
            lane.record.add(**(counted | learners.more | lane.values | common))
