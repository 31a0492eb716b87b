"""Made-up samples: of the shape that they are like, with the ρ that was asked for, functions of the seed."""

import numpy as np
import pytest
from scipy import sparse

from pavg.data import open_store, prepare
from pavg.data.synthetic import BLOCK, SHAPES, Samples
from pavg.errors import InputError
from pavg.spec import Data, Synthetic
from tests.building import spec_of


def made(like, **given):
    """(Samples, X, y) with all rows."""
    samples = Samples(Synthetic(like=like, **given))
    blocks = list(samples.blocks())
    stack = sparse.vstack if samples.nnz else np.vstack
    return samples, stack([X for X, _ in blocks]), np.concatenate([y for _, y in blocks])


@pytest.mark.parametrize("like", SHAPES)
def test_samples_have_the_shape_of_the_set_that_they_are_like(like):
    samples, X, y = made(like, n=2000)
    shape = SHAPES[like]
    assert X.shape == (2000, shape.d) and y.shape == (2000,)
    assert Samples(Synthetic(like=like)).n == shape.n
    if shape.separability:
        assert set(y) == {-1.0, 1.0} and abs(y.mean()) < 0.1
    else:
        assert len(set(y)) == 2000
    if shape.nnz:
        X = X.tocsr()
        assert X.has_canonical_format and X.nnz / 2000 == pytest.approx(shape.nnz, rel=0.05)
        np.testing.assert_allclose(sparse.linalg.norm(X, axis=1), 1, rtol=1e-12)
    else:
        np.testing.assert_allclose(X.std(axis=0), 1, atol=0.09)


def test_columns_of_sparse_samples_are_used_by_a_power_law():
    _, X, _ = made("rcv1", n=20_000)
    used = np.sort(np.bincount(X.indices, minlength=X.shape[1]))[::-1] / 20_000
    real = {1: 0.427, 10: 0.265, 100: 0.110, 1000: 0.0157, 10_000: 0.00042}  # of RCV1 topic subsets
    for rank, share in real.items():
        assert share / 2.2 < used[rank - 1] < 2.2 * share


@pytest.mark.parametrize("like", ("year", "rcv1"))
def test_a_row_is_a_function_of_seed_and_number_alone(like):
    _, X, y = made(like, n=BLOCK + 10, seed=3)
    _, fewer, first = made(like, n=100, seed=3)
    _, other, _ = made(like, n=100, seed=4)
    dense = (lambda a: a.toarray()) if sparse.issparse(X) else np.asarray
    np.testing.assert_array_equal(dense(X[:100]), dense(fewer))
    np.testing.assert_array_equal(y[:100], first)
    assert not np.array_equal(dense(other), dense(fewer))
    assert not np.array_equal(dense(X[:10]), dense(X[BLOCK:]))


def test_a_rank_bounds_that_of_the_features():
    _, X, _ = made("higgs", n=500, rank=5)
    assert np.linalg.matrix_rank(X) == 5
    np.testing.assert_allclose((X**2).mean(axis=0), 1, atol=0.4)


def test_separability_and_noise_decide_how_often_the_model_is_right():
    def right(**given):
        samples, X, y = made("higgs", n=20_000, **given)
        return np.mean(np.sign(X @ samples.w) == y)

    assert right(separability=1e6) > 0.999
    assert right(separability=1e6, noise=0.2) == pytest.approx(0.8, abs=0.01)
    assert 0.6 < right(separability=1.0) < 0.75 < right(separability=3.0) < 0.9


def variances(X, y, w):
    """Δ(w) of least squares: the variance of a sample's gradient."""
    r = X @ w - y
    return (r**2 * (X**2).sum(axis=1)).mean() - ((r[:, None] * X).mean(axis=0) ** 2).sum()


@pytest.mark.parametrize("rank", (None, 3))
@pytest.mark.parametrize("rho", (0.1, 1000.0))
def test_rho_is_what_a_direct_measurement_gives(rank, rho):
    samples, X, y = made("year", n=200_000, d=6, rank=rank, rho=rho, seed=1)
    assert samples.rho == pytest.approx(rho)
    covariance = samples.L.T @ samples.L
    rng, t, curvatures = np.random.default_rng(0), 1.0, []
    least = variances(X, y, samples.w)
    for _ in range(12):
        v = rng.standard_normal(6)
        v /= np.linalg.norm(v)
        about = variances(X, y, samples.w + t * v) + variances(X, y, samples.w - t * v)
        curvatures.append((about - 2 * least) / (2 * t**2))
        exact = np.trace(covariance) * v @ covariance @ v + v @ covariance @ covariance @ v
        assert curvatures[-1] == pytest.approx(exact, rel=0.05)
    assert least == pytest.approx(samples.noise**2 * np.trace(covariance), rel=0.02)
    lines = 4 * np.std(curvatures) / np.sqrt(12) / samples.beta2
    assert np.mean(curvatures) == pytest.approx(samples.beta2, rel=0.02 + lines)
    measured = np.mean(curvatures) * (samples.w @ samples.w) / least
    assert measured == pytest.approx(rho, rel=0.04 + lines)


