"""What bounds ask for: constants of linear models, against plain NumPy and against cases known exactly."""

import numpy as np
import pytest
from mpi4py import MPI

from pavg.data.store import Store
from pavg.errors import InputError
from pavg.estimate import constants as constants_
from pavg.estimate import stored
from pavg.estimate.constants import constants
from pavg.estimate.optimum import optimum
from pavg.theory import yu2019, zhou2018
from tests.building import spec_of, task_of
from tests.mpi.test_optimum import D, drawn, store_of

pytestmark = pytest.mark.mpi
comm = MPI.COMM_WORLD


def bound_to(problem, X, y, layout="dense"):
    return spec_of(problem=problem, data={"name": "digits"}).problem.bind(store_of(X, y, layout), 4, 0)


def found(problem, X, y, layout="dense"):
    objective = bound_to(problem, X, y, layout)
    near = optimum(comm, objective) if objective.convex else None
    return constants(comm, objective, near), near


def wide(X, intercept):
    return np.column_stack([X, np.ones(len(X))]) if intercept else X


def delta(X, slopes):
    """Δ of single gradients slopes[i]·X[i], by its definition."""
    G = X * slopes[:, None]
    return np.mean(np.sum((G - G.mean(axis=0)) ** 2, axis=1))


@pytest.mark.parametrize("dense", [1024, 0], ids=["whole", "Lanczos"])
@pytest.mark.parametrize("layout", ["dense", "csr"])
@pytest.mark.parametrize("l2, intercept", [(0.0, False), (0.3, True)])
def test_of_least_squares_all_are_exact(l2, intercept, layout, dense, monkeypatch):
    X, y = drawn()
    problem = {"name": "least-squares", "l2": l2, "intercept": intercept}
    near = optimum(comm, bound_to(problem, X, y, layout))
    monkeypatch.setattr(constants_, "DENSE", dense)
    made = constants(comm, bound_to(problem, X, y, layout), near)
    A = wide(X, intercept)
    H = A.T @ A / len(A) + l2 * np.diag([1.0] * D + [0.0] * intercept)
    least, *_, largest = np.linalg.eigvalsh(H)
    assert made.smoothness == pytest.approx((largest, largest), rel=1e-6)
    if dense:
        assert made.strong_convexity == pytest.approx((least, least), rel=1e-9)
    else:
        assert made.strong_convexity[0] == (0.0 if intercept else l2)
    assert made.gap == pytest.approx((0.5 * np.mean(y**2) - near.f,) * 2, rel=1e-12)
    assert made.noise[0] == pytest.approx(delta(A, -y), rel=1e-12)
    assert made.noise[-1] == pytest.approx(delta(A, A @ near.w - y), rel=1e-12)
    assert made.gradient[0] == pytest.approx(np.sum((A.T @ y / len(A)) ** 2), rel=1e-12)
    assert made.gradient[-1] < 1e-12 and made.distance[0] == 0.0 and made.known
    assert np.isinf(made.noise_most) and len(made.loss) <= constants_.POINTS
    assert made.distance[-1] == pytest.approx(np.linalg.norm(near.w), rel=1e-12)


@pytest.mark.parametrize("layout", ["dense", "csr"])
def test_of_logistic_regression_L_is_the_curvature_at_0_and_c_the_penalty(layout):
    X, z = drawn()
    y = np.sign(z)
    made, near = found({"name": "logistic", "l2": 0.02}, X, y, layout)
    top = np.linalg.eigvalsh(X.T @ X / len(X))[-1]
    assert made.smoothness == pytest.approx((top / 4 + 0.02,) * 2, rel=1e-12)
    p = 1 / (1 + np.exp(X @ near.w))
    at_optimum = (X.T * (p * (1 - p))) @ X / len(X) + 0.02 * np.eye(D)
    low, seen = made.strong_convexity
    assert low == 0.02 <= seen <= np.linalg.eigvalsh(at_optimum)[0] * (1 + 1e-12)
    assert made.least[-1] == pytest.approx(np.linalg.eigvalsh(at_optimum)[0], rel=1e-9)
    assert made.noise_most == pytest.approx(np.mean(np.sum(X**2, axis=1)), rel=1e-12)  # slopes up to 1
    for B in (1, 8):
        assert made.variance(B) == (made.noise.max() / B, made.noise_most / B)
        expected = delta(X, -y / 2) / B + np.sum((X.T @ y / 2 / len(X)) ** 2)  # at w1, where it is largest
        assert made.second_moment(B) == pytest.approx(expected, rel=1e-12)


