"""The learners that this rank hosts: their arrays, counters and clock, and how rounds are made."""

import os
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from pavg import streams
from pavg.comm.clocks import Clock
from pavg.comm.reduction import AnyOrder, FixedOrder
from pavg.comm.topology import block
from pavg.kernels.combine import fold, gather
from pavg.kernels.streams import uniforms
from pavg.kernels.vectors import aligned_zeros
from pavg.rounds import average
from pavg.rounds.columns import Columns
from pavg.rounds.compiled import Compiled
from pavg.rounds.drawing import drawing, weighing
from pavg.rounds.reference import ByHand
from pavg.rounds.singly import Singly
from pavg.rounds.sparse import Touched
from pavg.schedules import Schedule


class Hosted:
    """L of P learners, on this rank of `comm`.

    Every learner has one model, or one a lane: W is (L, width), or (L, width, lanes) for lanes side by side
    on the same draws. All that a checkpoint must keep is here, in `state`: `W`, `V` (L, width), the factors
    `S` (L, lanes) of the models S·W, the counter `draws` (L,), the arrays `shared` that a method asks for,
    `steps`, `samples`, the open round `since`, and the clock.

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
    more: ClassVar[dict] = {}  # what other kinds of learners add to a row of the record

    def __init__(self, comm, spec, objective, shards, step_size=None):
        begin, end = block(spec.P, comm.Get_size(), comm.Get_rank())
        self.comm, self.spec, self.objective = comm, spec, objective
        self.ids = range(begin, end)
        step_size = step_size or spec.step_size
        L, self.lanes = end - begin, step_size.lanes
        alone = self.lanes == 1
        shape = (L, objective.width) if alone else (L, objective.width, self.lanes)
        self.W = aligned_zeros(shape)
        self.W.reshape(L, -1, self.lanes)[:] = objective.embedded(objective.start)[..., None]
        self.V = np.zeros_like(self.W) if spec.momentum else np.zeros((0, 0))
        self.S = np.ones((L, self.lanes))  # the models are S·W
        self.G = np.zeros(shape)  # no memory is taken for it until it is written to
        self.steps = self.samples = 0  # of each learner
        self.rounds_done = self._sent = 0  # combinations; bytes of what ranks combined, all lanes together
        self.since = 0  # local steps since the last combination
        self.apart = False  # whether models may differ
        self._before = None  # models before an average that fell on this stop, if anybody looks at them
        self._mean = None  # that average, if the models have moved on from it
        self.shared = {name: np.zeros(shape[1:]) for name in spec.method.buffers}  # alike on all ranks
        self._looked_at = spec.evaluate.drift or spec.evaluate.learners is not None
        self._own = False  # whether G is each learner's own
        self.clock = Clock()
        slowdown = spec.slowdown or [1.0]
        self.slow = float(np.mean([slowdown[i % len(slowdown)] for i in self.ids]))
        schedule = step_size.within(spec.method), spec.batch_size, objective.n, spec.P
        self.schedule = Schedule(*schedule)
        self._order, self._noise = drawing(spec, shards, self.ids)
        self.draws, self.shard_sizes = self._order[2], self._order[5]
        self.weights, self.total_weight = weighing(spec, shards, self.ids)
        in_order = spec.reduction == "reproducible"
        self.reduction = FixedOrder(comm, spec.P, fold) if in_order else AnyOrder(gather)
        self._coin = streams.key(spec.seed, "coin")
        given = comm, spec, objective, shards
        self._touched = Touched(*given) if alone else Columns(*given, self.lanes)
        self._by_columns = not alone and self._touched.on
        self._choose_rounds()
        problem = self._model, self._order, self._noise
        self._singly = None if spec.method.alike else Singly(objective, problem, schedule, self.slow)

    def _choose_rounds(self):
        """How rounds are made, compiled where that is possible: the choice is here alone."""
        spec, objective, model = self.spec, self.objective, (self.W, self.V, self.spec.momentum, self.S)
        self._model = model
        problem = model, self._order, self._noise
        combination = self.weights, self.total_weight, objective.dimension * self.lanes
        how = spec.momentum_at_average, self._touched, spec.barrier, self.clock, self.slow, spec.network
        self._by_hand = ByHand(self.comm, objective, problem, combination, *how, self.reduction)
        by_hand = os.environ.get("PAVG_ROUNDS") == "reference" or not self.reduction.compiled
        if by_hand or objective.family is None:
            self._rounds = self._by_hand
        else:
            arguments = objective.arguments(self.lanes, spec.momentum > 0)
            self._rounds = Compiled(self.comm, (arguments, *problem), combination, *how)
        self.loop = self._rounds.loop

    def freeze(self, lane):
        """A lane that has ended stands still from now on, at 0: infinite models would slow others down."""
        for schedule in (self.schedule, *(self._singly.schedules if self._singly else ())):
            schedule.freeze(lane)
        self.W[:, :, lane], self.S[:, lane] = 0.0, 1.0
        for buffer in self.shared.values():
            buffer[:, lane] = 0.0

    def _of_each(self):
        """name → array with a row for each learner: what a checkpoint keeps of them."""
        found = {"W": self.W, "S": self.S, "draws": self.draws}
        found |= {"V": self.V} if self.V.size else {}
        return found | ({"counts": self._singly.counts} if self._singly else {})

    def _made(self):
        """(rounds, L) int64: local steps of each learner in each round, where these hang on the clock."""
        return np.reshape(np.array(self._singly.made, np.int64), (-1, len(self.ids)))

    def state(self):
        """name → array: all that these learners need to go on from a stop."""
        done = (self.steps, self.samples, self.since, self.apart, self.rounds_done, self._sent)
        state = {"ids": np.array(self.ids), "done": np.array(done, np.int64), "clock": self.clock.state()}
        state |= {"made": self._made()} if self._singly else {}
        return state | self._of_each() | self.shared | self._touched.state()

    def restore(self, states, own):
        """Take these learners' part of the states of ranks; own : this rank's, None if there is none."""
        for state in states:
            there = np.flatnonzero(np.isin(state["ids"], self.ids))
            for name, array in self._of_each().items():
                array[state["ids"][there] - self.ids.start] = state[name][there]
        for name, buffer in self.shared.items():
            buffer[:] = states[0][name]
        if self.spec.method.clocked:  # this rank's one learner
            self._singly.made = list(states[0]["made"])
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
        if self._singly:
            self._singly.warm_up()
        if self._by_columns:
            self._touched.warm_up(self._model, self._order, self.weights, schedule)
        average.warm_up(self.W, self.S, self.weights, self.reduction)
        uniforms(self._coin, 1, 0)
