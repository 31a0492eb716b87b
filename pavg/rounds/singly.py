"""Local steps of learners one by one, for rounds in which each does as many as it likes."""

import numpy as np
from mpi4py import MPI

from pavg.comm.clocks import slowly
from pavg.schedules import Schedule


class Singly:
    """Local steps of each of the L learners of one rank; step and batch sizes follow its own count of them.

    objective : pavg.problems.base.Objective; problem : (model, order, noise) of the kernels;
    schedule : arguments of `pavg.schedules.Schedule`; slow : local steps take so many times as long.

    counts : int64 (L, 2), steps that each learner has done and samples that it has seen; made : of rounds of
    so many seconds, the steps of each learner (L,).
    """

    def __init__(self, objective, problem, schedule, slow):
        self._objective, self._slow = objective, slow
        self.made = []
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

    def step_within(self, seconds):
        """As many local steps of each learner as so many seconds allow, one block at least.

        The clock is looked at between blocks of kernels, after half of what seems to be left: so the same
        steps in one go give the same bits.
        """
        done = np.zeros(len(self.counts), np.int64)
        for l in range(len(done)):
            began, n = MPI.Wtime(), self._objective.block
            while n > 0:
                self.step_of(l, n)
                done[l] += n
                spent = MPI.Wtime() - began
                half = int((seconds - spent) / max(spent, 1e-9) * done[l] / 2) // self._objective.block
                n = 0 if spent >= seconds else max(half, 1) * self._objective.block
        self.made.append(done)

    def step_of(self, l, n):
        """n local steps of one learner."""
        while n > 0:
            steps, samples = self.counts[l].tolist()
            schedule, now = self.schedules[l].window(steps + 1, samples, n)
            slowly(self._slow, self._objective.steps, *self._parts[l], schedule, now)
            _, batches, first = schedule
            self.counts[l] += now, batches[first : first + now].sum()
            n -= now

    def warm_up(self):
        """Call every compiled function once with nothing to do."""
        for part, schedule in zip(self._parts[:1], self.schedules, strict=False):
            self._objective.steps(*part, schedule.window(1, 0, 1)[0], 0)
