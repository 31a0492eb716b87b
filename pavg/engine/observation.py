"""All that the engine does besides training: stop the clock, look, record, decide whether to go on."""

import time

import numpy as np

from pavg.comm import signals
from pavg.comm.agreement import check
from pavg.comm.averaging import total
from pavg.comm.clocks import PHASES
from pavg.engine.evaluation import evaluate
from pavg.engine.ticks import Stops


class Observer:
    """Looks at a run from outside the training clock.

    Parameters
    ----------
    comm : communicator of the run; evaluations use a duplicate of it
    task : pavg.engine.task.Task
    learners : pavg.learners.Learners
    record : pavg.records.record.Record, filled on every rank alike
    on_look : called on rank 0 after each look, with (observer, t); for progress and partial files
    """

    def __init__(self, comm, task, learners, record, on_look=None):
        self.comm, self.side = comm, comm.Dup()
        self.task, self.spec, self.learners, self.record = task, task.spec, learners, record
        self.on_look = on_look
        self._stops = Stops(task.spec, learners, task.objective.n)
        given = task.spec.evaluate.optimum
        self.optimum = task.objective.optimum if given is None else given
        self.status, self.reason, self.seconds = "ok", "", 0.0
        self._bound = np.inf
        self._row(0, self._evaluate())
        self._bound = task.spec.evaluate.diverged * max(1.0, abs(self.loss))
        if not np.isfinite(self.loss):
            self.status, self.reason = "diverged", "the loss is not finite at the start"
        elif self._on_target():
            self.reason = "target loss"

    @property
    def end(self):
        """The last tick, or None if only seconds limit the run."""
        return self._stops.end

    def stops(self):
        """The ticks at which the engine takes over, the clock started for each stretch."""
        t = 0
        while not self.reason:
            stop = self._stops.after(t, self.seconds)
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
        asked = self._agree()
        values = None
        if t == self.end:
            self.reason = "all steps done"
        elif self.spec.stop.seconds is not None and self.seconds >= self.spec.stop.seconds:
            self.reason = "seconds"
        elif asked:
            self.status, self.reason = "interrupted", f"signal {asked}"
        elif self._stops.evaluates(t):
            values = self._evaluate()
            if self._has_diverged():
                self.status, self.reason = "diverged", f"loss {self.loss:g} at tick {t}"
            elif self._on_target():
                self.reason = "target loss"
        ends = bool(self.reason)
        if values is not None and not ends:
            self._row(t, values)
        if self.on_look and self.comm.Get_rank() == 0:
            self.on_look(self, t)
        return ends

    def last(self, t):
        """The observation after the last average: the final row, the final model, the status."""
        self._agree()
        self._row(t, self._evaluate())
        if self._has_diverged() and self.status == "ok":
            self.status, self.reason = "diverged", f"loss {self.loss:g} at tick {t}"
        elif self._on_target() and self.status == "ok":
            self.reason = "target loss"
        self.record.close(self.status, self.reason, self.average)
        self.side.Free()

    def _agree(self):
        """Share signals and training seconds. Returns the signal that asks for an end, or 0."""
        shared = np.zeros((self.side.Get_size(), 2))
        shared[self.side.Get_rank()] = signals.received(), self.learners.clock.total
        total(self.side, shared)
        asked, self.seconds = shared.max(axis=0).tolist()
        return int(asked)

    def _evaluate(self):
        """Evaluate the average that would be made now; its seconds are kept apart."""
        check(self.side, "evaluate")
        began = time.perf_counter()
        self.average, drift = self.learners.virtual_average(self.side)
        values = evaluate(self.side, self.task.objective, self.average, drift)
        self.loss = values["loss"]
        if self.optimum is not None:
            first = self.record.first("loss", self.loss)
            values["suboptimality"] = (self.loss - self.optimum) / (first - self.optimum or np.nan)
        return values | {"time_eval": time.perf_counter() - began}

    def _on_target(self):
        return self.spec.stop.target_loss is not None and self.loss <= self.spec.stop.target_loss

    def _has_diverged(self):
        return not np.isfinite(self.loss) or self.loss > self._bound

    def _row(self, t, values):
        """Add one row to the record: counters, values, and each rank's times since the last row."""
        clock, learners, size = self.learners.clock, self.learners, self.side.Get_size()
        times = np.zeros((size, 3, 3))
        times[self.side.Get_rank()] = clock.seconds, clock.least, clock.most
        if size > 1:
            total(self.side, times)
        clock.clear()
        for p, phase in enumerate(PHASES):
            for s, suffix in enumerate(("", "_min", "_max")):
                values[f"time_{phase}{suffix}"] = times[:, s, p]
        self.record.add(
            ticks=t,
            local_steps=learners.steps,
            rounds=learners.rounds_done,
            samples=learners.samples * self.spec.P,
            bytes=learners.bytes,
            time_wall=self.seconds,
            **values,
        )
