"""Estimates that are kept beside the samples: a small HDF5 file for each objective and kind."""

import hashlib
import io
import json
import os
from dataclasses import dataclass, fields
from typing import ClassVar

import h5py
import numpy as np

from pavg import files
from pavg.errors import InputError
from pavg.settings import changes
from pavg.theory.zhang2016 import least_envelope

VERSION = 1
LEVEL = 0.95
FACTS = ("data", "data_checksum", "n_samples", "n_features", "nnz")


@dataclass(frozen=True)
class Optimum:
    """What was found: w of shape (d,), f = F(w), start = F(w0), gradient = ‖∇F(w)‖.

    gap : ½·∇FᵀH⁻¹∇F, how far f can be above f*, to second order (of a quadratic: exactly); unique :
    whether H has full rank, None where it was not kept whole; steps : of Newton's method; passes :
    how often all rows were gone through.
    """

    kind: ClassVar[str] = "optimum"

    w: np.ndarray
    f: float
    start: float
    gradient: float
    gap: float
    unique: bool | None
    steps: int
    passes: int


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

    kind: ClassVar[str] = "variance"

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
        from scipy import stats  # not where a run starts

        half = float(stats.t.ppf(0.5 + LEVEL / 2, self.lines - 1)) * self.error
        return self.curvature - half, self.curvature + half

    @property
    def rhos(self):
        """ρ = β²‖w0 − w*‖²/σ² by what stands for β², and, of the envelope, for σ².

        "printed": the mean curvature; "largest": λmax; "ratio": the largest ratio; "envelope": of the pairs
        β² = λmax + τ, σ² = Δ(w*) + ‖∇Δ(w*)‖²/(4τ), which satisfy (5), the one that is least at w0.
        """
        found = {"printed": self.curvature, "largest": self.largest, "ratio": self.ratio}
        rhos = {name: self.rho(beta2) for name, beta2 in found.items() if beta2 is not None}
        if self.largest is not None:
            case = dict(largest=self.largest, slope=self.slope, at_optimum=self.at_optimum)
            rhos["envelope"] = self.rho(*least_envelope(self.distance, **case))
        return rhos

    def rho(self, beta2, sigma2=None):
        """β²‖w0 − w*‖²/σ²; without `sigma2`, with that at w*."""
        sigma2 = self.at_optimum if sigma2 is None else sigma2
        return float(beta2 * self.distance**2 / sigma2) if sigma2 > 0 else np.inf


@dataclass(frozen=True)
class Constants:
    """What bounds ask for: measured at `points` from w1 = w0 downhill, the last w* where that is known.

    Each of shape (points,): distance, ‖w − w1‖; loss, F; gradient, ‖∇F‖²; noise, the variance Δ of single
    samples' gradients; least and largest, eigenvalues of ∇²F (least: NaN where it was not kept whole).
    lowest : F* ≥ lowest; known : whether it is F*. curvature : the largest |eigenvalue| that ∇²F can have at
    any w; convexity : the least that it has at any w, 0 where none is known. noise_most : the most that Δ can
    be at any w; infinite for least squares.
    """

    kind: ClassVar[str] = "constants"

    distance: np.ndarray
    loss: np.ndarray
    gradient: np.ndarray
    noise: np.ndarray
    least: np.ndarray
    largest: np.ndarray
    lowest: float
    known: bool
    curvature: float
    convexity: float
    noise_most: float

    @property
    def gap(self):
        """F(w1) − F*: (at least, at most)."""
        start = float(self.loss[0])
        return start - (self.lowest if self.known else float(self.loss.min())), start - self.lowest

    @property
    def smoothness(self):
        """L: (the largest |eigenvalue| that was seen, at most)."""
        return float(np.nanmax(np.abs([self.least, self.largest]))), self.curvature

    @property
    def strong_convexity(self):
        """c: (at least, the least eigenvalue that was seen or NaN); 0 at least, so never negative."""
        return self.convexity, max(float(self.least.min()), self.convexity)

    def variance(self, B=1):
        """M/B, which Yu et al. call σ²: (the largest that was seen, at most)."""
        return float(self.noise.max()) / B, self.noise_most / B

    def second_moment(self, B=1):
        """G²: the largest ‖∇F‖² + Δ/B that was seen, of batches of B."""
        return float((self.gradient + self.noise / B).max())


def place(kind, problem, store):
    """The file of a problem's estimate of a kind on a store: beside it, named by the objective."""
    told = json.dumps([changes(problem), store.checksum], sort_keys=True)
    mark = hashlib.sha256(told.encode()).hexdigest()[:10]
    return store.path.with_name(f"{store.path.stem}.{problem.name}-{mark}.{kind.kind}.h5")


def keep(problem, store, found):
    """Write an estimate to its `place`, and return that. InputError where it cannot be written."""
    path, content = place(type(found), problem, store), io.BytesIO()
    with h5py.File(content, "w") as file:
        file.attrs["format"], file.attrs["format_version"] = f"pavg-{found.kind}", VERSION
        file.attrs["problem"] = json.dumps(changes(problem), sort_keys=True)
        file.attrs["data"], file.attrs["data_checksum"] = store.name, store.checksum
        file.attrs["n_samples"], file.attrs["n_features"] = store.train.n, store.n_features
        file.attrs["nnz"] = store.attrs["nnz"]
        for name, value in vars(found).items():
            if isinstance(value, np.ndarray):
                file[name] = value
            elif value is not None:
                file.attrs[name] = value
    try:
        files.replace(path, content.getvalue())
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from None
    return path


def stored(kind, problem, store):
    """The `Optimum` or `Variance` (kind) that was kept of a problem on a store, None if there is none.

    InputError for a file that cannot be read.
    """
    try:
        return _read(kind, place(kind, problem, store))[1]
    except FileNotFoundError:
        return None


def everything(kind, folder):
    """[(facts, estimate)] of all estimates of a kind that are kept in a folder of stores, by their names.

    facts : problem (its parameters, a dictionary), data, data_checksum, n_samples, n_features and nnz of the
    training samples.
    """
    return [_read(kind, path) for path in sorted(folder.glob(f"*.{kind.kind}.h5"))]


def _read(kind, path):
    """(facts, estimate) of a file."""
    try:
        with h5py.File(path, "r", locking=False) as file:
            if (file.attrs.get("format"), file.attrs.get("format_version")) != (f"pavg-{kind.kind}", VERSION):
                raise InputError(f"{path}: expected pavg-{kind.kind} of version {VERSION}: delete it")
            facts = {name: _value(file, name) for name in FACTS}
            facts |= {"problem": json.loads(file.attrs["problem"])}
            return facts, kind(**{f.name: _value(file, f.name) for f in fields(kind)})
    except FileNotFoundError:
        raise
    except (OSError, KeyError) as error:
        text = os.strerror(error.errno) if getattr(error, "errno", None) else "not a whole file"
        raise InputError(f"{path}: cannot be read: {text}; delete it, and estimate it anew") from None


def _value(file, name):
    """What was kept by a name: an array, a number, a text, or None."""
    if name in file:
        return file[name][:]
    value = file.attrs.get(name)
    return value.item() if isinstance(value, np.generic) else value
