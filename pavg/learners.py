"""The learners that this rank hosts: models, streams, counters, and the few verbs that methods use."""

import numpy as np

from pavg import streams
from pavg.comm.averaging import Summation, total
from pavg.comm.clocks import COMPUTE, Clock
from pavg.comm.topology import block
from pavg.kernels.combine import gather, scatter, settle
from pavg.kernels.streams import RULES, uniforms
from pavg.schedules import Schedule


class Learners:
    """L of P learners, on this rank of `comm`.

    All that a checkpoint must keep is here, in `state`: `W`, `V` (L, width), the factors `S` (L, 1) of the
    models S·W, the counters `draws` (L,), `steps`, `samples`, the open round `since`, and the clock. `step`,
    `average` and the other verbs that end in a collective are called on all ranks alike.

    Parameters
    ----------
    comm : MPI communicator of at most P ranks
    spec : pavg.spec.Spec
    objective : pavg.problems.base.Objective
    shards : pavg.data.partition.Shards of all P learners, or None without samples
    """

    def __init__(self, comm, spec, objective, shards):
        begin, end = block(spec.P, comm.Get_size(), comm.Get_rank())
        self.comm, self.spec, self.objective = comm, spec, objective
        self.ids = range(begin, end)
        L, d = end - begin, objective.dimension
        self.W = np.zeros((L, objective.width))
        self.W[:, :d] = objective.start
        self.V = np.zeros_like(self.W) if spec.momentum else np.zeros((0, 0))
        self.S = np.ones((L, 1))  # the models are S·W
        self.G = np.zeros_like(self.W)
        self.draws = np.zeros(L, np.int64)
        self.steps = self.samples = 0  # of each learner
        self.since = 0  # local steps since the last combination
        self.apart = False  # whether models may differ
        self._before = None  # models before an average that fell on this stop
        self._own = False  # whether G is each learner's own
        self.clock = Clock()
        self.schedule = Schedule(spec.step_size, spec.batch_size, objective.n, spec.P)
        self._draw_from(shards, begin, end)
        self._flat = np.zeros(d)
        self._sum = Summation(comm, self.clock, spec.barrier)
        self._coin = streams.key(spec.seed, "coin")

    def _draw_from(self, shards, begin, end):
        """Rows of these learners, their random streams, and their weights in an average."""
        P, L = self.spec.P, end - begin
        weighted = self.spec.weights == "shards" and shards is not None
        counts = shards.counts if shards is not None else np.zeros(P, np.int64)
        rows, starts = np.empty(0, np.int64), np.zeros(L, np.int64)
        if shards is not None:
            starts = shards.starts[begin:end].copy()
            if shards.rows.size:  # this rank keeps its own learners' rows only
                first, last = starts[0], starts[-1] + counts[end - 1]
                rows, starts = shards.rows[first:last].copy(), starts - first
        rows.flags.writeable = False
        self.weights = counts[begin:end].astype(float) if weighted else np.ones(L)
        self.total_weight = float(counts.sum()) if weighted else float(P)
        self.shard_sizes = counts[begin:end].copy()
        keys = streams.keys(self.spec.seed, "order", self.ids)
        self._noise = streams.keys(self.spec.seed, "noise", self.ids)
        self._order = (RULES[self.spec.sampling], keys, self.draws, rows, starts, self.shard_sizes)

    @property
    def _model(self):
        return self.W, self.V, self.spec.momentum, self.S

    @property
    def rounds_done(self):
        """Combinations so far: Allreduces in the training clock."""
        return self._sum.calls

    @property
    def bytes(self):
        """Bytes that each rank has put into Allreduce so far."""
        return self._sum.bytes

    # --- verbs -------------------------------------------------------------------------------

    def rounds(self, lengths, rest):
        """Many rounds: for each length, so many local steps and an average; then `rest` steps more."""
        for k, n in enumerate(lengths):
            self.step(int(n))
            if rest == 0 and k == len(lengths) - 1:
                self._remember()
            self.average()
        self.step(rest)

    def step(self, n):
        """n local steps of every learner."""
        while n > 0:
            schedule, now = self.schedule.window(self.steps + 1, self.samples, n)
            self.objective.steps(self._model, self._order, self._noise, schedule, now)
            _, batches, first = schedule
            self.samples += int(batches[first : first + now].sum())
            self.steps += now
            self.since += now
            self.apart, self._before = True, None
            n -= now

    def gradient(self):
        """G ← a mini-batch gradient of each learner at its own model, from its next draws."""
        (_, batches, first), _ = self.schedule.window(self.steps + 1, self.samples, 1)
        self.objective.gradients(self._model, self._order, self._noise, int(batches[first]), self.G)
        self.samples += int(batches[first])
        self._own = True

    def apply(self):
        """The local step w ← w − γG that ends `gradient` (with momentum: v ← μv + G, w ← w − γv)."""
        (gammas, _, first), _ = self.schedule.window(self.steps + 1, self.samples, 1)
        moved = self.G
        if self.V.size:
            self.V *= self.spec.momentum
            self.V += self.G
            moved = self.V
        self.W -= gammas[first] * moved
        if self.objective.sphere:
            self.W /= np.linalg.norm(self.W, axis=1, keepdims=True)
        self.steps += 1
        self.since += 1
        self.apart |= self._own

    def average(self, *buffers):
        """Replace each buffer (L, width) by its weighted average over all P learners.

        Without arguments: the models, and the momentum as `momentum_at_average` says.
        """
        at = self.spec.momentum_at_average
        models = not buffers
        if models:
            settle(self.W, self.S)
            buffers = (self.W, self.V) if at == "average" else (self.W,)
        d = self.objective.dimension
        if self._flat.size < d * len(buffers):
            self._flat = np.zeros(d * len(buffers))
        flat = self._flat[: d * len(buffers)]

        def fill():
            for k, buffer in enumerate(buffers):
                gather(buffer, self.weights, flat, k * d, d)

        def spread():
            for k, buffer in enumerate(buffers):
                scatter(flat, k * d, d, self.total_weight, buffer)
            if models and at == "reset":
                self.V[:] = 0.0

        self._sum(fill, flat, spread)
        self.since = 0
        if models:
            self.apart = False
        elif buffers[0] is self.G:
            self._own = False

    def finish(self):
        """The last average, if the models may differ; then the clock stops."""
        if self.apart:
            self._remember()
            self.average()
        self.clock.stop(self.comm)

    def _remember(self):
        """Keep the models as they are before an average that falls on a stop, off the clock: for drift."""
        self.clock.lap(COMPUTE)
        self._before = self.W * self.S
        self.clock.start()

    # --- checkpoints -------------------------------------------------------------------------

    def state(self):
        """name → array: all that these learners need to go on from a stop."""
        done = (self.steps, self.samples, self.since, self.apart, self._sum.calls, self._sum.bytes)
        learners = {"ids": np.array(self.ids), "W": self.W, "V": self.V, "S": self.S, "draws": self.draws}
        return learners | {"done": np.array(done, np.int64), "clock": self.clock.state()}

    def restore(self, states, own):
        """Take these learners' part of the states of ranks; own : this rank's, None if there is none."""
        for state in states:
            for l, learner in enumerate(state["ids"]):
                if learner in self.ids:
                    here = learner - self.ids.start
                    self.W[here], self.S[here] = state["W"][l], state["S"][l]
                    self.draws[here] = state["draws"][l]
                    if self.V.size:
                        self.V[here] = state["V"][l]
        done = states[0]["done"].tolist()
        self.steps, self.samples, self.since, apart, self._sum.calls, self._sum.bytes = done
        self.apart = bool(apart)
        if own is not None:
            self.clock.restore(own["clock"])
        else:
            self.clock.total = max(float(state["clock"][0]) for state in states)

    def warm_up(self):
        """Call every compiled function once with nothing to do, so that none compiles on the clock."""
        schedule, _ = self.schedule.window(1, 0, 1)
        self.objective.steps(self._model, self._order, self._noise, schedule, 0)
        nobody = (self.W[:0], self.V[:0], self.spec.momentum, self.S[:0])
        self.objective.gradients(nobody, self._order, self._noise, 1, self.G[:0])
        settle(self.W, self.S)
        gather(self.W, self.weights, np.empty(0), 0, 0)
        scatter(np.empty(0), 0, 0, 1.0, self.W)
        self.coin(0, 0)

    # --- what methods and the engine look at -----------------------------------------------------

    def coin(self, t, stop):
        """Uniform draws in (0, 1) for the ticks t + 1 … stop, the same for all learners."""
        return uniforms(self._coin, t + 1, stop - t)

    def virtual_average(self, comm):
        """(w̄, drift): the average that would be made now, and 1/P Σ ‖w_i − w̄‖². Models stay as they are.

        Where an average has just been made, drift is that of the models before it.
        comm : the communicator of evaluations. Collective.
        """
        d = self.objective.dimension
        models = self.W * self.S if (self.S != 1.0).any() else self.W
        if self.apart:  # on all ranks alike
            flat = np.empty(d)
            gather(models, self.weights, flat, 0, d)
            total(comm, flat)
            flat /= self.total_weight
        else:
            flat = self.W[0, :d].copy()
            if self._before is None:
                return flat, 0.0
            models = self._before
        distances = np.zeros(self.spec.P)
        for l, learner in enumerate(self.ids):
            distances[learner] = np.sum((models[l, :d] - flat) ** 2)
        total(comm, distances)
        return flat, distances.sum() / self.spec.P
