"""The loops over compiled gradients and losses, against plain NumPy, on pavg's own problems and a user's."""

from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtri

from pavg import streams
from pavg.data import layouts
from pavg.data.store import Store
from pavg.kernels import general
from pavg.kernels.streams import ORDER, REPLACEMENT, RESHUFFLE, draw, uniform
from pavg.problems.base import NONE, frozen
from pavg.problems.double_well import DoubleWell
from pavg.problems.general import General
from pavg.problems.noisy_quadratic import NoisyQuadratic
from pavg.problems.pca import PCA
from pavg.problems.quadratic import Quadratic


@general.gradient_function
def cubic_gradient(theta, X, y, i, noise, m, W, l, scale, g):
    """A user's own: ℓ(w) = θ/4 (⟨x, w⟩ − y)⁴, in the plainest Python."""
    residual = -y[i]
    for j in range(g.size):
        residual += X[i, j] * W[l, j]
    for j in range(g.size):
        g[j] += scale * theta[0] * residual**3 * X[i, j]


@general.loss_function
def cubic_loss(theta, X, y, i, W, l):
    residual = -y[i]
    for j in range(W.shape[1]):
        residual += X[i, j] * W[l, j]
    return theta[0] / 4 * residual**4


def normals(key, first, count):
    """Standard normal draws as documented: Φ⁻¹ of the uniform ones."""
    return ndtri([uniform(key, first + k) for k in range(count)])


@dataclass
class Toy:
    """A problem for the loops (compiled functions, numbers, samples), and its formulas in NumPy."""

    functions: tuple
    theta: list
    X: np.ndarray
    y: np.ndarray
    d: int
    formula: callable  # (w, row, noise key, draw number) → stochastic gradient
    loss: callable  # (w, row) → loss
    sphere: bool = False
    noisy: bool = False
    dtype: str = "float64"

    @property
    def samples(self):
        return frozen(self.X, self.dtype), frozen(self.y)


def toy(name):
    rng = np.random.default_rng(5)
    nothing = np.empty((0, 0))
    if name == "double-well":

        def gradient(w, i, key, m):
            return 4 * (w**3 - w + normals(key, m, 1))

        functions = DoubleWell.gradient, DoubleWell.loss
        return Toy(functions, [], nothing, NONE, 1, gradient, lambda w, i: ((w**2 - 1) ** 2)[0], noisy=True)
    if name == "noisy-quadratic":
        c, beta, sigma, d = 0.7, 0.5, 0.3, 3

        def gradient(w, i, key, m):
            pairs = normals(key, 2 * m * d, 2 * d).reshape(d, 2)  # (b̃, h̃) of each copy
            return c * w - beta * pairs[:, 0] * w - sigma * pairs[:, 1]

        functions = NoisyQuadratic.gradient, NoisyQuadratic.loss
        theta = [c, beta, sigma]
        return Toy(
            functions, theta, nothing, NONE, d, gradient, lambda w, i: np.mean(c * w**2 / 2), noisy=True
        )
    if name == "quadratic":
        d, n = 4, 30
        H = rng.standard_normal((n, d, d))
        H, q = H @ H.transpose(0, 2, 1) / d, rng.standard_normal((n, d))
        X = np.hstack([H.reshape(n, -1), q])
        functions = Quadratic.gradient, Quadratic.loss
        return Toy(
            functions,
            [],
            X,
            NONE,
            d,
            lambda w, i, key, m: H[i] @ w + q[i],
            lambda w, i: w @ H[i] @ w / 2 + w @ q[i],
        )
    if name == "pca":
        X = rng.standard_normal((30, 6))
        functions = PCA.gradient, PCA.loss
        return Toy(
            functions,
            [],
            X,
            NONE,
            6,
            lambda w, i, key, m: -X[i] * (X[i] @ w),
            lambda w, i: 1 - abs(w[0]) / np.linalg.norm(w),
            sphere=True,
        )
    X, y = rng.standard_normal((30, 5)) / 2, rng.standard_normal(30)
    return Toy(
        (cubic_gradient, cubic_loss),
        [0.8],
        X,
        y,
        5,
        lambda w, i, key, m: 0.8 * (X[i] @ w - y[i]) ** 3 * X[i],
        lambda w, i: 0.2 * (X[i] @ w - y[i]) ** 4,
    )


NAMES = ("double-well", "noisy-quadratic", "quadratic", "pca", "user")
TOYS = {name: toy(name) for name in NAMES}


