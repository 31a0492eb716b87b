"""The two sides of an asynchronous run: a server with its block of the centre, a learner that sends to all.

Of the ranks of a run, the first S are servers, then come P learners.
"""

import time
from dataclasses import dataclass
from signal import Signals

import numpy as np
from mpi4py import MPI

from pavg.comm import signals
from pavg.comm.messages import complete, next_message
from pavg.comm.topology import block
from pavg.engine.arrivals import Arrivals
from pavg.kernels.combine import settle
from pavg.kernels.vectors import aligned_zeros

DONE, ANSWER, STOP, UPDATE = 1, 2, 3, 16  # tags; UPDATE + n: of a learner whom signal n asks to end
LOOK = 0.2  # seconds between two looks of whoever is told


@dataclass
class Snapshot:
    """A server's block of the centre after so many updates. seconds : since the start."""

    updates: int
    seconds: float
    staleness: dict
    centre: np.ndarray


class Server:
    """Keeps one of S blocks of the centre; what is looked at afterwards is copied meanwhile.

    Parameters
    ----------
    comm : of servers and learners
    task : pavg.engine.task.Task
    evaluations : iterator of the ticks after which the centre is wanted
    end : the last tick, or None
    care : pavg.engine.observation.Care
    look : called with the number of updates now and then, while learners compute
    """

    def __init__(self, comm, task, evaluations, end, care, look):
        spec, objective = task.spec, task.objective
        self.comm, self.spec, self.care, self._look = comm, spec, care, look
        method = spec.method
        begin, stop = block(objective.dimension, method.servers, comm.Get_rank())
        self.centre, self._message = aligned_zeros((2, stop - begin))
        self.centre[:] = objective.start[begin:stop]
        self.arrivals, self.snapshots = Arrivals(spec.P), []
        self._wanted = (method.updates(spec.P, t) for t in evaluations)
        self._next = next(self._wanted, None)
        self._last = None if end is None else method.updates(spec.P, end)
        self.status, self.reason = "ok", ""
        self._looked = time.monotonic()

    def run(self):
        """Serve until every learner has stopped."""
        left = self.spec.P
        self._begun = MPI.Wtime()
        while left:
            source, tag = next_message(self.comm)
            self.comm.Recv(self._message, source, tag)
            if tag == DONE:
                left -= 1
            elif self.reason:
                complete([self.comm.Isend(self._message[:0], source, STOP)])
            else:
                self._serve(source, tag)
        self._snap()

    def _serve(self, source, tag):
        self.spec.method.serve(self.centre, self._message, self.spec.P)
        answer = self.comm.Isend(self._message, source, ANSWER)
        self.arrivals.add(source - self.spec.method.servers)
        count = self.arrivals.count
        if count == self._next:
            self._snap()
            self._next = next(self._wanted, None)
        self._judge(count, signals.received() or tag - UPDATE)
        complete([answer])
        self.care.heard(f"update {count}")
        if time.monotonic() - self._looked > LOOK:
            self._look(count)
            self._looked = time.monotonic()

    def _judge(self, count, asked):
        """Whether this was the last update, and why."""
        limit, late = self.spec.stop.seconds, self.care.timeout
        if count == self._last:
            self.reason = "all steps done"
        elif limit is not None and MPI.Wtime() - self._begun >= limit:
            self.reason = "seconds"
        elif asked:
            self.status, self.reason = "interrupted", f"signal {Signals(asked).name}"
        elif late is not None and time.monotonic() - self.care.began > late:
            self.status, self.reason = "timeout", f"{late:g} s"

    def _snap(self):
        count = self.arrivals.count
        if self.snapshots and self.snapshots[-1].updates == count:
            return
        seconds = MPI.Wtime() - self._begun
        self.snapshots.append(Snapshot(count, seconds, self.arrivals.staleness(), self.centre.copy()))


def send_until_told(comm, learners, care):
    """One learner's run: local steps, a message, the answers of all servers, until one of them says stop.

    Returns a row an update: seconds of local steps, seconds of the exchange, samples.
    """
    spec, d = learners.spec, learners.objective.dimension
    method, x = spec.method, learners.W[0, :d]
    shards = [slice(*block(d, method.servers, s)) for s in range(method.servers)]
    message, answer, kept = aligned_zeros((3, d))
    kept[:] = x
    statuses = [MPI.Status() for _ in range(2 * method.servers)]
    rows, samples, begun = [], 0, MPI.Wtime()
    while True:
        learners.step(method.K)
        settle(learners.W, learners.S)
        computed = MPI.Wtime()
        method.send(x, kept, message)
        tag = UPDATE + signals.received()
        requests = [comm.Irecv(answer[shard], s, MPI.ANY_TAG) for s, shard in enumerate(shards)]
        requests += [comm.Isend(message[shard], s, tag) for s, shard in enumerate(shards)]
        complete(requests, statuses)
        tags = [status.Get_tag() for status in statuses[: method.servers]]
        if STOP not in tags:
            method.receive(x, kept, answer)
            if spec.momentum_at_average == "reset":
                learners.V[:] = 0.0
        ended = MPI.Wtime()
        if tags[0] == ANSWER:  # the first server's order is the one that is recorded
            rows.append((computed - begun, ended - computed, learners.samples - samples))
        if STOP in tags:
            break
        samples, begun = learners.samples, ended
        care.heard(f"update {len(rows)}")
    complete([comm.Isend(message[:0], s, DONE) for s in range(method.servers)])
    return np.array(rows).reshape(-1, 3)
