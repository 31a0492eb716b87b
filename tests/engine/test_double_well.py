"""Section 2.4 of Zhang et al. 2016: how often 24 learners average on the double well."""

import numpy as np
import pytest

from tests.building import in_processes

REPETITIONS = 200

# an independent simulation in NumPy, 2,000–6,000 repetitions: value and standard error.
# In print: 0.922, 0.274, 0.011
REFERENCE = {0.0: (0.926, 0.001), 0.001: (0.286, 0.003), 0.1: (0.0106, 0.0002)}


def final_losses(zetas):
    """ζ → losses at the end, one a seed."""
    from mpi4py import MPI

    from pavg.engine import synchronous
    from tests.building import task_of

    keys = {
        "problem": "double-well",
        "P": 24,
        "step_size": 0.025,
        "stop": {"steps": 10_000},
        "evaluate": {"at": [10_000]},
    }

    def loss(zeta, seed):
        task = task_of(method={"name": "stochastic", "zeta": zeta}, seed=seed, **keys)
        return synchronous.run(MPI.COMM_SELF, task)[0].rows[-1]["loss"]

    return {zeta: np.array([loss(zeta, seed) for seed in range(REPETITIONS)]) for zeta in zetas}


@pytest.fixture(scope="module")
def losses():
    return in_processes(final_losses, [(list(REFERENCE),)])[0]


@pytest.mark.parametrize("zeta", REFERENCE)
def test_the_final_objective_agrees_with_an_independent_simulation(zeta, losses):
    value, error = REFERENCE[zeta]
    combined = np.hypot(losses[zeta].std(ddof=1) / REPETITIONS**0.5, error)
    assert abs(losses[zeta].mean() - value) < 3 * combined
