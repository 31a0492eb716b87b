"""The learners that this rank hosts: models, streams, counters, and the few verbs that methods use."""

import os
import zlib

import numpy as np

from pavg import streams
from pavg.comm.agreement import check
from pavg.comm.averaging import Summation, total
from pavg.comm.clocks import COMPUTE, Clock
from pavg.comm.reduction import AnyOrder, FixedOrder
from pavg.comm.topology import block
from pavg.kernels.combine import fold, gather, scatter, settle
from pavg.kernels.streams import RULES, uniforms
from pavg.kernels.vectors import aligned_zeros
from pavg.rounds import Compiled
from pavg.schedules import MOST, Schedule
from pavg.sparse import Touched


class Learners:
    """L of P learners, on this rank of `comm`.

    Every learner has one model, or one a lane: W is (L, width), or (L, width, lanes) for lanes side by side
    on the same draws. All that a checkpoint must keep is here, in `state`: `W`, `V` (L, width), the factors
    `S` (L, lanes) of the models S·W, the counters `draws` (L,), `steps`, `samples`, the open round `since`,
    and the clock. `step`, `average` and the other verbs that end in a collective are called on all ranks
    alike.

    Parameters
    ----------
    comm : MPI communicator of at most P ranks
    spec : pavg.spec.Spec
    objective : pavg.problems.base.Objective
    shards : pavg.data.partition.Shards of all P learners, or None without samples
    step_size : in place of the specification's, of several lanes (`pavg.schedules.SideBySide`)
    """

    def __init__(self, comm, spec, objective, shards, step_size=None):
        begin, end = block(spec.P, comm.Get_size(), comm.Get_rank())
        self.comm, self.spec, self.objective = comm, spec, objective
        self.ids = range(begin, end)
        step_size = step_size or spec.step_size
        L, d, self.lanes = end - begin, objective.dimension, step_size.lanes
        alone = self.lanes == 1
        shape = (L, objective.width) if alone else (L, objective.width, self.lanes)
        self.W = aligned_zeros(shape)
        self.W[:, :d] = objective.start if alone else objective.start[:, None]
        self.V = np.zeros_like(self.W) if spec.momentum else np.zeros((0, 0))
        self.S = np.ones((L, self.lanes))  # the models are S·W
        self.G = np.zeros_like(self.W)
        self.draws = np.zeros(L, np.int64)
        self.steps = self.samples = 0  # of each learner
        self.since = 0  # local steps since the last combination
        self.apart = False  # whether models may differ
        self._before = None  # models before an average that fell on this stop
        self._own = False  # whether G is each learner's own
        self.clock = Clock()
        self.schedule = Schedule(step_size, spec.batch_size, objective.n, spec.P)
        self._draw_from(shards, begin, end)
        self._flat = np.zeros(d * self.lanes)
        in_order = spec.reduction == "reproducible"
        self.reduction = FixedOrder(comm, spec.P, fold) if in_order else AnyOrder(gather)
        self._sum = Summation(comm, self.clock, spec.barrier, self.reduction)
        self._coin = streams.key(spec.seed, "coin")
        self.loop = "compiled"  # until a round is combined in Python
        self._touched = Touched(comm, spec, objective, shards, self.lanes)
        self._compiled = self._compiled_rounds()

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

    def _compiled_rounds(self):
        """Many rounds in one call, or None where they are made one by one: the choice is here alone."""
        by_hand = os.environ.get("PAVG_ROUNDS") == "reference"
        in_order = self.spec.reduction == "reproducible"
        if by_hand or in_order or self.objective.family is None:
            return None
        problem = (
            self.objective.arguments(self.lanes, self.spec.momentum > 0),
            self._model,
            self._order,
            self._noise,
        )
        combination = self.weights, self.total_weight, self.objective.dimension * self.lanes
        at, barrier = self.spec.momentum_at_average, self.spec.barrier
        return Compiled(self.comm, problem, combination, at, self._touched.all, barrier, self.clock)

    @property
    def _model(self):
        return self.W, self.V, self.spec.momentum, self.S

    @property
    def rounds_done(self):
        """Combinations so far."""
        return self._sum.calls

    @property
    def bytes(self):
        """Bytes of what ranks have combined so far, for each lane."""
        return self._sum.bytes // self.lanes

    # --- verbs -------------------------------------------------------------------------------

    def rounds(self, lengths, rest):
        """Many rounds: for each length, so many local steps and an average; then `rest` steps more."""
        lengths, k = np.asarray(lengths, np.int64), 0
        last = lengths.size - 1 if rest == 0 else -1  # the round that ends on the stop
        while k < lengths.size:
            done = self._many(lengths[k:], last - k)
            if done == 0:  # one by one, or longer than a window of the schedule
                self.step(int(lengths[k]))
                if k == last:
                    self._remember()
                self.average()
                done = 1
            k += done
        self.step(rest)

    def _many(self, lengths, last):
        """As many of these rounds as one compiled call can make: their number.

        last : the round before whose average the models are kept for drift; none if it is negative.
        """
        if self._compiled is None:
            return 0
        wanted = min(int(lengths[:MOST].sum()), MOST)
        schedule, available = self.schedule.window(self.steps + 1, self.samples, wanted)
        check(self.comm, f"rounds {zlib.crc32(lengths.tobytes())} {self.objective.dimension}")
        before = np.empty_like(self.W) if last >= 0 else None
        done, steps, sent = self._compiled.run(schedule, available, lengths, last, before)
        _, batches, first = schedule
        self.samples += int(batches[first : first + steps].sum())
        self.steps += steps
        self._sum.calls += done
        self._sum.bytes += sent
        if done > last >= 0:
            self._before = before
        if done:
            self.since, self.apart = 0, False
        return done

    def step(self, n):
        """n local steps of every learner."""
        while n > 0:
            schedule, now = self.schedule.window(self.steps + 1, self.samples, n)
            if self._compiled is not None:
                self._compiled.step(schedule, now)
            else:
                self._touched.prepare(self._model, schedule, int(self.draws[0]), now)
                self.objective.steps(self._model, self._order, self._noise, schedule, now)
            _, batches, first = schedule
            self.samples += int(batches[first : first + now].sum())
            self.steps += now
            self.since += now
            self.apart, self._before = True, None
            n -= now

    def gradient(self):
        """G ← a mini-batch gradient of each learner at its own model, from its next draws.

        For methods with `gradients = True`: elsewhere it would be compiled on the clock.
        """
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
        self._touched.lose()

    def average(self, *buffers):
        """Replace each buffer (L, width) by its weighted average over all P learners.

        Without arguments: the models, and the momentum as `momentum_at_average` says.
        """
        if not buffers:
            if self._many(np.zeros(1, np.int64), -1) == 0:
                self._average_models()
            return
        self._average(buffers)
        if buffers[0] is self.G:
            self._own = False

    def _average(self, buffers, reset=False):
        self.loop = "python"
        d = self.objective.dimension * self.lanes
        if self._flat.size < d * len(buffers):
            self._flat = np.zeros(d * len(buffers))
        flat = self._flat[: d * len(buffers)]

        def fill():
            settle(_rows(self.W), self.S)
            for k, buffer in enumerate(buffers):
                self.reduction.gather(_rows(buffer), self.weights, flat, k * d, d)

        def spread():
            for k, buffer in enumerate(buffers):
                scatter(flat, k * d, d, self.total_weight, _rows(buffer))
            if reset:
                self.V[:] = 0.0

        self._sum(fill, flat, spread)
        self.since = 0

    def _average_models(self):
        """The average of models, call by call: the compiled rounds are compared with it."""
        schedule, _ = self.schedule.window(self.steps + 1, self.samples, 1)
        at, few = self.spec.momentum_at_average, self._touched
        few.prepare(self._model, schedule, int(self.draws[0]), 0)
        self.loop = "python"
        if few.few:
            self._sum.of_parts(
                lambda: few.collect(self._model, self._order, self.weights, self.total_weight),
                *(few.buffer, few.sizes, few.offsets, lambda: few.spread(self._model)),
            )
        else:
            self._average((self.W, self.V) if at == "average" else (self.W,), reset=at == "reset")
        few.close()
        self.since, self.apart = 0, False

    def finish(self):
        """The last average, if the models may differ; then the clock stops."""
        if self.apart:
            self._remember()
            self.average()
        self.clock.stop(self.comm)

    def freeze(self, lane):
        """A lane that has ended stands still from now on, at 0: infinite models would slow others down."""
        self.schedule.freeze(lane)
        self.W[:, :, lane], self.S[:, lane] = 0.0, 1.0

    def _remember(self):
        """Keep the models as they are before an average that falls on a stop, off the clock: for drift."""
        self.clock.lap(COMPUTE)
        self._before = self.models()
        self.clock.start()

    # --- checkpoints -------------------------------------------------------------------------

    def state(self):
        """name → array: all that these learners need to go on from a stop."""
        done = (self.steps, self.samples, self.since, self.apart, self._sum.calls, self._sum.bytes)
        learners = {"ids": np.array(self.ids), "W": self.W, "V": self.V, "S": self.S, "draws": self.draws}
        learners |= self._touched.state()
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
        self._touched.restore(states[0])
        if own is not None:
            self.clock.restore(own["clock"])
        else:
            self.clock.total = max(float(state["clock"][0]) for state in states)

    def warm_up(self):
        """Call every compiled function once with nothing to do, so that none compiles on the clock."""
        schedule, _ = self.schedule.window(1, 0, 1)
        if self.spec.method.gradients:
            nobody = (self.W[:0], self.V[:0], self.spec.momentum, self.S[:0])
            self.objective.gradients(nobody, self._order, self._noise, 1, self.G[:0])
        settle(_rows(self.W), self.S)
        self.reduction.gather(_rows(self.W), self.weights, np.empty(0), 0, 0)
        scatter(np.empty(0), 0, 0, 1.0, _rows(self.W))
        self.coin(0, 0)
        if self._compiled is not None:
            self._compiled.step(schedule, 0)
        else:
            self.objective.steps(self._model, self._order, self._noise, schedule, 0)
        self._touched.warm_up(self._model, self._order, self.weights, schedule)

    # --- what methods and the engine look at -----------------------------------------------------

    def coin(self, t, stop):
        """Uniform draws in (0, 1) for the ticks t + 1 … stop, the same for all learners."""
        return uniforms(self._coin, t + 1, stop - t)

    def models(self):
        """The learners' models, S·W: a new array."""
        return self.W * (self.S if self.lanes == 1 else self.S[:, None, :])

    def virtual_average(self, comm):
        """(w̄, drift): the average that would be made now, and 1/P Σ ‖w_i − w̄‖². Models stay as they are.

        (d,) and a number; with lanes (d, lanes) and (lanes,). Where an average has just been made, drift is
        that of the models before it.
        comm : the communicator of evaluations. Collective.
        """
        d = self.objective.dimension
        models = self.models()
        if self.apart:  # on all ranks alike
            w = np.empty_like(models[0, :d])
            self.reduction.gather(_rows(models), self.weights, w.reshape(-1), 0, w.size)
            self.reduction.reduce(comm, w.reshape(-1))
            w /= self.total_weight
        else:
            w = models[0, :d].copy()
            if self._before is None:
                return w, np.zeros(w.shape[1:])
            models = self._before
        distances = np.zeros((self.spec.P, *w.shape[1:]))
        for l, learner in enumerate(self.ids):
            distances[learner] = np.sum((models[l, :d] - w) ** 2, axis=0)
        total(comm, distances)
        return w, distances.sum(axis=0) / self.spec.P


def _rows(buffer):
    """A buffer with one row a learner, its lanes one after the other: what averages are made of."""
    return buffer.reshape(len(buffer), -1)
