"""Rosenbrock's valley, with noise."""

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Gt

from pavg.kernels.streams import normal
from pavg.problems.general import General, gradient_function, loss_function


@dataclass(frozen=True)
class Rosenbrock(General):
    """f(w) = (1 − w₀)² + b(w₁ − w₀²)², gradients with normal noise of deviation sigma; F* = 0."""

    noisy = True

    b: Annotated[float, Gt(0)] = 100.0
    sigma: Annotated[float, Ge(0)] = 1.0

    def numbers(self):
        return [self.b, self.sigma]

    def start(self, d, seed):
        return [-1.0, 1.0]

    def optimum(self, X):
        return 0.0

    @gradient_function
    def gradient(theta, X, y, i, noise, m, W, l, scale, g):
        bend = W[l, 1] - W[l, 0] ** 2
        g[0] += scale * (2 * (W[l, 0] - 1) - 4 * theta[0] * bend * W[l, 0] + theta[1] * normal(noise, 2 * m))
        g[1] += scale * (2 * theta[0] * bend + theta[1] * normal(noise, 2 * m + 1))

    @loss_function
    def loss(theta, X, y, i, W, l):
        return (1 - W[l, 0]) ** 2 + theta[0] * (W[l, 1] - W[l, 0] ** 2) ** 2