@pytest.mark.parametrize("like, more", [("year", {}), ("e2006", {"nnz": 10})])
def test_of_pairs_the_model_is_the_minimiser_and_the_variance_has_no_slope_there(like, more):
    samples, X, y = made(like, n=5000, d=50, rho=0.1, pairs=True, **more)
    X = X.toarray() if sparse.issparse(X) else X
    residual = X @ samples.w - y
    np.testing.assert_allclose(X.T @ residual, 0, atol=1e-9)
    np.testing.assert_allclose(X.T @ (residual * (X**2).sum(axis=1)), 0, atol=1e-8)
    np.testing.assert_array_equal(X[::2], X[1::2])
    np.testing.assert_allclose(np.abs(residual), samples.noise, rtol=1e-9)


def test_rho_of_sparse_samples_is_near_what_was_asked_for():
    samples, X, y = made("e2006", n=20_000, d=300, nnz=20, rho=5.0)
    M = (X.T @ X).toarray() / 20_000
    beta2 = (1 - (M**2).sum()) / 300
    r = X @ samples.w - y
    sigma2 = np.mean(r**2) - np.sum((X.T @ r / 20_000) ** 2)
    assert beta2 * (samples.w @ samples.w) / sigma2 == pytest.approx(5.0, rel=0.1)


# --- asked for in a specification


def test_a_store_of_synthetic_samples_says_so_everywhere(stores):
    data = Data(synthetic=Synthetic(like="year", n=500, rho=10.0, seed=2), test=0.2)
    store = open_store(prepare(data))
    assert store.name == "synthetic-year" and store.path.name.startswith("synthetic-year-")
    assert (store.train.n, store.test.n, store.n_features) == (400, 100, 90)
    assert store.attrs["synthetic"] == 1 and store.attrs["source"].startswith("synthetic")
    assert store.attrs["synthetic_rho"] == pytest.approx(10)
    assert prepare(data) == store.path
    assert prepare(Data(synthetic=Synthetic(like="year", n=500, rho=11.0, seed=2), test=0.2)) != store.path


def test_a_sparse_store_holds_what_the_generator_yields(stores):
    given = Synthetic(like="rcv1", n=300)
    store = open_store(prepare(Data(synthetic=given)))
    (X, y) = next(Samples(given).blocks())
    assert store.layout == "csr" and store.attrs["nnz"] == X.nnz
    np.testing.assert_array_equal(store.train.y, y)
    np.testing.assert_allclose(store.train.values[store.train.values > 0], X.data)


@pytest.mark.parametrize(
    "given, words",
    [
        ({"like": "rcv1", "rank": 3}, "rank = 3 with like = 'rcv1': expected a dense shape"),
        ({"like": "year", "nnz": 3}, "nnz = 3 .* expected a sparse shape"),
        ({"like": "year", "separability": 1.0}, "separability = 1.0 .* expected a shape with classes"),
        ({"like": "higgs", "rho": 1.0}, "rho = 1.0 .* expected a shape for regression"),
        ({"like": "year", "rho": 1.0, "noise": 1.0}, "rho = 1.0 .* expected rho or noise, not both"),
        ({"like": "year", "rho": 1.0, "noise": 0.0}, "rho = 1.0 .* expected rho or noise, not both"),
        ({"like": "year", "rank": 91}, "rank = 91 .* expected at most d = 90"),
        ({"like": "rcv1", "d": 100, "nnz": 26}, "nnz = 26 .* expected at most a quarter of d = 100"),
        ({"like": "rcv1", "d": 100}, "nnz = 74 .* expected at most a quarter of d = 100"),
        ({"like": "higgs", "noise": 0.6}, "noise = 0.6 .* expected at most 0.5"),
        ({"like": "higgs", "pairs": True}, "pairs = True .* expected a shape for regression"),
        ({"like": "year", "pairs": True}, "n = 463715 .* expected an even number of rows"),
    ],
)
def test_parameters_that_do_not_fit_are_refused(given, words):
    with pytest.raises(InputError, match=f"data.synthetic.{words}"):
        Samples(Synthetic(**given))


@pytest.mark.parametrize(
    "given",
    [
        {"like": "year", "rank": 90},
        {"like": "rcv1", "d": 100, "nnz": 25},
        {"like": "higgs", "noise": 0.5},
        {"like": "e2006", "d": 400, "nnz": 20, "noise": 0.0},
    ],
)
def test_parameters_may_be_as_large_or_small_as_is_said(given):
    assert next(Samples(Synthetic(n=10, **given)).blocks())[1].shape == (10,)


def test_without_noise_targets_are_those_of_the_model_and_rho_is_infinite():
    samples, X, y = made("year", n=100, noise=0.0)
    np.testing.assert_allclose(X @ samples.w, y, rtol=1e-12)
    assert samples.rho == np.inf and Samples(Synthetic(like="year")).noise == SHAPES["year"].noise == 1


def test_a_specification_asks_for_synthetic_samples_by_a_table():
    made = spec_of(problem="logistic", data={"synthetic": {"like": "higgs", "n": 100}, "test": 0.1})
    assert made.data.synthetic == Synthetic(like="higgs", n=100)
    for data, words in [
        ({"synthetic": {"like": "mars"}}, "data.synthetic.like = \"mars\": expected 'higgs', 'year'"),
        ({"synthetic": {"like": "year", "m": 1}}, "data.synthetic.m: unknown key"),
        ({"synthetic": {"like": "year"}, "name": "a9a"}, "expected a name, a path or synthetic"),
        ({"synthetic": {"like": "year"}, "test_path": "x"}, "expected test, a share"),
        ({"synthetic": "year"}, 'data.synthetic = "year": expected '),
    ]:
        with pytest.raises(InputError, match=words):
            spec_of(problem="logistic", data=data)