@dataclass
class Case:
    """L learners on a toy problem."""

    name: str
    L: int = 3
    mu: float = 0.0
    batches: tuple = (1,)
    rule: int = REPLACEMENT
    sharded: bool = False
    indexed: bool = False
    seed: int = 0
    toy: Toy = field(init=False, repr=False)

    def __post_init__(self):
        self.toy = TOYS[self.name]
        rng, L, d, n = np.random.default_rng(self.seed), self.L, self.toy.d, len(self.toy.X)
        self.W0 = rng.standard_normal((L, d)) / 2
        self.V0 = rng.standard_normal((L, d)) / 2 if self.mu else np.zeros((0, 0))
        self.keys = streams.keys(self.seed, "order", range(L))
        self.noise = streams.keys(self.seed, "noise", range(L))
        self.draws0 = rng.integers(0, 100, L)
        self.counts, self.starts = np.full(L, n), np.zeros(L, np.int64)
        if self.sharded and n:
            self.counts = n // L - np.arange(L)
            self.starts = np.cumsum(self.counts) - self.counts
        self.rows = frozen(rng.permutation(n) if self.indexed else [], np.int64)

    def common(self, W, V, draws, some):
        order = self.rule, self.keys[some], draws, self.rows, self.starts[some], self.counts[some]
        problem = self.toy.functions[0], frozen(self.toy.theta), self.toy.samples, self.toy.sphere
        return problem, (W, V, self.mu, np.ones((len(W), 1))), order, self.noise[some]

    def schedule(self, n):
        return 0.05 / np.sqrt(np.arange(1.0, n + 1)), np.resize(np.array(self.batches, np.int64), n)

    def run(self, lengths, some=slice(None)):
        """W, V, draws after calls of `steps` with these lengths."""
        W, V = self.W0[some].copy(), self.V0[some].copy() if self.mu else self.V0
        draws, first = self.draws0[some].copy(), 0
        gammas, batches = self.schedule(sum(lengths))
        for n in lengths:
            general.steps(*self.common(W, V, draws, some), (gammas, batches, first), n)
            first += n
        return W, V, draws

    def mean_gradient(self, l, w, first, B):
        """The mini-batch gradient of learner l at w, from its draws first … first + B − 1."""
        key, shard = self.keys[l], (self.rows, self.starts[l], self.counts[l])
        rows = [draw(self.rule, key, first + k, *shard) if self.counts[l] else -1 for k in range(B)]
        return np.mean([self.toy.formula(w, i, self.noise[l], first + k) for k, i in enumerate(rows)], axis=0)

    def reference(self, n):
        """W, V, draws after n steps of serial SGD in NumPy."""
        W, V, draws = self.W0.copy(), self.V0.copy(), self.draws0.copy()
        for l in range(self.L):
            w, v = W[l], V[l] if self.mu else 0.0
            for gamma, B in zip(*self.schedule(n), strict=True):
                v = self.mu * v + self.mean_gradient(l, w, draws[l], B)
                w = w - gamma * v
                if self.toy.sphere:
                    w = w / np.linalg.norm(w)
                draws[l] += B
            W[l] = w
            if self.mu:
                V[l] = v
        return W, V, draws


cases = st.builds(
    Case,
    name=st.sampled_from(NAMES),
    L=st.integers(1, 4),
    mu=st.sampled_from([0.0, 0.9]),
    batches=st.sampled_from([(1,), (3,), (1, 2, 3, 4, 5), (4, 1)]),
    rule=st.sampled_from([REPLACEMENT, RESHUFFLE, ORDER]),
    sharded=st.booleans(),
    indexed=st.booleans(),
    seed=st.integers(0, 1000),
)


def assert_same(found, expected):
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a, b)


def assert_close(found, expected):
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-11)


@settings(max_examples=150)
@given(cases, st.integers(0, 20))
def test_local_steps_are_serial_sgd_on_the_drawn_rows_and_noise(case, n):
    assert_close(case.run([n]), case.reference(n))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("mu", [0.0, 0.9])
@pytest.mark.parametrize("batches", [(1,), (3,), (1, 2, 3)])
@pytest.mark.parametrize("sharded", [False, True])
def test_every_variant_is_serial_sgd(name, mu, batches, sharded):
    for rule in (REPLACEMENT, RESHUFFLE, ORDER):
        case = Case(name, 3, mu, batches, rule, sharded, sharded)
        assert_close(case.run([15]), case.reference(15))


@settings(max_examples=100)
@given(cases, st.lists(st.integers(0, 20), min_size=1, max_size=6))
def test_steps_cut_anywhere_are_the_same_bits(case, lengths):
    assert_same(case.run(lengths), case.run([sum(lengths)]))


@settings(max_examples=60)
@given(cases, st.integers(1, 20))
def test_learners_together_are_the_same_bits_as_each_alone(case, n):
    together = case.run([n])
    for l in range(case.L):
        alone = case.run([n], slice(l, l + 1))
        assert_same(alone, [a[l : l + 1] if a.size else a for a in together])


