"""Local SGD on linear models against plain NumPy that is given the drawn rows."""

import itertools
from dataclasses import dataclass, replace

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from pavg import streams
from pavg.data import layouts
from pavg.kernels import choice, linear
from pavg.kernels.combine import settle
from pavg.kernels.losses import CAUCHY, LEAST_SQUARES, LOGISTIC, SIGMOID
from pavg.kernels.streams import ORDER, REPLACEMENT, RESHUFFLE, draw
from pavg.methods.base import BLOCK
from pavg.problems.base import NONE, frozen, width_of

LAYOUTS = ("dense", "csr")
CODES = (LEAST_SQUARES, LOGISTIC, SIGMOID, CAUCHY)
CLASSES = (LOGISTIC, SIGMOID)
RULES = (REPLACEMENT, RESHUFFLE, ORDER)
FORMULAS = {  # loss, slope, curvature in z
    LEAST_SQUARES: (lambda z, y: (z - y) ** 2 / 2, lambda z, y: z - y, lambda z, y: np.ones_like(z)),
    LOGISTIC: (
        lambda z, y: np.logaddexp(0, -y * z),
        lambda z, y: -y * expit(-y * z),
        lambda z, y: expit(z) * expit(-z),
    ),
    SIGMOID: (
        lambda z, y: expit(-y * z),
        lambda z, y: -y * expit(z) * expit(-z),
        lambda z, y: expit(z) * expit(-z) * (expit(y * z) - expit(-y * z)),
    ),
    CAUCHY: (
        lambda z, y: np.log1p((z - y) ** 2) / 2,
        lambda z, y: (z - y) / (1 + (z - y) ** 2),
        lambda z, y: (1 - (z - y) ** 2) / (1 + (z - y) ** 2) ** 2,
    ),
}
NOISE = np.empty(0, np.uint64)  # linear models take none
ONE = np.ones((8, 1))


