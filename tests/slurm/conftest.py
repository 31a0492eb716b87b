"""A real Slurm for the tests of this folder; they are skipped where it cannot be."""

import pytest

from tests.slurm import cluster as emulated


@pytest.fixture(scope="session")
def cluster():
    """`tests.slurm.cluster.Cluster` of two nodes."""
    if reason := emulated.missing():
        pytest.skip(reason)
    made = emulated.Cluster(nodes=2, cpus=2)
    yield made
    made.stop()
