"""The sweep undisturbed, once."""

import pytest

from tests.conftest import mpi_named
from tests.faults import sweeps


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory):
    """Results of the sweep when nothing happens to it."""
    mpi_named("default")
    folder = tmp_path_factory.mktemp("undisturbed")
    code, err = sweeps.run(sweeps.sweep(folder), folder / "out", *sweeps.CHECKPOINTS)
    assert code == 0, err
    return sweeps.results(folder / "out")


@pytest.fixture
def place(tmp_path):
    """A new folder with the sweep's file."""
    mpi_named("default")
    sweeps.sweep(tmp_path)
    return tmp_path
