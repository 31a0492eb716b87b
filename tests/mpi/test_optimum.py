"""The optimum of linear models: that of closed forms and of other solvers, on any number of ranks."""

import numpy as np
import pytest
import scipy.sparse
from mpi4py import MPI
from sklearn.linear_model import LogisticRegression

from pavg import spec
from pavg.data import layouts
from pavg.data.store import Store
from pavg.engine import synchronous
from pavg.errors import InputError
from pavg.estimate import optimum as optimum_
from pavg.estimate import stored
from pavg.estimate.optimum import optimum
from tests.building import BASE, samples, task_of

pytestmark = pytest.mark.mpi
comm = MPI.COMM_WORLD
N, D = 300, 7


def store_of(X, y, layout="dense"):
    made = layouts.csr(scipy.sparse.csr_matrix(X), y) if layout == "csr" else layouts.dense(X, y)
    return Store("memory", "memory", X.shape[1], made, None, "checksum", layout, {"nnz": np.count_nonzero(X)})


def drawn(seed=0, n=N, d=D, rank=D):
    """Samples with few directions, and targets or classes of a noisy linear model."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, rank)) @ rng.standard_normal((rank, d)) + 0.0
    z = X @ rng.standard_normal(d) + 2.0 * rng.standard_normal(n) + 0.5
    return X, z


def found(problem, X, y, layout="dense"):
    task = task_of(problem=problem, store=store_of(X, y, layout))
    return task.objective, optimum(comm, task.objective)


def ridge(X, y, l2, intercept):
    """The minimiser by one system of equations; of least norm where there are many."""
    X1 = np.column_stack([X, np.ones(len(X))]) if intercept else X
    penalty = l2 * np.eye(X1.shape[1])
    penalty[X.shape[1] :] = 0.0
    return np.linalg.pinv(X1.T @ X1 / len(X) + penalty, hermitian=True, rcond=1e-12) @ (X1.T @ y / len(X))


@pytest.mark.parametrize("dense", [1024, 0], ids=["eigenvectors", "conjugate gradients"])
@pytest.mark.parametrize("layout", ["dense", "csr"])
@pytest.mark.parametrize(
    "l2, intercept, rank", [(0.0, False, D), (0.1, True, D), (0.0, True, 3), (0.0, False, 3)]
)
def test_that_of_least_squares_is_the_closed_one(l2, intercept, rank, layout, dense, monkeypatch):
    monkeypatch.setattr(optimum_, "DENSE", dense)
    X, y = drawn(rank=rank)
    problem = {"name": "least-squares", "l2": l2, "intercept": intercept}
    objective, made = found(problem, X, y, layout)
    w = ridge(X, y, l2, intercept)
    np.testing.assert_allclose(made.w, w, rtol=1e-7, atol=1e-8)
    residual = y - X @ w[:D] - (w[D] if intercept else 0.0)
    f = 0.5 * np.mean(residual**2) + 0.5 * l2 * w[:D] @ w[:D]
    assert 0 <= made.f - f + 1e-15 * f <= optimum_.GAP * made.start
    assert made.start == pytest.approx(0.5 * np.mean(y**2), rel=1e-14)
    assert made.unique == (rank == D if dense else None)
    assert made.gradient <= 1e-7 and made.gap <= 1e-10 * made.start


@pytest.mark.parametrize("dense", [1024, 0], ids=["eigenvectors", "conjugate gradients"])
@pytest.mark.parametrize("layout", ["dense", "csr"])
@pytest.mark.parametrize("l2, intercept", [(0.0, False), (1e-3, True)])
def test_that_of_logistic_regression_is_scikit_learns(l2, intercept, layout, dense, monkeypatch):
    monkeypatch.setattr(optimum_, "DENSE", dense)
    X, z = drawn()
    _, made = found({"name": "logistic", "l2": l2, "intercept": intercept}, X, np.sign(z), layout)
    strength = {"C": 1 / (l2 * N)} if l2 else {"C": np.inf}
    model = LogisticRegression(**strength, fit_intercept=intercept, solver="newton-cholesky", tol=1e-14)
    model.fit(X, np.sign(z))
    w = np.append(model.coef_[0], model.intercept_ if intercept else [])
    np.testing.assert_allclose(made.w, w, rtol=1e-6, atol=1e-8)
    margins = np.sign(z) * (X @ w[:D] + (w[D] if intercept else 0.0))
    f = np.mean(np.logaddexp(0, -margins)) + 0.5 * l2 * w[:D] @ w[:D]
    assert abs(made.f - f) <= 1e-12 and made.start == pytest.approx(np.log(2), rel=1e-14)


def test_no_step_leads_below_it():
    X, z = drawn()
    objective, made = found({"name": "logistic"}, X, np.sign(z))
    rng, y = np.random.default_rng(1), np.sign(z)
    for size in (1e-3, 1e-2, 1.0):
        w = made.w + size * rng.standard_normal(D)
        assert np.mean(np.logaddexp(0, -y * (X @ w))) > made.f


@pytest.mark.parametrize("dense", [1024, 0], ids=["eigenvectors", "conjugate gradients"])
def test_classes_that_can_be_told_apart_have_none_but_with_a_penalty(dense, monkeypatch):
    monkeypatch.setattr(optimum_, "DENSE", dense)
    X, _ = drawn()
    y = np.sign(X[:, 0] + 0.5 * X[:, 1])
    with pytest.raises(
        InputError, match="no optimum: a linear model tells all classes apart.*expected l2 > 0"
    ):
        found({"name": "logistic"}, X, y)
    _, made = found({"name": "logistic", "l2": 1e-3}, X, y)
    assert made.gap <= 1e-10 * made.start


def test_a_feature_of_one_class_alone_leaves_none():
    X, z = drawn()
    y = np.sign(z)
    X[:, 0] = np.where((y > 0) & (np.arange(N) % 10 == 0), 1.0, 0.0)
    with pytest.raises(InputError, match="no optimum: some features tell classes apart"):
        found({"name": "logistic"}, X, y)


def test_who_watches_is_told_of_passes_on_one_rank_alone(monkeypatch):
    monkeypatch.setattr(optimum_, "DENSE", 0)
    X, y = drawn()
    told = []
    objective = task_of(problem={"name": "least-squares"}, store=store_of(X, y)).objective
    made = optimum(comm, objective, lambda *how: told.append(how))
    stages, passes, totals = zip(*told, strict=True) if told else ((), (), ())
    assert set(stages) == ({"optimum: passes over the rows"} if comm.Get_rank() == 0 else set())
    assert list(passes) == sorted(passes) and max(passes, default=0) <= made.passes and not any(totals)


def test_problems_of_unknown_curvature_have_none_to_be_found():
    task = task_of(problem="pca")
    with pytest.raises(InputError, match="not known to be convex; expected least-squares or logistic"):
        optimum(comm, task.objective)


@pytest.fixture
def kept(folder):
    """(problem, store, `Optimum`), kept in a folder that is shared by all ranks."""
    built = spec.build(
        BASE | {"problem": {"name": "logistic", "l2": 0.01}, "data": {"name": "breast_cancer"}}, "t"
    )
    store = samples()
    store = Store(folder / "store.h5", *list(vars(store).values())[1:-1], {"nnz": 0})
    made = optimum(comm, built.problem.bind(store, 4, 0))
    if comm.Get_rank() == 0:
        stored.keep(built.problem, store, made)
    comm.Barrier()
    return built.problem, store, made


def test_what_is_kept_comes_back(kept):
    problem, store, made = kept
    again = stored.stored(stored.Optimum, problem, store)
    np.testing.assert_array_equal(again.w, made.w)
    for name in ("f", "start", "gradient", "gap", "unique", "steps", "passes"):
        assert getattr(again, name) == getattr(made, name), name


def test_each_objective_has_its_own(kept):
    problem, store, _ = kept
    other = spec.build(
        BASE | {"problem": {"name": "logistic", "l2": 0.02}, "data": {"name": "digits"}}, "t"
    ).problem
    assert stored.stored(stored.Optimum, other, store) is None
    changed = Store(*[*vars(store).values()][:5], "x", "dense", store.attrs)
    assert stored.stored(stored.Optimum, problem, changed) is None
    assert stored.stored(stored.Variance, problem, store) is None


def test_a_run_whose_optimum_is_not_kept_is_refused(kept):
    _, store, _ = kept
    other = {"problem": {"name": "logistic", "l2": 0.02}, "evaluate": {"optimum": "stored"}}
    words = "none is kept of logistic with these parameters.*pavg estimate optimum"
    with pytest.raises(InputError, match=words):
        task_of(store=store, **other)


def test_one_that_is_kept_is_not_looked_for_again(kept, monkeypatch):
    problem, store, made = kept
    objective = problem.bind(store, 4, 0)
    with monkeypatch.context() as other:
        other.setattr(optimum_, "optimum", None)
        again = optimum_.kept(comm, problem, store, objective)
    np.testing.assert_array_equal(again.w, made.w)
    changed = Store(*[*vars(store).values()][:5], "x", "dense", store.attrs)
    found = optimum_.kept(comm, problem, changed, objective)
    assert found.f == made.f and stored.stored(stored.Optimum, problem, changed).f == made.f


def test_one_that_was_cut_short_is_named(kept):
    problem, store, _ = kept
    path = stored.place(stored.Optimum, problem, store)
    comm.Barrier()
    if comm.Get_rank() == 0:
        path.write_bytes(path.read_bytes()[:1000])
    comm.Barrier()
    with pytest.raises(InputError, match="optimum.h5: cannot be read: .*; delete it"):
        stored.stored(stored.Optimum, problem, store)


def test_a_run_is_measured_against_the_one_that_is_kept(kept):
    problem, store, made = kept
    task = task_of(problem={"name": "logistic", "l2": 0.01}, store=store, evaluate={"optimum": "stored"}, P=4)
    assert task.optimum == made.f
    rows = synchronous.run(comm, task)[0].arrays()
    expected = (rows["loss"] - made.f) / (rows["loss"][0] - made.f)
    np.testing.assert_allclose(rows["suboptimality"], expected, rtol=1e-12, atol=1e-15)
