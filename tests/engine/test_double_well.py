"""Section 2.4 of Zhang et al. 2016: how often 24 learners average on the double well."""

import numpy as np
import pytest

from tests.building import in_processes

REPETITIONS, WORKERS = 800, 2

# an independent simulation in NumPy, 2,000–6,000 repetitions: value and standard error.
# In print: 0.922, 0.274, 0.011
REFERENCE = {0.0: (0.926, 0.001), 0.001: (0.286, 0.003), 0.1: (0.0106, 0.0002)}


def final_losses(zeta, seeds):
    from mpi4py import MPI

    from pavg.engine import synchronous
    from tests.building import task_of

    keys = {
        "problem": "double-well",
        "method": {"name": "stochastic", "zeta": zeta},
        "P": 24,
        "step_size": 0.025,
        "stop": {"steps": 10_000},
        "evaluate": {"at": [10_000]},
    }
    return [synchronous.run(MPI.COMM_SELF, task_of(seed=s, **keys))[0].rows[-1]["loss"] for s in seeds]


@pytest.mark.parametrize("zeta", REFERENCE)
def test_the_final_objective_agrees_with_an_independent_simulation(zeta):
    parts = [(zeta, range(k, REPETITIONS, WORKERS)) for k in range(WORKERS)]
    losses = np.concatenate(in_processes(final_losses, parts))
    value, error = REFERENCE[zeta]
    combined = np.hypot(losses.std(ddof=1) / REPETITIONS**0.5, error)
    assert abs(losses.mean() - value) < 3 * combined
