"""Principal component analysis by Oja's rule (Zhang et al. 2016, section 2.4 and Figure 1)."""

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge, Gt

from pavg import streams
from pavg.problems.general import General, gradient_function, loss_function


@dataclass(frozen=True)
class PCA(General):
    """Error 1 − |⟨w, v₁⟩|/‖w‖ under Oja's update w ← w + γx⟨x, w⟩; learners have own samples.

    Samples are Gaussian in d dimensions with spectrum [top, rest, …, rest], which the paper does not
    say to be variances or deviations: `spectrum` does. v₁ is the first axis (SGD from a random
    start does not see the difference). w0 is a random unit vector that all learners share.

    normalised : ‖w‖ = 1 is kept after each local step; else, as the update is printed, models grow and
    those that grew most weigh most in an average. The update is linear in w and the error does not
    depend on ‖w‖, so it makes no other difference when, or how often, models are normalised.
    """

    partition = "contiguous"
    loss_of_model = True

    d: Annotated[int, Ge(2)] = 20
    top: Annotated[float, Gt(0)] = 1.0
    rest: Annotated[float, Gt(0)] = 0.7
    spectrum: Literal["deviations", "variances"] = "deviations"
    samples_each: Annotated[int, Ge(1)] = 10
    normalised: bool = True

    @property
    def sphere(self):
        return self.normalised

    def samples(self, P, seed):
        deviations = np.array([self.top] + [self.rest] * (self.d - 1))
        if self.spectrum == "variances":
            deviations = np.sqrt(deviations)
        shape = (self.samples_each, self.d)
        drawn = [streams.generator(seed, "problem", learner).standard_normal(shape) for learner in range(P)]
        return np.vstack(drawn) * deviations, np.zeros(P * self.samples_each)

    def start(self, d, seed):
        w = streams.generator(seed, "initial").standard_normal(d)
        return w / np.linalg.norm(w)

    def optimum(self, X):
        return 0.0

    @gradient_function
    def gradient(theta, X, y, i, noise, m, W, l, scale, g):
        inner = 0.0
        for j in range(g.size):
            inner += X[i, j] * W[l, j]
        for j in range(g.size):
            g[j] -= scale * inner * X[i, j]

    @loss_function
    def loss(theta, X, y, i, W, l):
        square = 0.0
        for j in range(W.shape[1]):
            square += W[l, j] * W[l, j]
        return 1.0 - abs(W[l, 0]) / np.sqrt(square)
