"""Samples made up in the shapes of the papers' sets: for benchmarks, and for machines without a network.

What is made here is called synthetic wherever it goes: its store's name begins with ``synthetic-``.

Dense ("higgs", "year"): x = Lᵀz, z ~ N(0, I) of `rank` dimensions, every feature of variance 1; Σ = LᵀL.
Without a rank, x = z.

Sparse ("rcv1", "e2006"): rows of norm 1 with log-normal values in distinct columns, whose probabilities fall
as (j + 50)^−1.3 (as in real RCV1 documents, within a factor of about two) and are dealt to the columns at
random. The numbers of nonzeros are log-normal; their mean is `nnz`, to some per cent.

The model w* is normal, in the span of the features, with E⟨x, w*⟩² = 1 (sparse: estimated from a block). Then

- classes: y = ±1, P(y = 1) = 1 / (1 + exp(−separability ⟨x, w*⟩)); a share `noise` of labels is turned over
- regression: y = ⟨x, w*⟩ + noise · N(0, 1); or `rho` is given, and decides the noise. With `pairs`, the
  rows 2k and 2k + 1 have one x and the errors noise and −noise: w* is then the minimiser of these samples,
  not of their distribution alone, and ∇Δ(w*) = 0

ρ = β² ‖w0 − w*‖² / σ² (Zhang et al. 2016, section 2.2), with w0 = 0 and, for ½(⟨w, x⟩ − y)²,

- σ² = Δ(w*) = noise² E‖x‖²
- β² = (E‖x‖⁴ − ‖E xxᵀ‖²) / d: the curvature of the gradient's variance Δ on a line through w*, averaged over
  lines, as measured there (Frobenius norm). Dense: E‖x‖⁴ = (tr Σ)² + 2 tr Σ², so β² = ((tr Σ)² + tr Σ²) / d

Exact: these, for the distribution of dense samples. Approximate: those of sparse samples (moments from 512
rows), and those of any finite set, which differ by its sampling error. The largest part of that is the
minimiser's: of n rows it is noise²·d/n (Σ = I) away from w*, squared, which has ‖w*‖² = 1. At ρ = 0.1, where
noise² ≈ 10, that is nothing only for n far above 10·d, or with pairs.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import csr_matrix
from scipy.special import expit

from pavg import streams
from pavg.errors import InputError

BLOCK = 4096  # rows drawn together: part of what a seed means
OFFSET, POWER = 50, 1.3  # of the columns' probabilities
SPREAD, VALUES = 0.7, 0.6  # deviations of the logarithms of a row's nonzeros, of a value
PROBE = 512  # rows whose products with each other give ‖E xxᵀ‖²


@dataclass(frozen=True)
class Shape:
    """What the set is like that is imitated. nnz : of a row; None: dense."""

    n: int
    d: int
    nnz: int | None
    separability: float | None  # None: a regression
    noise: float


SHAPES = {
    "higgs": Shape(11_000_000, 28, None, 1.0, 0.0),
    "year": Shape(463_715, 90, None, None, 1.0),
    "rcv1": Shape(677_399, 47_236, 74, 8.0, 0.0),
    "e2006": Shape(16_087, 150_360, 1_240, None, 0.5),
}


class Samples:
    """Blocks of made-up samples: row i is a function of the parameters (without n), the seed and i.

    Parameters
    ----------
    given : pavg.spec.Synthetic
        What it leaves open is as in the set that it is like.

    Attributes
    ----------
    n, d : int
    w : numpy.ndarray, float64, shape (d,)
        w*.
    noise : float
    """

    def __init__(self, given):
        shape = SHAPES[given.like]
        _check(given, shape)
        self.seed, self.rank, self.pairs = given.seed, given.rank, given.pairs
        self.n, self.d, self.nnz = given.n or shape.n, given.d or shape.d, given.nnz or shape.nnz
        self.separability = given.separability or shape.separability
        generator = streams.generator(self.seed, "synthetic")
        if self.nnz is None:
            self._prepare_dense(generator)
        else:
            self._prepare_sparse(generator)
        self.noise = shape.noise if given.noise is None else given.noise
        if given.rho is not None:
            self.noise = float(np.sqrt(self.beta2 * (self.w @ self.w) / (given.rho * self.moments[0])))

    def blocks(self, progress=None):
        """Yield (X, y); X : numpy.ndarray or scipy.sparse.csr_matrix, shape (rows, d).

        progress : callable, optional; called as ``progress("making up", done, total)``: rows.
        """
        for first in range(0, self.n, BLOCK):
            generator = streams.generator(self.seed, "synthetic", first // BLOCK)
            X = self._features(generator)
            X = X[np.arange(BLOCK) // 2] if self.pairs else X
            y = self._targets(generator, X @ self.w)
            rows = min(BLOCK, self.n - first)
            if progress:
                progress("making up", first + rows, self.n)
            yield X[:rows], y[:rows]

    @cached_property
    def beta2(self):
        """β²: see the module."""
        _, fourth, square = self.moments
        return (fourth - square) / self.d

    @property
    def rho(self):
        """ρ from w0 = 0, of a regression; infinite without noise."""
        sigma2 = self.noise**2 * self.moments[0]
        return float(self.beta2 * (self.w @ self.w) / sigma2) if sigma2 else np.inf

    def attrs(self):
        """What the store says of where the samples are from."""
        about = {"source": "synthetic: pavg.data.synthetic", "source_sha256": "", "synthetic": 1}
        about |= {"synthetic_noise": self.noise, "synthetic_seed": self.seed}
        if self.separability is None:
            return about | {"synthetic_rho": self.rho}
        return about | {"synthetic_separability": self.separability}

    def _prepare_dense(self, generator):
        L = np.eye(self.d)
        if self.rank is not None:
            L = generator.standard_normal((self.rank, self.d))
            L /= np.linalg.norm(L, axis=0)
        self.L, covariance = L, L.T @ L
        self.w = L.T @ generator.standard_normal(len(L))
        self.w /= np.sqrt(self.w @ covariance @ self.w)
        trace, square = np.trace(covariance), (covariance**2).sum()
        self.moments = trace, trace**2 + 2 * square, square  # E‖x‖², E‖x‖⁴, ‖E xxᵀ‖²

    def _prepare_sparse(self, generator):
        falling = (np.arange(self.d) + OFFSET) ** -POWER
        self.cumulative = np.cumsum(falling / falling.sum())
        self.columns = generator.permutation(self.d)
        # so many draws give so many distinct columns, on average
        self.draws = np.geomspace(1, 100 * self.nnz, 50)
        chances = np.diff(self.cumulative, prepend=0.0)
        self.distinct = np.array([-np.expm1(-m * chances).sum() for m in self.draws])
        X = self._features(generator)
        self.w = generator.standard_normal(self.d)
        self.w /= np.sqrt(np.mean((X @ self.w) ** 2))
        products = (X[:PROBE] @ X[:PROBE].T).toarray()
        square = ((products**2).sum() - PROBE) / (PROBE * (PROBE - 1))
        self.moments = 1.0, 1.0, square

    def _features(self, generator):
        if self.nnz is None:
            z = generator.standard_normal((BLOCK, len(self.L)))
            return z if self.rank is None else z @ self.L
        wanted = self.nnz * np.exp(SPREAD * generator.standard_normal(BLOCK) - SPREAD**2 / 2)
        counts = np.rint(np.interp(wanted, self.distinct, self.draws)).astype(int)
        places = np.searchsorted(self.cumulative, generator.random(counts.sum()), side="right")
        columns = self.columns[np.minimum(places, self.d - 1)]  # the sum is 1 to rounding only
        codes = np.sort(np.repeat(np.arange(BLOCK), counts) * self.d + columns)
        codes = codes[np.diff(codes, prepend=-1) > 0]
        rows, columns = np.divmod(codes, self.d)
        values = np.exp(VALUES * generator.standard_normal(len(codes)))
        values /= np.sqrt(np.bincount(rows, values**2, BLOCK))[rows]
        indptr = np.concatenate(([0], np.cumsum(np.bincount(rows, minlength=BLOCK))))
        return csr_matrix((values, columns.astype(np.int32), indptr), (BLOCK, self.d))

    def _targets(self, generator, signal):
        if self.separability is None:
            if self.pairs:
                return signal + self.noise * np.resize([1.0, -1.0], BLOCK)
            return signal + self.noise * generator.standard_normal(BLOCK)
        y = np.where(generator.random(BLOCK) < expit(self.separability * signal), 1.0, -1.0)
        return np.where(generator.random(BLOCK) < self.noise, -y, y)


def _check(given, shape):
    """InputError for a parameter that this shape does not have, or that is out of its range."""
    d = given.d or shape.d
    sparse, regression = shape.nnz is not None, shape.separability is None
    wrong = [
        ("rank", sparse, "expected a dense shape: higgs, year"),
        ("nnz", not sparse, "expected a sparse shape: rcv1, e2006"),
        ("separability", regression, "expected a shape with classes: higgs, rcv1"),
        ("rho", not regression, "expected a shape for regression: year, e2006"),
        ("rho", given.noise is not None, "expected rho or noise, not both"),
        ("pairs", not regression, "expected a shape for regression: year, e2006"),
        ("n", given.pairs and (given.n or shape.n) % 2, "expected an even number of rows, for pairs"),
        ("rank", (given.rank or 1) > d, f"expected at most d = {d}"),
        ("nnz", sparse and (given.nnz or shape.nnz) > d / 4, f"expected at most a quarter of d = {d}"),
        ("noise", not regression and (given.noise or 0) > 0.5, "expected at most 0.5, a share of labels"),
    ]
    for key, refused, text in wrong:
        value = getattr(given, key)
        if value is None and key in ("n", "nnz"):
            value = getattr(shape, key)
        if refused and value not in (None, False):
            raise InputError(f"data.synthetic.{key} = {value} with like = {given.like!r}: {text}")