@dataclass
class Case:
    """L learners on n rows of d features, most of them zero; everything that a kernel is given."""

    layout: str = "dense"
    code: int = LEAST_SQUARES
    n: int = 40
    d: int = 11
    L: int = 3
    l2: float = 0.0
    intercept: int = 0
    mu: float = 0.0
    batches: tuple = (1,)  # repeats
    rule: int = REPLACEMENT
    sharded: bool = False
    indexed: bool = False
    seed: int = 0
    dtype: str = "float64"
    kernels: str = "fast"

    def __post_init__(self):
        rng = np.random.default_rng(self.seed)
        self.X = rng.standard_normal((self.n, self.d)) * (rng.random((self.n, self.d)) < 0.4)
        if self.dtype == "float32":
            self.X = self.X.astype(np.float32).astype(float)
        self.y = rng.choice([-1.0, 1.0], self.n) if self.code in CLASSES else rng.standard_normal(self.n)
        self.dimension = self.d + self.intercept
        stride = -(-self.d // 16) * 16  # of dense float32, the longest: kernels load and store whole rows
        self.W0 = np.zeros((self.L, max(width_of(self.dimension), stride)))
        self.W0[:, : self.dimension] = rng.standard_normal((self.L, self.dimension))
        self.V0 = np.zeros_like(self.W0) if self.mu else np.zeros((0, 0))
        if self.mu:
            self.V0[:, : self.dimension] = rng.standard_normal((self.L, self.dimension))
        self.keys = streams.keys(self.seed, "order", range(self.L))
        self.draws0 = rng.integers(0, 100, self.L)
        if self.sharded:  # of different sizes, in any order
            self.counts = self.n // self.L - np.arange(self.L)
            self.starts = np.cumsum(self.counts) - self.counts
        else:
            self.counts, self.starts = np.full(self.L, self.n), np.zeros(self.L, np.int64)
        self.rows = frozen(rng.permutation(self.n) if self.indexed else [], np.int64)

    @property
    def samples(self):
        """What `LinearModel.bind` makes of these samples."""
        part = getattr(layouts, self.layout)(scipy.sparse.csr_matrix(self.X), self.y, self.dtype)
        if self.layout == "dense":
            return frozen(part.X, self.dtype), frozen(NONE, np.uint32), frozen(NONE, np.int64), frozen(part.y)
        arrays = (
            frozen(part.values, self.dtype),
            frozen(part.columns, np.uint32),
            frozen(part.indptr, np.int64),
        )
        return (*arrays, frozen(part.y))

    @property
    def formula(self):
        return self.code, self.d, self.l2, self.intercept

    def path(self, samples, lanes=1):
        with pytest.MonkeyPatch.context() as context:
            context.setenv("PAVG_KERNELS", self.kernels)
            return choice.path(samples[0], lanes, self.mu > 0)

    def schedule(self, n):
        """(step sizes, batch sizes) of n steps, all different."""
        t = np.arange(1, n + 1)
        return 0.1 / np.sqrt(t), np.array(list(itertools.islice(itertools.cycle(self.batches), n)), np.int64)

    def state(self):
        return self.W0.copy(), self.V0.copy(), self.draws0.copy()

    def order(self, draws, learners=slice(None)):
        return (
            self.rule,
            self.keys[learners],
            draws,
            self.rows,
            self.starts[learners],
            self.counts[learners],
        )

    def run(self, lengths, learners=slice(None)):
        """The models, V, draws after calls of `steps` with these lengths."""
        W, V, draws = (a[learners].copy() if a.size else a.copy() for a in self.state())
        S = np.ones((len(W), 1))
        gammas, batches = self.schedule(sum(lengths))
        first, samples = 0, self.samples
        for n in lengths:
            linear.steps(
                (self.path(samples), samples, self.formula),
                (W, V, self.mu, S),
                self.order(draws, learners),
                NOISE,
                (gammas, batches, first),
                n,
            )
            first += n
        settle(W, S)
        return W, V, draws

    # plain NumPy, from the definitions

    def drawn(self, l, first, count):
        """The rows that learner l draws from draw number `first` on."""
        at = self.keys[l], self.rows, self.starts[l], self.counts[l]
        return [int(draw(self.rule, at[0], first + k, *at[1:])) for k in range(count)]

    def wide(self, rows=slice(None)):
        """The rows with a column of ones for the intercept."""
        X = self.X[rows]
        return np.hstack([X, np.ones((len(X), 1))]) if self.intercept else X

    def regularised(self, w):
        """w with the intercept, which the L2 term leaves alone, set to 0."""
        return np.where(np.arange(self.dimension) < self.d, w, 0.0)

    def loss(self, w, rows=slice(None)):
        """Σ ℓ over rows."""
        z, y = self.wide(rows) @ w, self.y[rows]
        return np.sum(FORMULAS[self.code][0](z, y))

    def gradient(self, w, rows=slice(None)):
        """Σ ∇ℓ over rows."""
        X, y = self.wide(rows), self.y[rows]
        return X.T @ FORMULAS[self.code][1](X @ w, y)

    def reference(self, n):
        """W, V, draws after n steps of serial SGD, learner by learner."""
        W, V, draws = self.state()
        for l in range(self.L):
            w, v = W[l, : self.dimension].copy(), np.zeros(self.dimension)
            if self.mu:
                v = V[l, : self.dimension].copy()
            for gamma, B in zip(*self.schedule(n), strict=True):
                rows = self.drawn(l, draws[l], B)
                draws[l] += B
                v = self.mu * v + self.gradient(w, rows) / B + self.l2 * self.regularised(w)
                w = w - gamma * v
            W[l, : self.dimension] = w
            if self.mu:
                V[l, : self.dimension] = v
        return W, V, draws


# few lengths of rows: each is compiled; four at once up to 32, in registers up to 128
DIMENSIONS = st.one_of(st.integers(1, 20), st.sampled_from([32, 33, 129]))

cases = st.builds(
    Case,
    layout=st.sampled_from(LAYOUTS),
    code=st.sampled_from(CODES),
    n=st.integers(20, 50),
    d=DIMENSIONS,
    L=st.integers(1, 4),
    l2=st.sampled_from([0.0, 0.1, 20.0]),  # the fourth step with 20 takes all of w: 1 − γλ = 0
    intercept=st.integers(0, 1),
    mu=st.sampled_from([0.0, 0.9]),
    batches=st.sampled_from([(1,), (3,), (5, 1, 2)]) | st.lists(st.integers(1, 8), min_size=1, max_size=9),
    rule=st.sampled_from(RULES),
    sharded=st.booleans(),
    indexed=st.booleans(),
    seed=st.integers(0, 1000),
    dtype=st.sampled_from(["float64", "float32"]),
    kernels=st.sampled_from(choice.KINDS),
)


def assert_same(found, expected):
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a, b)


