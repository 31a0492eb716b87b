"""The double well of Zhang et al. 2016, section 2.4."""

from dataclasses import dataclass

from pavg.kernels.streams import normal
from pavg.problems.general import General, gradient_function, loss_function


@dataclass(frozen=True)
class DoubleWell(General):
    """f(w) = (w² − 1)², with gradient samples 4(w³ − w + ũ), ũ standard normal; F* = 0."""

    noisy = True

    w0: float = 0.0

    def start(self, d, seed):
        return [self.w0]

    def optimum(self, X):
        return 0.0

    @gradient_function
    def gradient(theta, X, y, i, noise, m, W, l, scale, g):
        w = W[l, 0]
        g[0] += scale * 4.0 * (w * w * w - w + normal(noise, m))

    @loss_function
    def loss(theta, X, y, i, W, l):
        return (W[l, 0] ** 2 - 1.0) ** 2