SLOPES = {
    "sigmoid": (lambda z, y: -y * np.exp(-y * z) / (1 + np.exp(-y * z)) ** 2, 0.25),
    "cauchy": (lambda z, y: (z - y) / (1 + (z - y) ** 2), 0.5),
}


@pytest.mark.parametrize("name", SLOPES)
def test_where_it_is_not_convex_what_was_seen_is_below_what_holds_anywhere(name):
    """The largest |eigenvalue| and Δ at random models, far and near, lie below the second numbers."""
    X, z = drawn()
    X /= 3.0
    y = np.sign(z) if name == "sigmoid" else z
    made, _ = found({"name": name, "l2": 0.01}, X, y)
    slope, steepest = SLOPES[name]
    assert not made.known and made.gap[1] == made.loss[0] and 0 < made.gap[0] < made.gap[1]
    assert made.strong_convexity[0] == 0.0 and made.noise_most == pytest.approx(
        steepest**2 * np.mean(np.sum(X**2, axis=1)), rel=1e-12
    )
    seen, most = made.smoothness
    assert seen == np.abs([made.least, made.largest]).max() < most
    rng, h = np.random.default_rng(0), 1e-5
    for size in np.repeat([0.1, 1.0, 10.0], 20):
        w, v = size * rng.standard_normal(D), rng.standard_normal(D)
        v /= np.linalg.norm(v)
        ahead, behind = (X.T @ slope(X @ (w + s * v), y) / len(X) + 0.01 * s * v for s in (h, -h))
        assert np.linalg.norm((ahead - behind) / (2 * h)) <= most * (1 + 1e-6)
        assert delta(X, slope(X @ w, y)) <= made.noise_most


def test_where_all_residuals_are_0_cauchys_loss_is_known_exactly():
    """y = 0: w1 = 0 is the optimum, where ∇²F = XᵀX/n + λ, and no gradient has noise."""
    X, _ = drawn()
    made, _ = found({"name": "cauchy", "l2": 0.5}, X, np.zeros(len(X)))
    top = np.linalg.eigvalsh(X.T @ X / len(X))[-1] + 0.5
    assert made.smoothness == pytest.approx((top, top), rel=1e-12)
    assert made.gap == (0.0, 0.0) and made.variance()[0] == made.second_moment() == 0.0


def test_what_is_kept_comes_back(folder):
    X, z = drawn()
    problem = spec_of(problem="sigmoid", data={"name": "digits"}).problem
    store = Store(folder / "store.h5", *list(vars(store_of(X, np.sign(z))).values())[1:])
    made = constants(comm, problem.bind(store, 4, 0))
    if comm.Get_rank() == 0:
        stored.keep(problem, store, made)
    comm.Barrier()
    back = stored.stored(stored.Constants, problem, store)
    for name, value in vars(made).items():
        np.testing.assert_array_equal(getattr(back, name), value)
        assert np.ndim(value) or isinstance(getattr(back, name), type(value))


def test_bounds_take_them_as_they_are():
    X, z = drawn()
    made, _ = found({"name": "sigmoid"}, X / 3.0, np.sign(z))
    case = dict(L=made.smoothness[1], M=made.variance()[1], gap=made.gap[1])
    K = zhou2018.best_period(S=4096, gamma=0.1 / case["L"], B=4, P=8, **case)
    assert 1 <= K <= zhou2018.longest_period(L=case["L"], gamma=0.1 / case["L"])
    spread, moment = made.variance(4)[1], made.second_moment(4)
    facts = dict(L=case["L"], G2=moment, sigma2=spread, gap=case["gap"])
    bound = yu2019.bound(4096, gamma=0.1 / case["L"], I=2, N=8, **facts)
    assert 0 < bound < np.inf


def test_what_has_no_known_curvature_has_no_constants():
    with pytest.raises(InputError, match="no constants: curvature is not known; expected a linear model"):
        constants(comm, task_of(problem="pca").objective)
