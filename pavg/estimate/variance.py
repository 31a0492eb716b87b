"""The variance of gradients around the optimum, and the ratio ρ (Zhang et al. 2016, sections 2.2 and 3.1)."""

import math

import numpy as np
from scipy.sparse.linalg import LinearOperator, eigsh

from pavg import streams
from pavg.comm.agreement import AgreedError
from pavg.errors import InputError
from pavg.estimate.stored import Variance
from pavg.estimate.whole import led

POINTS = np.linspace(-1.0, 1.0, 9)  # of a line, over ‖w0 − w*‖
OUTSIDE = 0.2  # of ‖w0 − w*‖: nearer to w*, a linear term makes ratios as large as one likes
FEWEST, MOST = 16, 1024  # lines


def variance(comm, objective, w, error=0.05, seed=0, progress=None):
    """The `Variance` around a minimiser w (d,), by lines until error is met. Collective.

    error : the standard error that the mean curvature may have, over its size; more than 1024 lines are not
    drawn, so it may be missed. seed : of the lines' directions. progress : called on rank 0, as
    ``progress(stage, done, total)``; total is None where nobody knows.

    Raises
    ------
    InputError
        w is where runs start, or the gradients of the problem's samples are not known one by one.
    """
    W = np.zeros((1, objective.width))
    if objective.add_gradient_and_squares(W, 0, 0, W) is None:
        text = "no variance: gradients of single samples are not known; expected a linear model"
        raise AgreedError(text, comm.Get_size())
    return led(comm, objective, lambda whole: _variance(whole, w, error, seed), progress)


def _variance(whole, w, error, seed):
    start = whole.objective.start
    distance = float(np.linalg.norm(start - w))
    if distance == 0:
        raise InputError("no variance: runs start at the optimum, so there is no ‖w0 − w*‖")
    at_optimum, slope, rng = whole.noise(w), whole.noise_slope(w), streams.generator(seed, "line")
    curvatures, ratio, outside = [], -np.inf, np.abs(POINTS) > OUTSIDE
    while len(curvatures) < (wanted := _wanted(curvatures, error)):
        whole.tell("lines through w*", len(curvatures), wanted)
        along = rng.standard_normal(w.size)
        along *= distance / np.linalg.norm(along)
        seen = np.array([whole.noise(w + s * along) if s else at_optimum for s in POINTS])
        curvatures.append(np.polynomial.polynomial.polyfit(POINTS * distance, seen, 2)[2])
        ratio = max(ratio, ((seen - at_optimum)[outside] / (POINTS[outside] * distance) ** 2).max())
    lines = len(curvatures)
    return Variance(
        at_optimum=at_optimum,
        at_start=whole.noise(start),
        distance=distance,
        curvature=float(np.mean(curvatures)),
        error=float(np.std(curvatures, ddof=1) / lines**0.5),
        lines=lines,
        slope=float(np.linalg.norm(slope)),
        largest=_largest(whole, w, slope) if whole.objective.quadratic else None,
        ratio=float(ratio),
    )


def _wanted(curvatures, error):
    """How many lines the standard error asks for, as far as those that there are tell."""
    if len(curvatures) < FEWEST:
        return FEWEST
    deviation, goal = np.std(curvatures, ddof=1), error * abs(np.mean(curvatures))
    return math.ceil((deviation / goal) ** 2) if MOST**0.5 * goal > deviation else MOST


def _largest(whole, w, slope):
    """λmax of Q, where Δ(w + v) = Δ(w) + ⟨slope, v⟩ + vᵀQv: Q·v is half of what the slope grows by."""

    def product(v):
        whole.tell("λmax: passes over the rows", whole.passes)
        return (whole.noise_slope(w + v.ravel()) - slope) / 2

    if whole.d == 1:
        return float(product(np.ones(1))[0])
    Q = LinearOperator((whole.d, whole.d), matvec=product, dtype=float)
    first = streams.generator(0, "line").standard_normal(whole.d)
    return float(eigsh(Q, k=1, which="LA", v0=first, tol=1e-8, return_eigenvectors=False)[0])
