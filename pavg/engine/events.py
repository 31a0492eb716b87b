"""Asynchronous learners in virtual time: when each update reaches the centre."""

import heapq

import numpy as np

from pavg.comm.clocks import PHASES
from pavg.engine.centre import Centred
from pavg.engine.virtual import VirtualClock, compute_of, messages_of


class EventLearners(Centred):
    """Messages are served one after the other, in the order of (arrival, learner).

    Servers that are busy let them queue; S servers share each message, all in the same order. Seconds by
    phase are means over learners: local steps; messages and service; the queue.
    """

    def __init__(self, comm, spec, objective, shards, step_size=None):
        super().__init__(comm, spec, objective, shards, step_size)
        P, clock = spec.P, spec.clock
        self.clock, self._compute = VirtualClock(), compute_of(spec)
        self._comm = messages_of(spec)
        self._service, self._free = clock.service / spec.method.servers, 0.0
        # of each learner: number of its open round; seconds of local steps, of its message; arrival of that
        self._open = np.zeros((4, P))
        for l in range(P):
            self._depart(l, 0, 0.0)

    def serve(self, updates):
        """Go on until the centre has taken in so many updates."""
        queue = [(at, l) for l, at in enumerate(self._open[3].tolist())]
        heapq.heapify(queue)
        while self.arrivals.count < updates:
            arrived, l = queue[0]
            self.update(l)
            heapq.heapreplace(queue, (self._next(l, arrived), l))
        self.count()

    def _next(self, l, arrived):
        """Book the round of learner l, whose message has come; when its next one will."""
        number, compute, there, _ = self._open[:, l].tolist()
        begun, back = max(arrived, self._free), self._comm.one(l, 2 * int(number) + 1)
        self._free = begun + self._service
        spent = compute, there + self._service + back, begun - arrived
        self.clock.round_was(*spent)
        for phase, seconds in zip(PHASES, spent, strict=True):
            self.clock.seconds[phase] += seconds / self.spec.P
        self.clock.total = self._free
        return self._depart(l, int(number) + 1, self._free + back)

    def _depart(self, l, number, now):
        """Learner l begins a round: when its message will arrive."""
        K = self.spec.method.K
        compute, there = self._compute.one(l, number * K, K), self._comm.one(l, 2 * number)
        self._open[:, l] = number, compute, there, now + compute + there
        return now + compute + there

    def state(self):
        return super().state() | {"under_way": self._open, "free": np.array(self._free)}

    def restore(self, states, own):
        super().restore(states, own)
        self._open[:], self._free = states[0]["under_way"], float(states[0]["free"])
