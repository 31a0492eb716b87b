"""The optimum of a smooth convex objective: w*, f*, and how far off they can be."""

import numpy as np
from scipy.linalg import eigh
from scipy.sparse.linalg import LinearOperator, cg

from pavg.comm.agreement import AgreedError, once
from pavg.errors import InputError
from pavg.estimate.stored import Optimum, keep, stored
from pavg.estimate.whole import led

GAP = 1e-10  # of F(w0): the most that f may be above f*
AIM = 1e-14  # of F(w0): what is tried
DENSE = 1024  # coordinates up to which the Hessian is kept whole
ROUNDING = 1e-14  # of ‖∇F(w0)‖: gradients below it are rounding errors
NEWTON = 100  # steps at most
PRODUCTS = 5000  # of the Hessian and a vector, for a step, at most
HALVINGS = 40  # of a step at most
SETTLED = 1e-3  # of ‖w‖ (or of 1): a longer step, where F hardly falls, leads away for good
STAGE = "optimum: passes over the rows"
APART = "no optimum: {}, so F falls for ever; expected l2 > 0"


def kept(comm, problem, store, objective, progress=None):
    """The `Optimum` that is kept of a problem on a store; found and kept first, if need be. Collective."""
    found = once(comm, stored, Optimum, problem, store) if store else None
    if found is None:
        found = optimum(comm, objective, progress)
        once(comm, keep, problem, store, found)
    return found


def optimum(comm, objective, progress=None):
    """The `Optimum` by Newton's method from w0 = 0, of a convex F whose curvature is known. Collective.

    A step solves H·δ = −∇F by eigenvectors, or by conjugate gradients where d is large. It stays in the
    span of the rows: where minimisers are many, it is the one of least norm. progress : called on rank 0
    as ``progress(stage, passes over all rows, None)``.

    Raises
    ------
    InputError
        There is no minimiser (the classes can be told apart, wholly or by some feature), or no step
        comes nearer.
    """
    if not objective.convex:
        raise AgreedError(
            "no optimum: the problem is not known to be convex; expected least-squares or logistic",
            comm.Get_size(),
        )
    return led(comm, objective, _newton, progress)


def _newton(whole):
    w = np.zeros(whole.d)
    f, g = whole.value(w)
    start, first, step, rank = f, np.linalg.norm(g), 0, None
    while True:
        whole.tell(STAGE, whole.passes)
        delta, left = _direction(whole, w, g, first)
        rank = left if rank is None else rank
        gap = max(-0.5 * float(g @ delta), 0.0)
        settled = np.linalg.norm(delta) <= SETTLED * max(np.linalg.norm(w), 1.0)
        if (gap <= AIM * start and settled) or step == NEWTON:
            break
        moved = _moved(whole, w, f, g, delta)
        if moved is None:
            break
        (w, f, g), step = moved, step + 1
        if not whole.strict and whole.least_margin(w) > 0:
            raise InputError(APART.format("a linear model tells all classes apart"))
    if gap > GAP * start:
        raise InputError(f"no optimum found: after {step} steps F may still fall by {gap:.2g}")
    if not settled or left != rank:
        raise InputError(APART.format("some features tell classes apart, as one that a single class has"))
    unique = None if rank is None else rank == whole.d
    return Optimum(w, f, start, float(np.linalg.norm(g)), gap, unique, step, whole.passes)


def _direction(whole, w, g, first):
    """(δ with ∇²F(w)·δ = −g, in the span of what has curvature; the dimension of that, where it is told)."""
    if whole.d <= DENSE:
        values, vectors = eigh(whole.hessian(w))
        curved = values > values[-1] * whole.d * np.finfo(float).eps
        along = vectors[:, curved]
        return -along @ ((along.T @ g) / values[curved]), int(curved.sum())

    def product(v):
        whole.tell(STAGE, whole.passes)
        return whole.product(w, v)

    H = LinearOperator((whole.d, whole.d), matvec=product, dtype=float)
    # far from the optimum the Hessian is another one there; that of a quadratic is solved once, and well
    exact = 1e-10 if whole.objective.quadratic else min(1e-2, np.linalg.norm(g) / (first or 1.0))
    # what rounding has left of a gradient lies outside the span of the rows: it is not to be solved for
    return cg(H, -g, rtol=exact, atol=ROUNDING * first, maxiter=PRODUCTS)[0], None


def _moved(whole, w, f, g, delta):
    """(w, F, ∇F) after the longest of steps δ, δ/2, δ/4 … that lowers F enough; None if none does."""
    drop = float(g @ delta)
    for halving in range(HALVINGS):
        t = 0.5**halving
        value, slope = whole.value(w + t * delta)
        if value < f and value <= f + 1e-4 * t * drop:
            return w + t * delta, value, slope
    return None