def assert_close(found, expected):
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-11)


@settings(max_examples=200)
@given(cases, st.integers(0, 30))
def test_local_steps_are_serial_sgd_on_the_drawn_rows(case, n):
    assert_close(case.run([n]), case.reference(n))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("l2", [0.0, 0.1])
@pytest.mark.parametrize("intercept", [0, 1])
@pytest.mark.parametrize("mu", [0.0, 0.9])
@pytest.mark.parametrize("batches", [(1,), (3,), (1, 1, 1, 2, 3)])
def test_every_variant_is_serial_sgd(layout, code, l2, intercept, mu, batches):
    for rule, sharded, indexed in itertools.product(RULES, [False, True], [False, True]):
        for kernels in choice.KINDS:
            case = Case(layout, code, 40, 11, 3, l2, intercept, mu, batches, rule, sharded, indexed)
            case.kernels = kernels
            assert_close(case.run([25]), case.reference(25))


@settings(max_examples=150)
@given(cases, st.lists(st.integers(0, 20), min_size=1, max_size=6))
def test_steps_of_the_plain_loops_cut_anywhere_are_the_same_bits(case, lengths):
    case.kernels = "reference"
    assert_same(case.run(lengths), case.run([sum(lengths)]))


@settings(max_examples=150)
@given(cases, st.lists(st.integers(0, 3), min_size=1, max_size=4), st.integers(0, 70))
def test_steps_cut_where_the_engine_may_stop_are_the_same_bits(case, blocks, rest):
    lengths = [BLOCK * k for k in blocks] + [rest]
    assert_same(case.run(lengths), case.run([sum(lengths)]))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("batches", [(1,), (1, 1, 1, 2, 3)])
def test_a_stop_just_before_the_end_changes_no_bit_of_many_models(layout, batches):
    """Of many: a sum in another order often gives the same bits, and a few steps later always does."""
    case = Case(layout, LOGISTIC, L=50, l2=0.1, intercept=1, batches=batches)
    assert_same(case.run([BLOCK, 2]), case.run([BLOCK + 2]))


@settings(max_examples=100)
@given(cases, st.integers(1, 20))
def test_learners_together_are_the_same_bits_as_each_alone(case, n):
    together = case.run([n])
    for l in range(case.L):
        alone = case.run([n], slice(l, l + 1))
        assert_same(alone, [a[l : l + 1] if a.size else a for a in together])


def everything(case, n, B):
    """What all kernels make of a case."""
    W, V, draws = case.state()
    G, full = np.zeros_like(W), np.zeros_like(W[:1])
    linear.gradients(case.samples, case.formula, (W, V, case.mu, ONE), case.order(draws), B, G)
    linear.add_gradient(case.samples, case.formula, W[:1].copy(), 0, case.n, full)
    return *case.run([n]), G, full, linear.losses(case.samples, case.formula, W[:1].copy(), 0, case.n)


@settings(max_examples=100)
@given(cases, st.integers(1, 20), st.integers(1, 9))
def test_float32_samples_give_the_same_bits_as_float64_ones_of_these_values(case, n, B):
    case = replace(case, dtype="float32")
    narrow = everything(case, n, B)
    case.dtype = "float64"  # X stays as it has been rounded
    assert_same(narrow, everything(case, n, B))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("mu", [0.0, 0.9])
