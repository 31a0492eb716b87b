"""One run of learners that send messages to servers, each a rank of its own; looked at when it is over.

Nothing is collective while learners train. The servers copy the centre at the ticks that are to be evaluated;
then the clock is off, and the learners' ranks evaluate these copies. There are no checkpoints: what
is interrupted begins anew.
"""

import time
from dataclasses import dataclass

import numpy as np

from pavg.comm.agreement import rest
from pavg.comm.topology import block
from pavg.engine import afterwards
from pavg.engine.evaluation import evaluate
from pavg.engine.lanes import Lane
from pavg.engine.observation import PAUSED, Care
from pavg.engine.servers import Server, send_until_told
from pavg.engine.synchronous import compile_kernels
from pavg.engine.ticks import end_tick, next_evaluation
from pavg.learners import Learners
from pavg.records.record import Record, rank_facts
from pavg.schedules import Schedule


def run(comm, task, care=None):
    """Run one task on S servers and P learners, the ranks of `comm`; return [its `Record`], alike on all."""
    care = care or Care()
    for _ in stretches(comm, task, care):
        pass
    return care.records


def stretches(comm, task, care):
    """As `pavg.engine.synchronous.stretches`: the run is one stretch."""
    _Run(comm, task, care).run()
    yield


@dataclass
class _Ticks:
    """What of learners decides on ticks, where there are none."""

    spec: object
    schedule: Schedule
    rounds_done: int = 0

    def evaluations(self, end):
        """The ticks at which the centre is evaluated, between beginning and end."""
        t = 0
        while (wanted := next_evaluation(self.spec, self, t, end)) is not None:
            t = self.spec.method.allowed(self, t, wanted)
            if end is not None and t >= end:
                return
            yield t


class _Run:
    """One run, from its beginning to its record, on one rank: what `Care.on_look` may look at."""

    def __init__(self, comm, task, care):
        self.comm, self.task, self.spec, self.care = comm, task, task.spec, care
        spec, objective = task.spec, task.objective
        self.S, rank = spec.method.servers, comm.Get_rank()
        self.side = comm.Split(rank < self.S)  # of servers, or of learners
        self.learners = facts = None
        if rank >= self.S:
            self.learners = Learners(self.side, spec, objective, task.shards)
            seconds = compile_kernels(self.side, self.learners)
            facts = rank_facts(self.side, self.learners.shard_sizes, seconds)
        rest(comm)
        self.ticks = _Ticks(spec, Schedule(spec.step_size, spec.batch_size, objective.n, spec.P))
        self.end = end_tick(spec, self.ticks, objective.n)
        self.record = Record(comm.bcast(facts, self.S))
        self.record.loop, care.records = "python", [self.record]
        self.lane, self.w = Lane(0, spec, self.record, task.optimum), np.array(objective.start)

    def run(self):
        """All of it; the record is whole afterwards."""
        self._evaluate(afterwards.first_row(self.spec.P))
        self.lane.begin()
        self.lane.judge(0)
        if not self.lane.reason:
            self._train()
        self.lane.close(None if self.lane.status in PAUSED else self.w)
        self.side.Free()

    @property
    def lanes(self):
        return [self.lane]

    @property
    def losses(self):
        return [self.lane.loss]

    def _evaluate(self, row):
        """Add a row with values at w, which the learners' ranks work out. Collective."""
        values, began = None, time.perf_counter()
        if self.learners is not None:
            reduction = self.learners.reduction if self.spec.evaluate.grad_norm else None
            with np.errstate(over="ignore", invalid="ignore"):  # of a centre that diverges
                values = evaluate(self.side, self.task.objective, self.w, None, reduction)
        self.lane.see(self.comm.bcast(values, self.S))
        spent = self.comm.bcast(time.perf_counter() - began, self.S)
        self.record.add(**(row | self.lane.values | {"time_eval": spent}))
        self.care.heard("an evaluation")

    def _train(self):
        server, log = None, None
        if self.learners is None:
            evaluations = self.ticks.evaluations(self.end)
            server = Server(self.comm, self.task, evaluations, self.end, self.care, self._look)
        self.comm.Barrier()
        if server is not None:
            server.run()
        else:
            log = send_until_told(self.comm, self.learners, self.care)
        rest(self.comm)
        kept = self.comm.bcast(self._kept(server, log))
        rows, self.record.course, status, reason, chosen = kept
        for number, row in zip(chosen, rows, strict=True):
            self._gather(server, number)
            self._evaluate(row)
            self.lane.judge(row["ticks"])
            if self.lane.reason:
                return
        self.lane.status, self.lane.reason = status, reason
        if status in PAUSED and self.care.checkpoints is not None and self.comm.Get_rank() == 0:
            self.care.checkpoints.say("no checkpoint of an asynchronous run: it will begin anew")

    def _look(self, updates):
        if self.comm.Get_rank() == 0:
            self.care.on_look(self, updates * self.spec.method.K // self.spec.P)

    def _kept(self, server, log):
        """On rank 0: (rows, course, status, reason, numbers of the snapshots of these rows). Collective."""
        told = server and ([one.seconds for one in server.snapshots], server.status, server.reason)
        servers, logs = self.comm.gather(told), self.comm.gather(log)
        if self.comm.Get_rank() != 0:
            return None
        servers, logs = servers[: self.S], logs[self.S :]
        # one that ended by its own clock may have made fewer: the last ones of all stand for the end
        chosen = [*range(min(len(seconds) for seconds, _, _ in servers) - 1), -1]
        marks = []
        for number in chosen:
            snapshot = server.snapshots[number]
            latest = max(seconds[number] for seconds, _, _ in servers)
            marks.append((snapshot.updates, latest, snapshot.staleness))
        course = server.arrivals.course()
        order = course["arrival_learner"]
        rows = afterwards.rows(self.spec, self.task.objective.dimension, order, logs, marks)
        course |= afterwards.spent(order, logs)
        _, status, reason = max(servers, key=lambda one: one[1] != "ok")
        return rows, course, status, reason, chosen

    def _gather(self, server, number):
        """w ← a snapshot, from the blocks of all servers. Collective."""
        for s in range(self.S):
            shard = self.w[slice(*block(self.w.size, self.S, s))]
            if s == self.comm.Get_rank():
                shard[:] = server.snapshots[number].centre
            self.comm.Bcast(shard, s)
