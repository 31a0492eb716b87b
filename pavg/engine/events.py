"""Asynchronous learners in virtual time: all P of them and their servers on one rank, event by event."""

import heapq

import numpy as np

from pavg import streams
from pavg.comm.clocks import COMM, COMPUTE, WAIT
from pavg.engine.arrivals import Arrivals
from pavg.engine.virtual import Given, VirtualClock, compute_of
from pavg.kernels.combine import settle
from pavg.kernels.vectors import aligned_zeros
from pavg.learners import Learners


class EventLearners(Learners):
    """Learners that send to servers which keep the centre, and go on from what these answer.

    Messages are served one after the other, in the order of (arrival, learner): a server that is busy lets
    them queue. S servers share each message, in the same order. A learner's K local steps are made when
    its message is served: it has been alone since its last answer. W holds models, G what `receive` kept.

    centre : (width,)
    """

    def __init__(self, comm, spec, objective, shards, step_size=None):
        super().__init__(comm, spec, objective, shards, step_size)
        P, clock = spec.P, spec.clock
        self.centre, self._message = aligned_zeros((2, objective.width))
        self.centre[:] = self.W[0]
        self.G[:] = self.W
        self._of = np.zeros((P, 2), np.int64)  # local steps and samples of each learner
        self._counts = np.zeros(P, np.int64)  # messages of each learner
        self.arrivals = Arrivals(P)
        self.clock, self._compute = VirtualClock(), compute_of(spec)
        self._comm = Given(clock.comm, streams.keys(spec.seed, "comm", range(P)))
        self._service, self._free = clock.service / spec.method.servers, 0.0
        self._spent = np.zeros((P, 2))  # of each learner's open round: local steps, message
        self._arrive = np.zeros(P)
        for l in range(P):
            self._depart(l, 0.0)
        self.loop = "python"

    def serve(self, updates):
        """Go on until the centre has taken in so many updates."""
        queue = [(float(at), l) for l, at in enumerate(self._arrive)]
        heapq.heapify(queue)
        while self.arrivals.count < updates:
            arrived, l = queue[0]
            self._update(l)
            self._take_time(l, arrived)
            heapq.heapreplace(queue, (float(self._arrive[l]), l))
        P, d, K = self.spec.P, self.objective.dimension, self.spec.method.K
        self.rounds_done, self._sent = self.arrivals.count // P, 8 * d * self.arrivals.count
        self.steps, self.samples = self.arrivals.count * K // P, int(self._of[:, 1].sum()) // P

    def replay(self, order):
        """Take in updates of these learners, in this order, whatever the times."""
        for l in order:
            self._update(int(l))

    def _update(self, l):
        """Local steps of learner l, its message, the answer."""
        method = self.spec.method
        x, kept = self.W[l], self.G[l]
        self._step_alone(l, method.K)
        method.send(x, kept, self._message)
        method.serve(self.centre, self._message, self.spec.P)
        method.receive(x, kept, self._message)
        if self.spec.momentum_at_average == "reset":
            self.V[l] = 0.0
        self.arrivals.add(l)

    def _step_alone(self, l, n):
        """n local steps of learner l, which has step sizes and batches of its own count."""
        problem = self._alone(l)
        while n > 0:
            schedule, now = self.schedule.window(int(self._of[l, 0]) + 1, int(self._of[l, 1]), n)
            self.objective.steps(*problem, schedule, now)
            _, batches, first = schedule
            self._of[l] += now, batches[first : first + now].sum()
            n -= now
        settle(self.W[l : l + 1], self.S[l : l + 1])

    def _alone(self, l):
        """(model, order, noise) of the kernels, of learner l."""
        one = slice(l, l + 1)
        W, V, mu, S = self._model
        rule, keys, draws, rows, starts, counts = self._order
        order = rule, keys[one], draws[one], rows, starts[one], counts[one]
        return (W[one], V[one], mu, S[one]), order, self._noise[one]

    def _take_time(self, l, arrived):
        """The message of learner l has come: book its round, and send the learner into the next one."""
        begun = max(arrived, self._free)
        self._free = begun + self._service
        back = self._comm.one(l, 2 * int(self._counts[l]) + 1)
        self._counts[l] += 1
        compute, there = self._spent[l].tolist()
        spent = np.zeros(3)
        spent[COMPUTE], spent[COMM], spent[WAIT] = compute, there + self._service + back, begun - arrived
        self.clock.round_was(spent)
        self.clock.seconds += spent / self.spec.P
        self.clock.total = self._free
        self._depart(l, self._free + back)

    def _depart(self, l, now):
        """Learner l begins its next round: when its message will arrive."""
        n, K = int(self._counts[l]), self.spec.method.K
        self._spent[l] = self._compute.one(l, n * K, K), self._comm.one(l, 2 * n)
        self._arrive[l] = now + self._spent[l].sum()

    # --- what the engine looks at --------------------------------------------------------------

    @property
    def more(self):
        samples = {"samples": int(self._of[:, 1].sum()), "updates": self.arrivals.count}
        return samples | self.arrivals.staleness()

    @property
    def course(self):
        return self.arrivals.course()

    def own(self):
        return None

    def virtual_average(self, comm):
        """(the centre, None)."""
        return self.centre[: self.objective.dimension].copy(), None

    def warm_up(self):
        super().warm_up()
        schedule, _ = self.schedule.window(1, 0, 1)
        self.objective.steps(*self._alone(0), schedule, 0)
        self._compute.one(0, 0, 0)

    def state(self):
        own = {"G": self.G, "centre": self.centre, "of": self._of, "counts": self._counts}
        own |= {"spent": self._spent, "arrive": self._arrive, "free": np.array([self._free])}
        return super().state() | own | self.arrivals.state()

    def restore(self, states, own):
        (state,) = states
        super().restore(states, state)
        mine = (self.G, self.centre, self._of, self._counts, self._spent, self._arrive)
        for array, name in zip(mine, ("G", "centre", "of", "counts", "spent", "arrive"), strict=True):
            array[:] = state[name]
        self._free = float(state["free"][0])
        self.arrivals.restore(state)
