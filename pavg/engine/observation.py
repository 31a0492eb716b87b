"""All that the engine does besides training: stop the clock, look, record, decide whether to go on."""

import time

import numpy as np

from pavg.comm import signals
from pavg.comm.agreement import check
from pavg.comm.averaging import total
from pavg.comm.clocks import PHASES
from pavg.engine.evaluation import evaluate
from pavg.engine.ticks import end_tick, next_evaluation

POLL = 1.0  # seconds between two looks at signals, about
FASTER = 8  # a stretch is at most so many times longer than the last one


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
        self.end = end_tick(task.spec, learners, task.objective.n)
        self.optimum = task.spec.evaluate.optimum
        if self.optimum is None:
            self.optimum = task.objective.optimum
        self.status, self.reason, self.loss = "ok", "", None
        self._seconds = 0.0  # training seconds, the largest over ranks
        self._stretch, self._rate = 8, None
        self._evaluation = None
        self._row(0, self._evaluate())
        self.first_loss = self.loss
        self._bound = task.spec.evaluate.diverged * max(1.0, abs(self.first_loss))
        if self._has_diverged():
            self.status, self.reason = "diverged", "the loss is not finite at the start"

    def stops(self):
        """The ticks at which the engine takes over, the clock started for each stretch."""
        t = 0
        while self.status == "ok":
            stop = self._next_stop(t)
            self.learners.clock.start()
            yield stop
            t = stop

    def look(self, t):
        """Stop the clock; agree on signals and limits; evaluate if it is time. True: the run ends here."""
        self.learners.clock.stop(self.comm)
        asked = self._agree(t)
        values = None
        if t == self.end:
            self.reason = self.reason or "all steps done"
        elif self.spec.stop.seconds is not None and self._seconds >= self.spec.stop.seconds:
            self.reason = "seconds"
        elif asked:
            self.status, self.reason = "interrupted", f"signal {asked}"
        elif t == self._evaluation:
            values = self._evaluate()
            if self._has_diverged():
                self.status, self.reason = "diverged", f"loss {self.loss:g} at tick {t}"
            elif self.spec.stop.target_loss is not None and self.loss <= self.spec.stop.target_loss:
                self.reason = "target loss"
        ends = bool(self.reason)
        if values is not None and not ends:
            self._row(t, values)
        if self.on_look and self.comm.Get_rank() == 0:
            self.on_look(self, t)
        return ends

    def last(self, t):
        """The observation after the last average: the final row, the final model, the status."""
        self._agree(t)
        self._row(t, self._evaluate())
        if self._has_diverged() and self.status == "ok":
            self.status, self.reason = "diverged", f"loss {self.loss:g} at tick {t}"
        self.record.close(self.status, self.reason, self.average)
        self.side.Free()

    def _agree(self, t):
        """Share signals and training seconds; measure the rate. Returns the signal asked for, or 0."""
        shared = np.zeros((self.side.Get_size(), 2))
        shared[self.side.Get_rank()] = signals.received(), self.learners.clock.total
        total(self.side, shared)
        asked, seconds = shared.max(axis=0)
        if self._stretch and seconds > self._seconds:
            self._rate = self._stretch / (seconds - self._seconds)
        self._seconds = float(seconds)
        return int(asked)

    def _next_stop(self, t):
        """The next tick to stop at: the end, an evaluation, or a poll about a second ahead."""
        if self._evaluation is None or self._evaluation <= t:
            wanted = next_evaluation(self.spec, self.learners, t, self.end)
            self._evaluation = None if wanted is None else self._allowed(t, wanted)
        ahead = POLL
        if self.spec.stop.seconds is not None:
            ahead = min(ahead, self.spec.stop.seconds - self._seconds)
        stretch = FASTER * self._stretch
        if self._rate is not None:
            stretch = min(stretch, int(self._rate * ahead))
        poll = self._allowed(t, t + max(stretch, 1))
        stop = min(tick for tick in (poll, self._evaluation, self.end) if tick is not None)
        self._stretch = stop - t
        return stop

    def _allowed(self, t, stop):
        if self.end is not None and stop >= self.end:
            return self.end
        stop = self.spec.method.allowed(self.learners, t, stop)
        return stop if self.end is None else min(stop, self.end)

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

    def _has_diverged(self):
        return not np.isfinite(self.loss) or self.loss > getattr(self, "_bound", np.inf)

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
            time_wall=self._seconds,
            **values,
        )