@pytest.mark.parametrize("where", ["X", "y", "w"])
def test_nan_is_seen(layout, code, mu, where):
    case = Case(layout, code, mu=mu)
    if where == "X":
        case.X[:, 4] = np.nan
    elif where == "y":
        case.y[:] = np.nan
    else:
        case.W0[:, 0] = np.nan
    W, _, _ = case.run([1])
    assert np.isnan(W[:, : case.d]).any(axis=1).all()
    total, _ = linear.losses(case.samples, case.formula, W[:1].copy(), 0, case.n)
    assert np.isnan(total)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_diverging_model_becomes_infinite_or_nan_and_does_not_come_back(layout):
    case = Case(layout)
    case.X *= 1e80
    W, _, _ = case.run([20])
    assert not np.isfinite(W).all()


@settings(max_examples=100)
@given(cases, st.integers(1, 9))
def test_gradients_are_mini_batch_means_and_use_up_their_draws(case, B):
    W, V, draws = case.state()
    G = np.full_like(W, 7.0)
    G[:, case.dimension :] = 0.0
    linear.gradients(case.samples, case.formula, (W, V, case.mu, ONE), case.order(draws), B, G)
    for l in range(case.L):
        w = case.W0[l, : case.dimension]
        expected = case.gradient(w, case.drawn(l, case.draws0[l], B)) / B + case.l2 * case.regularised(w)
        np.testing.assert_allclose(G[l, : case.dimension], expected, rtol=1e-11, atol=1e-11)
    assert not G[:, case.dimension :].any()
    assert_same([draws, W], [case.draws0 + B, case.W0])


@settings(max_examples=100)
@given(cases, st.data())
def test_losses_and_full_gradient_are_sums_over_the_rows_asked_for(case, data):
    begin = data.draw(st.integers(0, case.n))
    end = data.draw(st.integers(begin, case.n))
    W, rows = case.W0[:1].copy(), slice(begin, end)
    w = W[0, : case.dimension]
    total, right = linear.losses(case.samples, case.formula, W, begin, end)
    np.testing.assert_allclose(total, case.loss(w, rows), rtol=1e-11, atol=1e-11)
    expected = np.sum((case.wide(rows) @ w > 0) == (case.y[rows] > 0)) if case.code in CLASSES else 0
    assert right == expected
    G = np.full_like(W, 0.5)
    linear.add_gradient(case.samples, case.formula, W, begin, end, G)
    np.testing.assert_allclose(G[0, : case.dimension] - 0.5, case.gradient(w, rows), rtol=1e-10, atol=1e-11)
    np.testing.assert_array_equal(G[0, case.dimension :], 0.5)


@settings(max_examples=100)
@given(cases, st.data())
def test_curvature_is_the_slope_of_the_gradient_whole_or_along_a_vector(case, data):
    begin = data.draw(st.integers(0, case.n))
    end = data.draw(st.integers(begin, case.n))
    W, d, X = case.W0[:1], case.dimension, case.wide(slice(begin, end))
    bends = FORMULAS[case.code][2](X @ W[0, :d], case.y[begin:end])
    exact = (X.T * bends) @ X
    V, G, H = np.random.default_rng(0).standard_normal(W.shape), np.ones_like(W), np.ones((d, d))
    linear.add_curvature(case.samples, case.formula, W, V, begin, end, G)
    np.testing.assert_allclose(G[0, :d] - 1, exact @ V[0, :d], rtol=1e-10, atol=1e-11)
    linear.add_hessian(case.samples, case.formula, W, begin, end, H)
    np.testing.assert_allclose(np.tril(H - 1), np.tril(exact), rtol=1e-10, atol=1e-11)


@settings(max_examples=50)
@given(cases, st.data())
def test_the_least_margin_is_that_of_the_worst_of_the_rows_asked_for(case, data):
    begin = data.draw(st.integers(0, case.n))
    rows = slice(begin, data.draw(st.integers(begin, case.n)))
    least = np.min(case.y[rows] * (case.wide(rows) @ case.W0[0, : case.dimension]), initial=np.inf)
    found = linear.least_margin(case.samples, case.formula, case.W0[:1], begin, rows.stop)
    assert found == pytest.approx(least, rel=1e-12, abs=1e-12)
