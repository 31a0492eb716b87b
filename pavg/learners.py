"""The learners that this rank hosts: models, streams, counters, and the few verbs that methods use."""

import os
import zlib
from collections.abc import Sequence

import numpy as np
from mpi4py.MPI import Intracomm
from numpy.typing import NDArray

from pavg import streams
from pavg.comm.agreement import check
from pavg.comm.averaging import total
from pavg.comm.clocks import Clock
from pavg.comm.reduction import AnyOrder, FixedOrder
from pavg.comm.topology import block
from pavg.data.partition import Shards
from pavg.kernels.combine import add_distances, fold, gather, models
from pavg.kernels.streams import RULES, uniforms
from pavg.kernels.vectors import aligned_zeros
from pavg.rounds import virtual
from pavg.rounds.columns import Columns
from pavg.rounds.compiled import Compiled
from pavg.rounds.reference import ByHand, rows
from pavg.rounds.sparse import Touched
from pavg.schedules import MOST, Schedule

NOW = np.zeros(1, np.int64)  # a round of no local steps: an average


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

    W: NDArray[np.float64]
    V: NDArray[np.float64]
    G: NDArray[np.float64]
    steps: int
    samples: int
    since: int

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
        self.G = np.zeros(shape)  # no memory is taken for it until it is written to
        self.draws = np.zeros(L, np.int64)
        self.steps = self.samples = 0  # of each learner
        self.rounds_done = self._sent = 0  # combinations; bytes of what ranks combined, all lanes together
        self.since = 0  # local steps since the last combination
        self.apart = False  # whether models may differ
        self._before = None  # models before an average that fell on this stop, if anybody looks at them
        self._looked_at = spec.evaluate.drift or spec.evaluate.learners is not None
        self._own = False  # whether G is each learner's own
        self.clock = Clock()
        self.schedule = Schedule(step_size, spec.batch_size, objective.n, spec.P)
        self._draw_from(shards, begin, end)
        in_order = spec.reduction == "reproducible"
        self.reduction = FixedOrder(comm, spec.P, fold) if in_order else AnyOrder(gather)
        self._coin = streams.key(spec.seed, "coin")
        given = comm, spec, objective, shards
        self._touched = Touched(*given) if alone else Columns(*given, self.lanes)
        self._choose_rounds()

    def _draw_from(self, shards, begin, end):
        """Rows of these learners, their random streams, and their weights in an average."""
        P, L = self.spec.P, end - begin
        if shards is None:
            shards = Shards(np.empty(0, np.int64), np.zeros(P, np.int64), np.zeros(P, np.int64))
        own = shards.of(begin, end)  # a rank keeps its own learners' rows only
        own.rows.flags.writeable = False
        weighted = self.spec.weights == "shards" and shards.counts.any()
        self.weights = own.counts.astype(float) if weighted else np.ones(L)
        self.total_weight = float(shards.counts.sum()) if weighted else float(P)
        self.shard_sizes = own.counts
        keys = streams.keys(self.spec.seed, "order", self.ids)
        self._noise = streams.keys(self.spec.seed, "noise", self.ids)
        self._order = (RULES[self.spec.sampling], keys, self.draws, own.rows, own.starts, own.counts)

    def _choose_rounds(self):
        """How rounds are made, compiled where that is possible: the choice is here alone."""
        spec, objective, model = self.spec, self.objective, (self.W, self.V, self.spec.momentum, self.S)
        self._model = model
        self._combination = self.weights, self.total_weight, objective.dimension * self.lanes
        problem = model, self._order, self._noise
        how = spec.momentum_at_average, self._touched, spec.barrier, self.clock
        self._by_hand = ByHand(self.comm, objective, problem, self._combination, *how, self.reduction)
        by_hand = os.environ.get("PAVG_ROUNDS") == "reference" or not self.reduction.compiled
        if by_hand or objective.family is None:
            self._rounds = self._by_hand
        else:
            arguments = objective.arguments(self.lanes, spec.momentum > 0)
            self._rounds = Compiled(self.comm, (arguments, *problem), self._combination, *how)
        self.loop = self._rounds.loop

    @property
    def bytes(self) -> int:
        """Bytes of what ranks have combined so far, for each lane."""
        return self._sent // self.lanes

    @property
    def bytes_of_average(self) -> int:
        """What a virtual average, just made, would add to them if it were real: models of lanes alone."""
        return self._touched.bytes

    # --- verbs -------------------------------------------------------------------------------

    def rounds(self, lengths: Sequence[int] | NDArray[np.int64], rest: int) -> None:
        """Many rounds: for each length, so many local steps and an average; then `rest` steps more."""
        left, k = np.array(lengths, np.int64), 0
        last = left.size - 1 if rest == 0 else -1  # the round that ends on the stop
        while k < left.size:
            done = self._many(left[k:], last - k)
            if done == 0:  # longer than a window of the schedule
                self.step(int(left[k]))
                left[k] = 0
            k += done
        self.step(rest)

    def _many(self, lengths, last=-1):
        """As many of these rounds as a window of the schedule reaches: their number.

        last : the round before whose average the models are kept for drift; none if it is negative.
        """
        wanted = min(int(lengths[:MOST].sum()), MOST)
        schedule, available = self.schedule.window(self.steps + 1, self.samples, wanted)
        check(self.comm, f"rounds {zlib.crc32(lengths.tobytes())} {self.objective.dimension}")
        last = last if self._looked_at else -1
        before = np.empty_like(self.W) if last >= 0 else None
        done, steps, sent = self._rounds.run(schedule, available, lengths, last, before)
        self._count(schedule, steps)
        self.rounds_done += done
        self._sent += sent
        if done:
            self.since, self.apart = 0, False
        if done > last >= 0:
            self._before = before
        return done

    def step(self, n: int) -> None:
        """n local steps of every learner."""
        while n > 0:
            schedule, now = self.schedule.window(self.steps + 1, self.samples, n)
            self._rounds.step(schedule, now)
            self._count(schedule, now)
            n -= now

    def _count(self, schedule, steps):
        """So many local steps have been made."""
        if steps:
            _, batches, first = schedule
            self.samples += int(batches[first : first + steps].sum())
            self.steps += steps
            self.since += steps
            self.apart, self._before = True, None

    def gradient(self) -> None:
        """G ← a mini-batch gradient of each learner at its own model, from its next draws.

        For methods with `gradients = True`: elsewhere it would be compiled on the clock.
        """
        (_, batches, first), _ = self.schedule.window(self.steps + 1, self.samples, 1)
        self.objective.gradients(self._model, self._order, self._noise, int(batches[first]), self.G)
        self.samples += int(batches[first])
        self._own = True

    def apply(self) -> None:
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

    def average(self, *buffers: NDArray[np.float64]) -> None:
        """Replace each buffer (L, width) by its weighted average over all P learners.

        Without arguments: the models, and the momentum as `momentum_at_average` says.
        """
        if not buffers:
            self._many(NOW)
            return
        self._sent += self._by_hand.average(*buffers)
        self.rounds_done += 1
        self.since, self.loop = 0, self._by_hand.loop
        self._touched.lose()
        if buffers[0] is self.G:
            self._own = False

    def finish(self) -> None:
        """The last average, if the models may differ; then the clock stops."""
        if self.apart:
            self._many(NOW, 0)
        self.clock.stop(self.comm)

    def freeze(self, lane):
        """A lane that has ended stands still from now on, at 0: infinite models would slow others down."""
        self.schedule.freeze(lane)
        self.W[:, :, lane], self.S[:, lane] = 0.0, 1.0

    def state(self):
        """name → array: all that these learners need to go on from a stop."""
        done = (self.steps, self.samples, self.since, self.apart, self.rounds_done, self._sent)
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
        self.steps, self.samples, self.since, apart, self.rounds_done, self._sent = done
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
            self._by_hand.warm_up(schedule)
        self._rounds.warm_up(schedule)
        W, nothing = rows(self.W), np.empty(0)
        self.reduction.gather(W, self.weights, nothing, 0, 0)
        virtual.warm_up(self._touched, self._model, self._order, self.weights, schedule)
        add_distances(W, self.S, nothing, 0, np.empty((len(W), self.lanes)))
        self.coin(0, 0)

    # --- what methods and the engine look at -----------------------------------------------------

    def coin(self, t: int, stop: int) -> NDArray[np.float64]:
        """Uniform draws in (0, 1) for the ticks t + 1 … stop, the same for all learners."""
        return uniforms(self._coin, t + 1, stop - t)

    def own(self) -> NDArray[np.float64] | None:
        """The learners' models, S·W, or before an average that was just made; None if all are one."""
        return models(self.W, self.S) if self.apart else self._before

    def virtual_average(self, comm: Intracomm) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
        """(w̄, drift): the average that would be made now, and 1/P Σ ‖w_i − w̄‖². Models stay as they are.

        (d,) and a number, None unless `evaluate.drift`; with lanes (d, lanes) and (lanes,). Where an average
        has just been made, drift is that of the models before it. Collective over `comm`, of evaluations.
        """
        d, seen = self.objective.dimension, (self._before, np.ones_like(self.S))
        if self.apart:  # on all ranks alike
            given = self._touched, self._model, self._order, self._combination
            w, seen = virtual.average(comm, self.reduction, *given), (self.W, self.S)
        else:
            w = models(self.W[:1, :d], self.S[:1])[0]
        if not self.spec.evaluate.drift:
            return w, None
        distances = np.zeros((self.spec.P, self.lanes))
        if seen[0] is not None:
            add_distances(rows(seen[0]), seen[1], w.reshape(-1), w.size, distances[self.ids.start :])
            total(comm, distances)
        return w, distances.sum(axis=0).reshape(w.shape[1:]) / self.spec.P
