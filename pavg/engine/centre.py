"""All learners of an asynchronous method and the centre on one rank, update by update.

`pavg.engine.events` gives updates their times; without a clock they come by turns, which is no run that
anybody asks for, but a forecast's trial, or a recorded order of arrivals.
"""

from pavg.engine.arrivals import Arrivals
from pavg.kernels.combine import settle
from pavg.kernels.vectors import aligned_zeros
from pavg.learners import Learners


class Centred(Learners):
    """Learners that go on from what a centre answers, in whatever order they are asked to.

    A learner's K local steps are made when its update is: since its last answer it has been alone. W holds
    models, G what `receive` kept.

    centre : (width,)
    """

    def __init__(self, comm, spec, objective, shards, step_size=None):
        super().__init__(comm, spec, objective, shards, step_size)
        self.centre, self._message = aligned_zeros((2, objective.width))
        self.centre[:] = self.W[0]
        self.G[:] = self.W
        self.arrivals = Arrivals(spec.P)
        self.loop = "python"

    def serve(self, updates):
        """Go on, by turns, until the centre has taken in so many updates."""
        for n in range(self.arrivals.count, updates):
            self.update(n % self.spec.P)
        self.count()

    def update(self, l):
        """Local steps of learner l, its message, the answer."""
        method = self.spec.method
        x, kept = self.W[l], self.G[l]
        self._singly.step_of(l, method.K)
        settle(self.W[l : l + 1], self.S[l : l + 1])
        method.send(x, kept, self._message)
        method.serve(self.centre, self._message, self.spec.P)
        method.receive(x, kept, self._message)
        if self.spec.momentum_at_average == "reset":
            self.V[l] = 0.0
        self.arrivals.add(l)

    def count(self):
        """Set what observers look at: counters of the mean learner, and of rounds of P updates."""
        P, d, K, n = self.spec.P, self.objective.dimension, self.spec.method.K, self.arrivals.count
        self.rounds_done, self._sent, self.steps = n // P, 8 * d * n, n * K // P
        self.samples = int(self._singly.counts[:, 1].sum()) // P

    # --- what the engine looks at --------------------------------------------------------------

    @property
    def more(self):
        counted = {"local_steps": self.steps, "updates": self.arrivals.count}
        return counted | self.arrivals.staleness()

    def course(self, comm):
        return self.arrivals.course()

    def own(self):
        return None

    def virtual_average(self, comm):
        """(the centre, None)."""
        return self.centre[: self.objective.dimension].copy(), None

    def state(self):
        return super().state() | {"kept": self.G, "centre": self.centre} | self.arrivals.state()

    def restore(self, states, own):
        (state,) = states
        super().restore(states, state)
        self.G[:], self.centre[:] = state["kept"], state["centre"]
        self.arrivals.restore(state)
