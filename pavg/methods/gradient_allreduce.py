"""Classical parallel mini-batch SGD, for comparison."""

from dataclasses import dataclass

import numpy as np

from pavg.methods.base import Method


@dataclass(frozen=True)
class GradientAllreduce(Method):
    """At every step the learners average their gradients and apply the average: their models never differ."""

    label = "gradient"
    gradients = True

    def conflicts(self, spec):
        if spec.momentum_at_average != "keep":
            return ["momentum_at_average: gradient-allreduce averages no models; expected 'keep'"]
        return []

    def averages(self, learners, t, stop):
        return np.arange(t + 1, stop + 1)

    def advance(self, learners, t, stop):
        for _ in range(stop - t):
            learners.gradient()
            learners.average(learners.G)
            learners.apply()
