"""The variance of gradients around the optimum, and the ratio ρ (Zhang et al. 2016, sections 2.2 and 3.1)."""

from dataclasses import dataclass

import numpy as np
from scipy import stats
from scipy.sparse.linalg import LinearOperator, eigsh

from pavg import streams
from pavg.comm.agreement import AgreedError
from pavg.errors import InputError
from pavg.estimate.whole import led

POINTS = np.linspace(-1.0, 1.0, 9)  # of a line, over ‖w0 − w*‖
OUTSIDE = 0.2  # of ‖w0 − w*‖: nearer to w*, a linear term makes ratios as large as one likes
FEWEST, MOST = 16, 1024  # lines
LEVEL = 0.95


@dataclass(frozen=True)
class Variance:
    """Δ(w) = E‖∇f_i(w) − ∇F(w)‖² around w*, over all samples, of single ones.

    at_optimum : σ² = Δ(w*); at_start : Δ(w0); distance : ‖w0 − w*‖.
    curvature, error, lines : mean of the second-order coefficients of Δ along random lines through w*, its
    standard error, and how many lines: β² as it is printed.
    slope : ‖∇Δ(w*)‖, which is not 0 in general, so that (5) holds with σ² = Δ(w*) for no β².
    largest : λmax of the quadratic form of Δ, where Δ is quadratic (least squares), else None.
    ratio : the largest (Δ(w) − σ²)/‖w − w*‖² that was seen outside a fifth of the distance.
    """

    at_optimum: float
    at_start: float
    distance: float
    curvature: float
    error: float
    lines: int
    slope: float
    largest: float | None
    ratio: float

    @property
    def interval(self):
        """Of `curvature`, at 95 %."""
        half = stats.t.ppf(0.5 + LEVEL / 2, self.lines - 1) * self.error
        return self.curvature - half, self.curvature + half

    @property
    def rhos(self):
        """ρ = β²‖w0 − w*‖²/σ² by what stands for β², and, of the envelope, for σ².

        "printed": the mean curvature; "largest": λmax; "ratio": the largest ratio; "envelope": of the pairs
        β² = λmax + τ, σ² = Δ(w*) + ‖∇Δ(w*)‖²/(4τ), which satisfy (5), the one that is least at w0.
        """
        near, far = self.at_optimum, self.distance
        found = {"printed": self.curvature, "largest": self.largest, "ratio": self.ratio}
        rhos = {name: _over(beta * far**2, near) for name, beta in found.items() if beta is not None}
        if self.largest is not None:
            tau = self.slope / (2 * far)
            rhos["envelope"] = _over((self.largest + tau) * far**2, near + self.slope * far / 2)
        return rhos


def variance(comm, objective, w, error=0.05, seed=0):
    """The `Variance` around a minimiser w (d,), by lines until error is met. Collective.

    error : the standard error that the mean curvature may have, over its size; more than 1024 lines are not
    drawn, so it may be missed. seed : of the lines' directions.

    Raises
    ------
    InputError
        w is where runs start, or the gradients of the problem's samples are not known one by one.
    """
    if objective.square_gradients(np.zeros((1, objective.width)), 0, 0) is None:
        text = "no variance: gradients of single samples are not known; expected a linear model"
        raise AgreedError(text, comm.Get_size())
    return led(comm, objective, lambda whole: _variance(whole, w, error, seed))


def _variance(whole, w, error, seed):
    start = whole.objective.start
    distance = float(np.linalg.norm(start - w))
    if distance == 0:
        raise InputError("no variance: runs start at the optimum, so there is no ‖w0 − w*‖")
    at_optimum, slope, rng = whole.noise(w), whole.noise_slope(w), streams.generator(seed, "line")
    curvatures, ratio, outside = [], -np.inf, np.abs(POINTS) > OUTSIDE
    while not _enough(curvatures, error):
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


def _enough(curvatures, error):
    lines = len(curvatures)
    if lines < FEWEST or lines >= MOST:
        return lines >= MOST
    return np.std(curvatures, ddof=1) <= error * lines**0.5 * abs(np.mean(curvatures))


def _largest(whole, w, slope):
    """λmax of Q, where Δ(w + v) = Δ(w) + ⟨slope, v⟩ + vᵀQv: Q·v is half of what the slope grows by."""
    if whole.d == 1:
        return float(whole.noise_slope(w + 1.0)[0] - slope[0]) / 2
    Q = LinearOperator(
        (whole.d, whole.d), matvec=lambda v: (whole.noise_slope(w + v.ravel()) - slope) / 2, dtype=float
    )
    first = streams.generator(0, "line").standard_normal(whole.d)
    return float(eigsh(Q, k=1, which="LA", v0=first, tol=1e-8, return_eigenvectors=False)[0])


def _over(a, b):
    return float(a / b) if b > 0 else np.inf
