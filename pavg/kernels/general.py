"""Local SGD on any problem whose gradient and loss are compiled functions, a user's own too.

`gradient_function` and `loss_function` compile them to one declared signature each, so that they
are passed to the loops here as first-class functions: these hit numba's disk cache.

gradient(theta, X, y, i, noise, m, W, l, scale, g) adds scale × the stochastic gradient at W[l] to g;
loss(theta, X, y, i, W, l) is the loss of sample i at W[l]. theta (float64, read-only) holds the
problem's numbers; X, y are the samples (empty if there are none); i is the row (−1 if there are
none); (noise, m) are the key and counter for `pavg.kernels.streams.normal` and its like.

X is float64, or float32 where a store keeps it so: then a function is compiled once more, `on` that type.
"""

import warnings
from collections.abc import Callable
from functools import cache, cached_property
from typing import Any

import numpy as np
from numba import cfunc, njit, types
from numba.core.errors import NumbaExperimentalFeatureWarning

from pavg.kernels.streams import draw

# first-class functions: in numba since 0.46, and said to be experimental at each use
warnings.filterwarnings("ignore", "First-class function", NumbaExperimentalFeatureWarning)

_f8, _i8, _u8 = types.float64, types.int64, types.uint64


def _array(dtype, ndim, readonly=False):
    return types.Array(dtype, ndim, "C", readonly=readonly)


_theta, _y = _array(_f8, 1, True), _array(_f8, 1, True)
_X = {"float64": _array(_f8, 2, True), "float32": _array(types.float32, 2, True)}
GRADIENT = {
    dtype: types.void(_theta, X, _y, _i8, _u8, _i8, _array(_f8, 2), _i8, _f8, _array(_f8, 1))
    for dtype, X in _X.items()
}
LOSS = {dtype: _f8(_theta, X, _y, _i8, _array(_f8, 2), _i8) for dtype, X in _X.items()}


class Compiled:
    """A C function that numba compiled, passed to the loops by address and declared signature.

    numba would work out the type of a bare `cfunc` anew at every call, which costs about 10 µs.
    `__wrapped__` is the Python function; signatures : dtype of X → signature.
    """

    def __init__(
        self, function: Callable[..., Any], signatures: dict[str, Any], dtype: str = "float64"
    ) -> None:
        self._signature, self._signatures = signatures[dtype], signatures
        self._numba_type_ = types.FunctionType(self._signature)
        self.__wrapped__ = function

    @cached_property
    def _compiled(self):
        return cfunc(self._signature, cache=True)(self.__wrapped__)

    def __wrapper_address__(self):
        return self._compiled.address

    @cache  # noqa: B019 (functions of modules: they live as long as the process)
    def on(self, dtype: str) -> "Compiled":
        """The same function for X of a dtype."""
        return self if dtype == "float64" else Compiled(self.__wrapped__, self._signatures, dtype)


def gradient_function(function: Callable[..., Any]) -> Compiled:
    """Compile a stochastic gradient (see the module) to the signature that the loops expect."""
    return Compiled(function, GRADIENT)


def loss_function(function: Callable[..., Any]) -> Compiled:
    """Compile a sample's loss (see the module) to the signature that `losses` expects."""
    return Compiled(function, LOSS)


@njit(cache=True, nogil=True, forceinline=True)
def steps(arguments, model, order, noise, schedule, n):
    """n local steps of every learner: w ← w − γ·gradient, or with momentum (v ← μv + g, w ← w − γv).

    arguments : (gradient, theta, samples, sphere); sphere : w is scaled to unit length after each step.
    The other tuples: `pavg.kernels.linear`; S is 1.
    """
    gradient, theta, samples, sphere = arguments
    X, y = samples
    W, V, mu, _ = model
    rule, keys, draws, rows, starts, counts = order
    gammas, batches, first = schedule
    g = np.empty(W.shape[1])
    for l in range(W.shape[0]):
        m = draws[l]
        for s in range(first, first + n):
            g[:] = 0.0
            for _ in range(batches[s]):
                i = draw(rule, keys[l], m, rows, starts[l], counts[l]) if counts[l] > 0 else -1
                gradient(theta, X, y, i, noise[l], m, W, l, 1.0 / batches[s], g)
                m += 1
            square = 0.0
            for j in range(g.size):
                if V.size > 0:
                    V[l, j] = mu * V[l, j] + g[j]
                    W[l, j] -= gammas[s] * V[l, j]
                else:
                    W[l, j] -= gammas[s] * g[j]
                square += W[l, j] * W[l, j]
            if sphere:
                for j in range(g.size):
                    W[l, j] /= np.sqrt(square)
        draws[l] = m


@njit(cache=True, nogil=True)
def gradients(arguments, model, order, noise, batch, G):
    """G[l] ← the mini-batch gradient of every learner at its own model; the draws are used up."""
    gradient, theta, samples, _ = arguments
    X, y = samples
    W = model[0]
    rule, keys, draws, rows, starts, counts = order
    g = np.empty(G.shape[1])
    for l in range(G.shape[0]):
        g[:] = 0.0
        for _ in range(batch):
            m = draws[l]
            i = draw(rule, keys[l], m, rows, starts[l], counts[l]) if counts[l] > 0 else -1
            gradient(theta, X, y, i, noise[l], m, W, l, 1.0 / batch, g)
            draws[l] += 1
        G[l, :] = g


@njit(cache=True, nogil=True)
def losses(loss, theta, samples, W, begin, end):
    """Σ loss of the samples begin … end − 1 at W[0]."""
    total = 0.0
    for i in range(begin, end):
        total += loss(theta, samples[0], samples[1], i, W, 0)
    return total


@njit(cache=True, nogil=True)
def add_gradient(gradient, theta, samples, W, begin, end, G):
    """G[0] += Σ gradient of the samples begin … end − 1 at W[0] (for gradients without noise)."""
    g = np.zeros(G.shape[1])
    for i in range(begin, end):
        gradient(theta, samples[0], samples[1], i, np.uint64(0), 0, W, 0, 1.0, g)
    G[0, :] += g
