"""Parallel restarted SGD as printed (Yu et al. 2019, Algorithms 1 and 2), and what footnote 6 says of it."""

import numpy as np
import pytest
from mpi4py import MPI

from pavg.engine import synchronous
from pavg.kernels.combine import models
from tests.building import learners_of, samples, sparse_samples, task_of
from tests.reference.runs import Run

pytestmark = pytest.mark.mpi
comm = MPI.COMM_WORLD
CASES = {
    "dense, L2": {"problem": {"name": "logistic", "l2": 0.1, "intercept": True}},
    "csr, L2": {"problem": {"name": "logistic", "l2": 0.1}, "store": sparse_samples(d=40)},
    "noise, batches": {"problem": {"name": "noisy-quadratic"}, "batch_size": 3},
    "step sizes that fall": {
        "problem": {"name": "quadratic"},
        "step_size": {"name": "inverse", "alpha": 1, "d": 9},
    },
}


def mean(of):
    """Over the learners of all ranks."""
    return comm.allreduce(of.sum(axis=0)) / 4


def gradients(learners):
    """What the learners would draw next, each at its own model, by the problem's plain loops."""
    rule, keys, draws, *rows = learners._order
    order = rule, keys, draws.copy(), *rows
    (gammas, batches, first), _ = learners.schedule.window(learners.steps + 1, learners.samples, 1)
    model, G = (models(learners.W, learners.S), *learners._model[1:]), np.zeros_like(learners.W)
    learners.objective.gradients(model, order, learners._noise, int(batches[first]), G)
    return gammas[first], G


@pytest.mark.parametrize("I", [1, 2, 5])
@pytest.mark.parametrize("case", CASES)
def test_the_average_moves_by_the_mean_of_gradients_at_the_learners_own_models(case, I):  # noqa: E741
    """Eq. (5): x̄^t = x̄^{t−1} − γ·mean(G^t), in each step, with an average and without."""
    method = {"name": "pr-sgd", "I": I}
    learners = learners_of(comm, method=method, **CASES[case])
    learners.clock.start()
    d = learners.objective.dimension
    for t in range(3 * I + 2):
        gamma, G = gradients(learners)
        before = mean(models(learners.W, learners.S))
        learners.spec.method.advance(learners, t, t + 1)
        after = mean(models(learners.W, learners.S))
        np.testing.assert_allclose(after[:d], (before - gamma * mean(G))[:d], rtol=1e-12, atol=1e-14)
        assert learners.rounds_done == (t + 1) // I


def ends(method, **keys):
    """Final losses and models of learners that draw alike."""
    keys = {"problem": "least-squares", "step_size": 0.1, "stop": {"steps": 300}} | keys
    record = synchronous.run(comm, task_of(store=samples(d=4), method=method, **keys))[0]
    return record.w, record.rows[-1]


def test_with_I_equal_to_1_it_is_not_mini_batch_sgd_and_periodic_averaging_with_K_equal_to_1_is():
    """Footnote 6 says that it is; gradients at models that no average has made say no."""
    mini_batch, periodic, printed = (
        ends(method)[0]
        for method in ("gradient-allreduce", {"name": "periodic", "K": 1}, {"name": "pr-sgd", "I": 1})
    )
    np.testing.assert_allclose(periodic, mini_batch, rtol=1e-10)
    assert 1e-3 < np.linalg.norm(printed - mini_batch) < 1.0


def test_where_I_is_longer_than_the_run_it_is_one_shot_averaging():
    (one, row), (other, same) = (
        ends(method) for method in ({"name": "pr-sgd", "I": 301}, {"name": "periodic", "K": "all"})
    )
    np.testing.assert_array_equal(one, other)
    assert (row["rounds"], row["bytes"]) == (same["rounds"], same["bytes"]) == (1, 8 * 4)


def test_algorithm_2_has_rounds_that_grow_past_8_N_cubed_of_them_and_steps_that_fall_with_them():
    """K^s = ⌈s^{1/3}/N⌉ and γ^s = γ0·N/s^{2/3}; before N³ rounds it is mini-batch SGD."""
    N, rounds = 4, 8 * 4**3 + 5
    lengths = [next(k for k in range(1, s + 1) if (k * N) ** 3 >= s) for s in range(1, rounds + 1)]
    table = {
        "problem": {"name": "quadratic"},
        "P": N,
        "method": {"name": "varying", "start": 1 / N, "power": 1 / 3},
        "step_size": {"name": "power", "gamma": 0.05 * N, "power": 2 / 3, "unit": "rounds"},
        "stop": {"steps": sum(lengths)},
        "evaluate": {"rounds": 11},
    }
    record = synchronous.run(comm, task_of(**table))[0]
    assert record.arrays()["ticks"].tolist() == [0, *np.cumsum(lengths)[10::11]]
    assert lengths[: N**3] == [1] * N**3 and lengths[-1] == 3
    if comm.Get_rank() == 0:
        reference = Run(table).run()
        np.testing.assert_allclose(record.w, reference.w, rtol=1e-10)
        found = record.arrays()["loss"]
        np.testing.assert_allclose(found, [row["loss"] for row in reference.rows], rtol=1e-10, atol=1e-12)
