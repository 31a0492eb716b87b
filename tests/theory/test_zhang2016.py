"""Lemma 1: closed form, exact recursion and simulation agree."""

import numpy as np
import pytest
from mpi4py import MPI
from tests.building import learners_of

from pavg.theory.zhang2016 import asymptotic_variance, fourth_moment_factor, moments_step

GRID = [
    dict(alpha=alpha, c=c, beta2=beta2, sigma2=sigma2, zeta=zeta, M=M)
    for alpha in (0.01, 0.1, 0.5)
    for c in (0.5, 1.0)
    for beta2 in (0.0, 0.3, 0.9)
    for sigma2 in (0.1, 2.0)
    for zeta in (0.0, 0.01, 0.1, 0.5, 0.99)
    for M in (1, 2, 24)
]


def fixed_point(case):
    """The limit of the recursion, an affine map, by a linear solve."""
    origin = np.array(moments_step(0.0, 0.0, **case))
    columns = [np.array(moments_step(*unit, **case)) - origin for unit in ((1.0, 0.0), (0.0, 1.0))]
    return np.linalg.solve(np.eye(2) - np.column_stack(columns), origin)


def test_the_closed_form_is_the_fixed_point_of_the_recursion():
    for case in GRID:
        Q, _ = fixed_point(case)
        assert asymptotic_variance(**case) == pytest.approx(Q, rel=1e-12), case


def test_the_recursion_converges_to_the_closed_form():
    for case in GRID:
        if case["alpha"] < 0.1 or case["zeta"] > 0.9:
            continue  # slow, and the same map
        Q = S = 0.0
        for _ in range(5000):
            Q, S = moments_step(Q, S, **case)
        assert asymptotic_variance(**case) == pytest.approx(Q, rel=1e-12), case


def test_without_convergence_the_variance_is_infinite():
    assert asymptotic_variance(alpha=1.0, c=1.0, beta2=2.0, sigma2=1.0, zeta=0.0, M=1) == np.inf


def test_more_averaging_lowers_the_variance_only_where_the_noise_is_multiplicative():
    base = dict(alpha=0.2, c=1.0, sigma2=1.0, M=8)
    often = [asymptotic_variance(beta2=1.0, zeta=z, **base) for z in (0.0, 0.1, 0.5)]
    assert often[0] > often[1] > often[2]
    never = [asymptotic_variance(beta2=0.0, zeta=z, **base) for z in (0.0, 0.1, 0.5)]
    assert np.ptp(never) < 1e-15


@pytest.mark.parametrize("zeta", [0.0, 0.01, 0.1, 0.5])
def test_a_simulation_agrees_with_lemma_1(zeta):
    """Within three standard errors and 3 %, by at least 20,000 effective samples.

    Copies share the coin, so the unit of statistics is a batch of the time series of their mean:
    the standard error is that of batch means, which counts all correlation shorter than a batch.
    """
    case = dict(alpha=0.4, c=1.0, beta2=1.5, sigma2=1.0, zeta=zeta, M=8)
    assert fourth_moment_factor(alpha=0.4, c=1.0, beta2=1.5) < 1
    copies, batches, batch, gap = 256, 50, 40, 8
    learners = learners_of(
        MPI.COMM_SELF,
        P=case["M"],
        problem={"name": "noisy-quadratic", "c": 1.0, "beta": 1.5**0.5, "sigma": 1.0, "copies": copies},
        method={"name": "stochastic", "zeta": zeta},
        step_size=0.4,
    )
    method, t = learners.spec.method, 400  # tens of times the relaxation time
    learners.clock.start()
    method.advance(learners, 0, t)
    means, single = np.empty(batches), []
    for b in range(batches):
        squares = np.empty((batch, copies))
        for k in range(batch):
            method.advance(learners, t, t + gap)
            t += gap
            squares[k] = learners.W[:, :copies].mean(axis=0) ** 2
        means[b] = squares.mean()
        single.append(squares.var())
    error = means.std(ddof=1) / batches**0.5
    effective = np.mean(single) / error**2
    exact = asymptotic_variance(**case)
    assert effective > 20_000
    assert abs(means.mean() - exact) < 3 * error
    assert abs(means.mean() / exact - 1) < 0.03
