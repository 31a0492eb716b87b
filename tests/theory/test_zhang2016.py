"""Lemma 1: closed form, exact recursion and simulation agree."""

import numpy as np
import pytest

from pavg.theory.zhang2016 import asymptotic_variance, fourth_moment_factor, moments_step
from tests.building import in_processes, learners_of

GRID = [
    dict(alpha=alpha, c=c, beta2=beta2, sigma2=sigma2, zeta=zeta, M=M)
    for alpha in (0.01, 0.1, 0.5)
    for c in (0.5, 1.0)
    for beta2 in (0.0, 0.3, 0.9)
    for sigma2 in (0.1, 2.0)
    for zeta in (0.0, 0.01, 0.1, 0.5, 0.99)
    for M in (1, 2, 24)
]


def recursion(case):
    """(A, b) of the recursion, an affine map x → Ax + b."""
    b = np.array(moments_step(0.0, 0.0, **case))
    return np.column_stack([np.array(moments_step(*unit, **case)) - b for unit in np.eye(2)]), b


def test_the_recursion_converges_to_the_closed_form():
    for case in GRID:
        A, b = recursion(case)
        assert np.abs(np.linalg.eigvals(A)).max() < 1, case
        Q, _ = np.linalg.solve(np.eye(2) - A, b)
        assert asymptotic_variance(**case) == pytest.approx(Q, rel=1e-12), case


def test_it_is_finite_exactly_where_the_recursion_converges():
    rng, seen = np.random.default_rng(0), {True: 0, False: 0}
    for _ in range(2000):
        alpha, beta2, zeta = rng.uniform(0.0, 4.0), rng.uniform(0.0, 5.0), rng.uniform(0.0, 0.95)
        case = dict(alpha=alpha, c=1.0, beta2=beta2, sigma2=1.0, zeta=zeta, M=int(rng.integers(1, 25)))
        converges = bool(np.abs(np.linalg.eigvals(recursion(case)[0])).max() < 1)
        assert np.isfinite(asymptotic_variance(**case)) == converges, case
        seen[converges] += 1
    assert min(seen.values()) > 200
    assert asymptotic_variance(alpha=2.0, c=1.0, beta2=0.0, sigma2=1.0, zeta=0.5, M=2) == np.inf


def test_more_averaging_lowers_the_variance_only_where_the_noise_is_multiplicative():
    base = dict(alpha=0.2, c=1.0, sigma2=1.0, M=8)
    often = [asymptotic_variance(beta2=1.0, zeta=z, **base) for z in (0.0, 0.1, 0.5)]
    assert often[0] > often[1] > often[2]
    never = [asymptotic_variance(beta2=0.0, zeta=z, **base) for z in (0.0, 0.1, 0.5)]
    assert np.ptp(never) < 1e-15


COPIES, BATCHES, BATCH, GAP = 256, 50, 40, 8
SIMULATED = dict(alpha=0.4, c=1.0, beta2=1.5, sigma2=1.0, M=8)


def simulated(zeta):
    """Batch means (BATCHES,) of w̄², and the variance of a single w̄²."""
    from mpi4py import MPI

    learners = learners_of(
        MPI.COMM_SELF,
        P=SIMULATED["M"],
        problem={"name": "noisy-quadratic", "beta": SIMULATED["beta2"] ** 0.5, "copies": COPIES},
        method={"name": "stochastic", "zeta": zeta},
        step_size=SIMULATED["alpha"],
    )
    method, t = learners.spec.method, 400  # tens of times the relaxation time
    learners.clock.start()
    method.advance(learners, 0, t)
    squares = np.empty((BATCHES, BATCH, COPIES))
    for b in range(BATCHES):
        for k in range(BATCH):
            method.advance(learners, t, t + GAP)
            t += GAP
            squares[b, k] = learners.W.mean(axis=0) ** 2
    return squares.mean(axis=(1, 2)), squares.var()


@pytest.mark.parametrize("zeta", [0.0, 0.01, 0.1, 0.5])
def test_a_simulation_agrees_with_lemma_1(zeta):
    """Within three standard errors and 3 %, by at least 20,000 effective samples.

    Copies share the coin, so the unit of statistics is a batch of the time series of their mean:
    the standard error is that of batch means, which counts all correlation shorter than a batch.
    """
    assert fourth_moment_factor(alpha=0.4, c=1.0, beta2=1.5) < 1
    [(means, single)] = in_processes(simulated, [(zeta,)])
    error = means.std(ddof=1) / BATCHES**0.5
    exact = asymptotic_variance(zeta=zeta, **SIMULATED)
    assert single / error**2 > 20_000  # effective samples
    assert abs(means.mean() - exact) < 3 * error
    assert abs(means.mean() / exact - 1) < 0.03
