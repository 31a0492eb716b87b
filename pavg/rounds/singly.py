"""Local steps of learners one by one, for rounds in which each does as many as it likes."""

import numpy as np

from pavg.schedules import Schedule


class Singly:
    """Local steps of each of the L learners of one rank; step and batch sizes follow its own count of them.

    objective : pavg.problems.base.Objective; problem : (model, order, noise) of the kernels;
    schedule : arguments of `pavg.schedules.Schedule`.

    counts : int64 (L, 2), steps that each learner has done and samples that it has seen.
    """

    def __init__(self, objective, problem, schedule):
        self._objective = objective
        (W, V, mu, S), (rule, keys, draws, rows, starts, counts), noise = problem
        each = [slice(l, l + 1) for l in range(len(W))]
        self._parts = [
            ((W[l], V[l], mu, S[l]), (rule, keys[l], draws[l], rows, starts[l], counts[l]), noise[l])
            for l in each
        ]
        self.schedules = [Schedule(*schedule) for _ in each]
        self.counts = np.zeros((len(W), 2), np.int64)

    def step(self, lengths):
        """lengths[l] local steps of each learner l."""
        for l, n in enumerate(lengths):
            self.step_of(l, int(n))

    def step_of(self, l, n):
        """n local steps of one learner."""
        while n > 0:
            steps, samples = self.counts[l].tolist()
            schedule, now = self.schedules[l].window(steps + 1, samples, n)
            self._objective.steps(*self._parts[l], schedule, now)
            _, batches, first = schedule
            self.counts[l] += now, batches[first : first + now].sum()
            n -= now

    def warm_up(self):
        """Call every compiled function once with nothing to do."""
        for part, schedule in zip(self._parts[:1], self.schedules, strict=False):
            self._objective.steps(*part, schedule.window(1, 0, 1)[0], 0)
