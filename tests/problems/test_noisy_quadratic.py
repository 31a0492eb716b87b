"""The quadratic with multiplicative and additive noise (Zhang et al. 2016, Lemma 1)."""

import numpy as np
import pytest

from pavg import streams
from pavg.problems.base import NONE
from pavg.problems.noisy_quadratic import NoisyQuadratic

LEARNERS, DRAWS = 100, 40_000


def sampled(problem, w, draws=DRAWS, seed=1):
    """Gradient samples at w of each copy, (draws, copies): of 100 learners, one after the other."""
    L = min(LEARNERS, draws)
    objective, none = problem.bind(None, 1, 0), np.zeros(L, np.int64)
    noise, keys = (streams.keys(seed, purpose, range(L)) for purpose in ("noise", "order"))
    order = 0, keys, np.zeros(L, np.int64), np.empty(0, np.int64), none, none
    order[3].flags.writeable = False
    W, G = np.full((L, problem.copies), float(w)), np.zeros((L, problem.copies))
    found = np.empty((draws // L, *G.shape))
    for k in range(len(found)):
        objective.gradients((W, np.zeros((0, 0)), 0.0, np.ones((L, 1))), order, noise, 1, G)
        found[k] = G
    return found.reshape(-1, problem.copies)


@pytest.mark.parametrize(
    ("c", "beta", "sigma", "w"), [(1, 0.5, 0.1, 2.0), (0.3, 0, 1, -1.5), (2, 1, 0, 3.0), (1, 3, 2, 0)]
)
def test_a_gradient_sample_has_mean_cw_and_variance_beta_squared_w_squared_plus_sigma_squared(
    c, beta, sigma, w
):
    g = sampled(NoisyQuadratic(c=c, beta=beta, sigma=sigma), w)[:, 0]
    variance = beta**2 * w**2 + sigma**2
    # within 4.5 standard errors; the variance of a normal sample's variance is 2σ⁴/n
    assert abs(g.mean() - c * w) <= 4.5 * np.sqrt(variance / DRAWS)
    assert abs(g.var() - variance) <= 4.5 * variance * np.sqrt(2 / DRAWS)


def test_the_two_kinds_of_noise_are_independent():
    """Else the variance at w and at −w would differ, by twice the covariance."""
    problem = NoisyQuadratic(beta=1, sigma=1)
    right, left = (sampled(problem, w)[:, 0].var() for w in (1.0, -1.0))
    assert abs(right - left) <= 4.5 * np.sqrt(2) * 2 * np.sqrt(2 / DRAWS)


def test_copies_have_noise_of_their_own():
    g = sampled(NoisyQuadratic(copies=4), 1.0, 10_000)
    correlations = np.corrcoef(g.T)[np.triu_indices(4, 1)]
    assert np.abs(correlations).max() < 4.5 / np.sqrt(10_000)


def test_without_noise_the_gradient_is_the_derivative_of_the_loss():
    problem = NoisyQuadratic(c=0.7, beta=0, sigma=0, copies=3)
    objective = problem.bind(None, 1, 0)
    w, h = np.array([[0.5, -1.0, 2.0]]), 1e-5

    def loss(w):
        return objective.losses("train", w, 0, 1)[0]

    for j in range(3):
        step = h * np.eye(3)[j]
        slope = (loss(w + step) - loss(w - step)) / (2 * h)
        # the loss is the mean over copies: its slope is a third of each copy's gradient
        assert sampled(problem, w[0, j], 1)[0, j] == pytest.approx(3 * slope, rel=1e-8)


def test_the_loss_is_the_mean_over_copies_of_half_c_w_squared():
    objective = NoisyQuadratic(c=3.0, copies=2).bind(None, 1, 0)
    assert objective.losses("train", np.array([[1.0, 2.0]]), 0, 1)[0] == pytest.approx(3 / 2 * (1 + 4) / 2)
    assert objective.rows == {"train": 1} and objective.optimum == 0.0


def test_it_needs_no_samples_and_gives_no_exact_gradient():
    objective = NoisyQuadratic(w0=0.5, copies=3).bind(None, 4, 0)
    np.testing.assert_array_equal(objective.start, [0.5] * 3)
    assert objective.n == 0 and objective.y.size == NONE.size
    assert objective.add_gradient(np.ones((1, 3)), 0, 1, np.zeros((1, 3))) is None
