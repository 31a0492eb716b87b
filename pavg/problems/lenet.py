"""LeNet on images of ten classes (Zhang et al. 2016, section 3.2)."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Gt

from pavg import streams
from pavg.kernels import lenet as kernels
from pavg.problems.base import Objective, Problem, frozen
from pavg.problems.images import parts_of


@dataclass(frozen=True)
class LeNet(Problem):
    """Mean cross-entropy of a convolutional net: 5×5×32, pool, 5×5×64, pool, 512, 10; images of 28×28 pixels.

    A pixel's value is divided by `white`. w0 is He's, the same for all learners: biases 0, and normal weights
    of variance 2/(numbers that a unit sees). Models are rounded to float32 for local steps and losses.
    """

    needs_data = True

    white: Annotated[float, Gt(0)] = 255.0

    def bind(self, store, P, seed):
        """The objective on a store's images. InputError for other samples and other classes."""
        parts = parts_of(store, self.name, (1, 28, 28))
        return LeNetObjective(
            dimension=kernels.DIMENSION,
            n=store.train.n,
            y=frozen(store.train.y),
            start=start(seed),
            optimum=None,
            classes=True,
            rows={name: part.n for name, part in parts.items()},
            sphere=False,
            notes={},
            samples={k: (frozen(p.X, p.dtype), frozen(p.y), self.white) for k, p in parts.items()},
            buffers=kernels.buffers(),
        )


def start(seed):
    """w0 (DIMENSION,) of He et al. (2015): weights are normal, of variance 2/(numbers that a unit sees)."""
    generator, w, begin = streams.generator(seed, "initial"), np.zeros(kernels.DIMENSION), 0
    for (rows, columns), end in zip(kernels.SHAPES, kernels.ENDS[1:], strict=True):
        if rows > 1:
            seen = columns if end == kernels.ENDS[7] else rows
            w[begin:end] = generator.standard_normal(rows * columns) * np.sqrt(2 / seen)
        begin = end
    return w


@dataclass
class LeNetObjective(Objective):
    """A model is rounded to float32 before local steps, and float64 again behind them: exactly, so that no
    bit hangs on where they are interrupted."""

    samples: dict
    buffers: kernels.Buffers

    def __post_init__(self):
        self._net, self._moved = kernels.net(), kernels.net()

    def steps(self, model, order, noise, schedule, n):
        W, V, mu, _ = model
        gammas, batches, first = schedule
        for l in range(len(W) if n else 0):
            self._enter(W[l], V[l] if V.size else 0.0)
            for s in range(first, first + n):
                self._step(order, l, int(batches[s]), mu, gammas[s])
            W[l, : self.dimension] = self._net.flat
            if V.size:
                V[l, : self.dimension] = self._moved.flat
        if n == 0:  # to be compiled
            self._step(order, 0, 0, 0.0, 0.0)

    def gradients(self, model, order, noise, batch, G):
        for l in range(len(G)):
            self._enter(model[0][l], 0.0)
            self._step(order, l, batch, 0.0, 0.0)
            G[l, : self.dimension] = self._moved.flat

    def losses(self, part, W, begin, end):
        return self._losses(part, np.arange(begin, end), W)

    def losses_of(self, rows, W):
        return self._losses("train", rows, W)[0]

    def add_gradient(self, W, begin, end, G):
        self._enter(W[0], 0.0)
        for n in self._blocks(np.arange(begin, end)):
            self._compare("train", n, 1.0)
            self._learn(n, 1.0, 0.0)
        G[0, : self.dimension] += self._moved.flat
        return G

    def _enter(self, w, v):
        """Take a model and its momentum, rounded to float32."""
        self._net.flat[:] = w[: self.dimension]
        self._moved.flat[:] = v if np.isscalar(v) else v[: self.dimension]

    def _step(self, order, l, batch, mu, gamma):
        """One local step of learner l (γ = 0: `_moved` alone changes), MOST samples at a time."""
        for begin in range(0, max(batch, 1), kernels.MOST):
            n = min(kernels.MOST, batch - begin)
            kernels.draw_rows(order, l, n, self.buffers.rows)
            self._compare("train", n, 1.0 / max(batch, 1))
            self._learn(n, mu if begin == 0 else 1.0, gamma if begin + n == batch else 0.0)

    def _losses(self, part, rows, W):
        """(Σ loss, right classes) over these rows at W[0]."""
        self._enter(W[0], 0.0)
        loss = right = 0
        for n in self._blocks(rows):
            of, well = self._compare(part, n, 0.0)
            loss, right = loss + of, right + well
        return loss, right

    def _blocks(self, rows):
        """Put rows into `buffers.rows`, MOST at a time: how many each time, at least once, to be compiled."""
        for first in range(0, max(rows.size, 1), kernels.MOST):
            block = rows[first : first + kernels.MOST]
            self.buffers.rows[: block.size] = block
            yield block.size

    def _compare(self, part, n, scale):
        kernels.look(*self.samples[part], n, self.buffers)
        kernels.predict(self._net, n, self.buffers)
        return kernels.compare(n, scale, self.buffers)

    def _learn(self, n, mu, gamma):
        kernels.learn(self._net, self._moved, n, np.float32(mu), np.float32(gamma), self.buffers)
