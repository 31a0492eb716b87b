"""What the papers' bounds ask for: smoothness, strong convexity, moments of gradients, F(w1) − F*."""

import numpy as np
from scipy.linalg import eigvalsh
from scipy.optimize import minimize
from scipy.sparse.linalg import LinearOperator, eigsh

from pavg import streams
from pavg.comm.agreement import AgreedError
from pavg.estimate.optimum import DENSE
from pavg.estimate.stored import Constants
from pavg.estimate.whole import led

STEPS, POINTS = 30, 9  # of L-BFGS at most; of its models that are looked at, at most
STAGE = "constants: passes over the rows"


def constants(comm, objective, near=None, progress=None):
    """The `Constants` of a linear model. Collective.

    Its path is that of L-BFGS from w0, 30 steps at most, thinned to 9 points; all rows count, so nothing
    there is drawn. Eigenvalues are those of the whole Hessian up to 1,024 coordinates, beyond by Lanczos'
    method.

    near : the `Optimum`, for w* and F*; without it F* ≥ 0 is what is known, as losses are not negative.
    progress : called on rank 0 as ``progress(stage, passes over all rows, None)``.

    Raises
    ------
    InputError
        The curvature of the problem is not known.
    """
    W = np.zeros((1, objective.width))
    if objective.add_curvature(W, W, 0, 0, W) is None:
        raise AgreedError("no constants: curvature is not known; expected a linear model", comm.Get_size())
    slope, curved, simple = objective.majorant
    squares, top = led(comm, simple, _of_rows, progress)
    seen = led(comm, objective, lambda whole: _along(whole, near), progress)
    penalty = np.zeros((1, objective.width))
    objective.add_penalty_gradient(objective.embedded(np.ones(objective.dimension)), penalty)
    penalty = penalty[0, : objective.dimension]
    curvature, convexity = curved * top + float(penalty.max()), float(penalty.min())
    if objective.quadratic:
        curvature, convexity = seen["largest"][0], max(convexity, np.nan_to_num(seen["least"][0]))
    return Constants(
        **seen,
        lowest=near.f if near else 0.0,
        known=near is not None,
        curvature=float(curvature),
        convexity=float(convexity) if objective.convex else 0.0,
        noise_most=slope**2 * squares,
    )


def _of_rows(whole):
    """(mean ‖x‖², λmax of the mean of xxᵀ), by ½(⟨w, x⟩ − 1)²."""
    w = np.zeros(whole.d)
    _, gradient = whole.value(w)
    return whole.noise(w) + float(gradient @ gradient), float(_extremes(whole, w)[1])


def _along(whole, near):
    """The arrays of `Constants`."""
    start, points = whole.objective.start, []

    def value(w):
        whole.tell(STAGE, whole.passes)
        return whole.value(w)

    minimize(value, start, jac=True, method="L-BFGS-B", callback=points.append, options={"maxiter": STEPS})
    ends = [start, *points] if near is None else [start, *points, near.w]
    chosen = np.unique(np.linspace(0, len(ends) - 1, POINTS).round().astype(int))
    rows, extremes = [], None
    for w in (ends[k] for k in chosen):
        loss, gradient = value(w)
        if extremes is None or not whole.objective.quadratic:  # whose Hessian is one
            extremes = _extremes(whole, w)
        distance = np.linalg.norm(w - start)
        rows.append((distance, loss, gradient @ gradient, whole.noise(w), *extremes))
    names = "distance", "loss", "gradient", "noise", "least", "largest"
    return dict(zip(names, np.array(rows, float).T.copy(), strict=True))


def _extremes(whole, w):
    """(least, largest) eigenvalue of ∇²F(w); of many coordinates (NaN, the largest by size)."""
    if whole.d <= DENSE:
        values = eigvalsh(whole.hessian(w))
        return values[0], values[-1]

    def product(v):
        whole.tell(STAGE, whole.passes)
        return whole.product(w, v.ravel())

    H = LinearOperator((whole.d, whole.d), matvec=product, dtype=float)
    first = streams.generator(0, "line").standard_normal(whole.d)
    return np.nan, eigsh(H, k=1, which="LM", v0=first, tol=1e-6, return_eigenvectors=False)[0]