@settings(max_examples=60)
@given(cases, st.integers(1, 6))
def test_gradients_are_mini_batch_means_and_use_up_their_draws(case, B):
    W, draws, G = case.W0.copy(), case.draws0.copy(), np.full_like(case.W0, 7.0)
    general.gradients(*case.common(W, case.V0, draws, slice(None)), B, G)
    expected = [case.mean_gradient(l, case.W0[l], case.draws0[l], B) for l in range(case.L)]
    assert_close([G], [np.array(expected)])
    assert_same([W, draws], [case.W0, case.draws0 + B])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("mu", [0.0, 0.9])
def test_nan_is_seen(name, mu):
    case = Case(name, mu=mu)
    case.W0[:, 0] = np.nan
    assert np.isnan(case.run([3])[0]).any(axis=1).all()


@pytest.mark.parametrize("name", NAMES)
def test_losses_are_sums_over_the_rows_asked_for(name):
    case, t = Case(name), TOYS[name]
    n = len(t.X) or 1
    for begin, end in ((0, n), (0, 0), (n // 3, n // 2), (n - 1, n)):
        found = general.losses(t.functions[1], frozen(t.theta), t.samples, case.W0[:1].copy(), begin, end)
        np.testing.assert_allclose(found, sum(t.loss(case.W0[0], i) for i in range(begin, end)), rtol=1e-12)


@pytest.mark.parametrize("name", ["quadratic", "user"])
def test_the_full_gradient_is_the_sum_over_the_rows_asked_for(name):
    case, t = Case(name), TOYS[name]
    whole = np.full((1, t.d), 0.5)
    general.add_gradient(t.functions[0], frozen(t.theta), t.samples, case.W0[:1].copy(), 4, 20, whole)
    expected = sum(t.formula(case.W0[0], i, None, 0) for i in range(4, 20))
    np.testing.assert_allclose(whole[0] - 0.5, expected, rtol=1e-12)
    parts = np.full((1, t.d), 0.5)
    for begin, end in ((4, 9), (9, 9), (9, 20)):
        general.add_gradient(
            t.functions[0], frozen(t.theta), t.samples, case.W0[:1].copy(), begin, end, parts
        )
    np.testing.assert_allclose(parts, whole, rtol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_the_formulas_remain_at_hand_as_python(name):
    case, t = Case(name), TOYS[name]
    gradient, loss = (f.__wrapped__ for f in t.functions)
    row, (X, y) = (3 if len(t.X) else -1), t.samples
    g = np.full(t.d, 0.25)
    gradient(np.array(t.theta), X, y, row, case.noise[1], 17, case.W0, 1, 0.5, g)
    np.testing.assert_allclose(g - 0.25, 0.5 * t.formula(case.W0[1], row, case.noise[1], 17), rtol=1e-10)
    np.testing.assert_allclose(
        loss(np.array(t.theta), X, y, row, case.W0, 1), t.loss(case.W0[1], row), rtol=1e-12
    )


@pytest.mark.parametrize("name", ["quadratic", "pca", "user"])
@pytest.mark.parametrize("mu", [0.0, 0.9])
def test_float32_samples_give_the_same_bits_as_float64_ones_of_these_values(name, mu):
    made = []
    for dtype in ("float64", "float32"):
        case = Case(name, mu=mu, batches=(1, 3))
        gradient, loss = (function.on(dtype) for function in case.toy.functions)
        X = case.toy.X.astype(np.float32)
        case.toy = replace(case.toy, functions=(gradient, loss), X=X.astype(dtype), dtype=dtype)
        t, W, G, full = case.toy, case.W0, np.zeros_like(case.W0), np.zeros((1, case.toy.d))
        general.gradients(*case.common(W.copy(), case.V0, case.draws0.copy(), slice(None)), 4, G)
        general.add_gradient(gradient, frozen(t.theta), t.samples, W[:1].copy(), 0, len(X), full)
        total = general.losses(loss, frozen(t.theta), t.samples, W[:1].copy(), 0, len(X))
        made.append((*case.run([20]), G, full, total))
    assert_same(*made)


@dataclass(frozen=True)
class Cubic(General):
    """A problem whose samples are a store's."""

    needs_data = True
    gradient, loss = cubic_gradient, cubic_loss

    def numbers(self):
        return [0.8]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_stores_own_memory_is_used_whatever_its_type(dtype):
    part = layouts.dense(TOYS["user"].X, TOYS["user"].y, dtype)
    objective = Cubic().bind(Store("x", "x", 5, part, None, "checksum", "dense", {}), 1, 0)
    assert np.shares_memory(objective.samples[0], part.X) and objective.samples[0].dtype == dtype
    found, _ = objective.losses("train", np.full((1, 5), 0.3), 0, part.n)
    assert found == pytest.approx(0.2 * np.sum((part.X[:, :5] @ np.full(5, 0.3) - part.y) ** 4), rel=1e-5)
