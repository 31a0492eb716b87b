"""The quadratic with multiplicative and additive noise of Zhang et al. 2016, Lemma 1."""

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Gt

from pavg.kernels.streams import normal
from pavg.problems.general import General, gradient_function, loss_function


@dataclass(frozen=True)
class NoisyQuadratic(General):
    """f(w) = ½cw², with gradient samples cw − b̃w − h̃; b̃ and h̃ normal with variances β² and σ²; F* = 0.

    copies : independent copies side by side in one model (noise of their own, averaged together);
    the loss is their mean. Many cheap repetitions of one recursion, for statistics.
    """

    noisy = True

    c: Annotated[float, Gt(0)] = 1.0
    beta: Annotated[float, Ge(0)] = 1.0
    sigma: Annotated[float, Ge(0)] = 1.0
    w0: float = 0.0
    copies: Annotated[int, Ge(1)] = 1

    def numbers(self):
        return [self.c, self.beta, self.sigma]

    def start(self, d, seed):
        return [self.w0] * self.copies

    def optimum(self, X):
        return 0.0

    @gradient_function
    def gradient(theta, X, y, i, noise, m, W, l, scale, g):
        for j in range(g.size):
            b = theta[1] * normal(noise, 2 * (m * g.size + j))
            h = theta[2] * normal(noise, 2 * (m * g.size + j) + 1)
            g[j] += scale * ((theta[0] - b) * W[l, j] - h)

    @loss_function
    def loss(theta, X, y, i, W, l):
        total = 0.0
        for j in range(W.shape[1]):
            total += 0.5 * theta[0] * W[l, j] ** 2
        return total / W.shape[1]
