"""Oja's rule on Gaussian samples (Zhang et al. 2016, section 2.4)."""

import numpy as np
import pytest

from pavg.data.partition import Contiguous
from pavg.problems.pca import PCA
from tests.building import in_processes, learners_of


def bound(P=4, seed=0, **parameters):
    return PCA(**parameters).bind(None, P, seed)


def error(objective, w):
    return objective.losses("train", np.array([w], float), 0, 1)[0]


def trained(rounds):
    """Models of 4 learners after rounds of 50 steps without a last average, normalised and not."""
    from mpi4py import MPI

    found = []
    for normalised in (True, False):
        learners = learners_of(MPI.COMM_SELF, P=4, problem={"name": "pca", "normalised": normalised})
        learners.clock.start()
        learners.rounds(np.full(rounds - 1, 50), 50)
        found.append(learners.W.copy())
    return found


@pytest.mark.parametrize("spectrum", ["deviations", "variances"])
def test_samples_have_the_covariance_that_the_parameters_say(spectrum):
    n, d = 40_000, 4
    X = bound(P=4, d=d, top=2.0, rest=0.5, spectrum=spectrum, samples_each=n // 4).samples[0]
    variances = np.array([2.0, 0.5, 0.5, 0.5]) ** (2 if spectrum == "deviations" else 1)
    covariance = X.T @ X / n
    # Gaussian: the standard error of an entry is √(σᵢ²σⱼ²(1 + δᵢⱼ)/n)
    errors = np.sqrt(np.outer(variances, variances) * (1 + np.eye(d)) / n)
    assert (np.abs(covariance - np.diag(variances)) < 4.5 * errors).all()
    assert (np.abs(X.mean(axis=0)) < 4.5 * np.sqrt(variances / n)).all()


def test_every_learner_has_samples_of_its_own_whatever_the_number_of_learners():
    three, five = bound(P=3).samples[0], bound(P=5).samples[0]
    assert three.shape == (3 * 10, 20) and five.shape == (5 * 10, 20)
    np.testing.assert_array_equal(three, five[:30])
    assert len(np.unique(five[:, 0])) == 50


def test_a_contiguous_partition_gives_each_learner_its_own():
    shards = Contiguous().shards(bound(P=4, samples_each=7).y, 4, 0)
    assert PCA.partition == "contiguous"
    np.testing.assert_array_equal(shards.counts, [7, 7, 7, 7])


def test_seeds_have_samples_and_starts_of_their_own():
    first, second = bound(seed=0), bound(seed=1)
    assert (first.samples[0] != second.samples[0]).all() and (first.start != second.start).all()
    np.testing.assert_array_equal(first.start, bound(seed=0, P=9).start)


def test_the_start_is_a_unit_vector():
    assert np.linalg.norm(bound().start) == pytest.approx(1.0, rel=1e-15)


def test_starts_have_no_preferred_direction():
    starts = np.array([bound(P=1, seed=seed, d=3).start for seed in range(400)])
    assert (np.abs(starts.mean(axis=0)) < 4.5 * np.sqrt(1 / 3 / 400)).all()  # E wᵢ² = 1/d


def test_the_error_is_1_minus_the_cosine_to_the_first_axis():
    objective = bound(d=3)
    assert error(objective, [5, 0, 0]) == error(objective, [-0.1, 0, 0]) == 0.0 == objective.optimum
    assert error(objective, [0, 1, 0]) == 1.0
    assert error(objective, [1, 2, -2]) == pytest.approx(1 - 1 / 3)


def test_the_gradient_is_of_minus_half_the_squared_projection():
    objective = bound(d=5)
    (X, y), w, h = objective.samples, np.linspace(-1, 1, 5), 1e-6

    def along(w, i):
        return -0.5 * (X[i] @ w) ** 2

    for i in (0, 13):
        g = np.zeros(5)
        PCA.gradient.__wrapped__(np.empty(0), X, y, i, np.uint64(0), 0, w[None], 0, 2.0, g)
        slope = [(along(w + h * e, i) - along(w - h * e, i)) / (2 * h) for e in np.eye(5)]
        np.testing.assert_allclose(g, 2 * np.array(slope), rtol=1e-6, atol=1e-8)


def test_models_that_are_not_normalised_have_the_same_direction_until_they_are_averaged():
    (kept, grown), (kept_later, grown_later) = in_processes(trained, [(1,), (2,)])
    np.testing.assert_allclose(np.linalg.norm(kept, axis=1), 1.0, rtol=1e-15)
    lengths = np.linalg.norm(grown, axis=1)
    assert lengths.min() > 1.5
    np.testing.assert_allclose(grown / lengths[:, None], kept, atol=1e-14)
    directions = grown_later / np.linalg.norm(grown_later, axis=1)[:, None]
    assert np.abs(directions - kept_later).max() > 1e-6


def test_models_stay_on_the_sphere_and_the_error_is_no_mean_over_samples():
    objective = bound()
    assert objective.sphere and objective.rows == {"train": 1} and objective.n == 40
    assert objective.add_gradient(np.ones((1, 20)), 0, 1, np.zeros((1, 20))) is None
