"""The finite sums of quadratics of Zhang et al. 2016, Example 1."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Ge

from pavg import streams
from pavg.problems.general import General, gradient_function, loss_function


@dataclass(frozen=True)
class Quadratic(General):
    """f(w) = 1/m Σ (½wᵀPⱼw + wᵀqⱼ), m components in d dimensions; all Pⱼ equal when spread = 0.

    Pⱼ = P + spread·BⱼBⱼᵀ/d with P = I/2 + AAᵀ/d; A, Bⱼ and qⱼ are standard normal, drawn from
    `instance` alone, so that runs with other seeds have the same f. A row of X is (Pⱼ, qⱼ).
    """

    d: Annotated[int, Ge(1)] = 5
    components: Annotated[int, Ge(1)] = 100
    spread: Annotated[float, Ge(0)] = 0.0
    instance: Annotated[int, Ge(0)] = 0
    w0: float = 1.0

    def samples(self, P, seed):
        rng, d, m = streams.generator(self.instance, "problem"), self.d, self.components
        A, B = rng.standard_normal((d, d)), rng.standard_normal((m, d, d))
        common = np.eye(d) / 2 + A @ A.T / d
        hessians = common + self.spread * (B @ B.transpose(0, 2, 1)) / d
        return np.hstack([hessians.reshape(m, d * d), rng.standard_normal((m, d))]), np.zeros(m)

    def start(self, d, seed):
        return np.full(self.d, self.w0)

    def optimum(self, X):
        mean, d = X.mean(axis=0), self.d
        hessian, q = mean[: d * d].reshape(d, d), mean[d * d :]
        return float(-0.5 * q @ np.linalg.solve(hessian, q))

    @gradient_function
    def gradient(theta, X, y, i, noise, m, W, l, scale, g):
        d = g.size
        for j in range(d):
            slope = X[i, d * d + j]
            for k in range(d):
                slope += X[i, d * j + k] * W[l, k]
            g[j] += scale * slope

    @loss_function
    def loss(theta, X, y, i, W, l):
        d = W.shape[1]
        total = 0.0
        for j in range(d):
            slope = X[i, d * d + j]
            for k in range(d):
                slope += 0.5 * X[i, d * j + k] * W[l, k]
            total += W[l, j] * slope
        return total
