"""Rounds one by one in Python: what compiled rounds are compared with, and for what those cannot do."""

import numpy as np

from pavg.comm.averaging import Summation
from pavg.comm.clocks import COMPUTE, slowly
from pavg.kernels.combine import models, scatter, settle


class ByHand:
    """Local steps and averages of the learners of one rank, call by call.

    objective : pavg.problems.base.Objective; problem : (model, order, noise) of the kernels; combination :
    (weights, their total, d); at : what an average does to the momentum; touched :
    `pavg.rounds.sparse.Touched`, or with lanes `pavg.rounds.columns.Columns`; slow : local steps take so
    many times as long; delay : `pavg.delays.Network` that is injected, or None; reduction : how ranks sum
    (`pavg.comm.reduction`).
    """

    loop = "python"

    def __init__(
        self, comm, objective, problem, combination, at, touched, barrier, clock, slow, delay, reduction
    ):
        self._slow = slow
        self._objective, self._touched, self._at, self._clock = objective, touched, at, clock
        self._model, self._order, self._noise = problem
        self._weights, self._total, self._d = combination
        self._flat = np.zeros(0)
        self.summation = Summation(comm, clock, barrier, reduction, delay)

    def run(self, schedule, available, lengths, keep=-1, before=None):
        """(rounds, steps, bytes) that were done: as many rounds as the schedule's `available` entries reach.

        keep : the round before whose average the models are copied to `before`, off the clock (−1: none).
        """
        gammas, batches, first = schedule
        begin, end, sent, k = first, first + available, 0, 0
        while k < lengths.size and first + lengths[k] <= end:
            self.step((gammas, batches, first), int(lengths[k]))
            first += int(lengths[k])
            if k == keep:
                self._clock.lap(COMPUTE)
                before[:] = models(self._model[0], self._model[3])
                self._clock.start()
            sent += self._average_models()
            k += 1
        return k, first - begin, sent

    def step(self, schedule, n):
        """n local steps, which the schedule reaches."""
        drawn = int(self._order[2][0])
        self._touched.prepare(self._model, schedule, drawn, n)
        if n > 0:
            slowly(self._slow, self._objective.steps, self._model, self._order, self._noise, schedule, n)

    def apply(self, G, gamma):
        """The local step of each learner with gradient G (L, width)."""
        with np.errstate(over="ignore", invalid="ignore"):  # of models that diverge
            self._objective.move(self._model, gamma, G)

    def average(self, *buffers):
        """Each buffer (L, width) ← its weighted average over all learners: bytes of what ranks combined."""
        d, reduction = self._d, self.summation.reduction
        if self._flat.size < d * len(buffers):
            self._flat = np.zeros(d * len(buffers))
        flat = self._flat[: d * len(buffers)]

        def fill():
            settle(rows(self._model[0]), self._model[3])
            for k, buffer in enumerate(buffers):
                reduction.gather(rows(buffer), self._weights, flat, k * d, d)

        def spread():
            for k, buffer in enumerate(buffers):
                scatter(flat, k * d, d, self._total, rows(buffer))

        return self.summation(fill, flat, spread)

    def _average_models(self):
        W, V, _, _ = self._model
        all = self._model, self._order, self._weights, self._total
        sent = self._touched.average(self.summation, *all)
        if sent is None:
            sent = self.average(*((W, V) if self._at == "average" else (W,)))
        if self._at == "reset":
            V[:] = 0.0
        self._touched.close(int(self._order[2][0]))
        return sent

    def warm_up(self, schedule):
        """Call every compiled function once with nothing to do."""
        W, S = self._model[0], self._model[3]
        settle(rows(W), S)
        self.summation.reduction.gather(rows(W), self._weights, np.empty(0), 0, 0)
        scatter(np.empty(0), 0, 0, 1.0, rows(W))
        self._objective.steps(self._model, self._order, self._noise, schedule, 0)
        self._touched.warm_up(self._model, self._order, self._weights, schedule)


def rows(buffer):
    """A buffer with one row a learner, its lanes one after the other: what averages are made of."""
    return buffer.reshape(len(buffer), -1)
