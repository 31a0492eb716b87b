"""Fixtures of the tests on several ranks."""

import shutil
import tempfile
from pathlib import Path

import pytest


@pytest.fixture
def folder():
    """A new folder, the same on all ranks, gone afterwards."""
    from mpi4py import MPI  # here: the process that starts MPI jobs may read this file

    comm = MPI.COMM_WORLD
    made = comm.bcast(tempfile.mkdtemp() if comm.Get_rank() == 0 else None)
    yield Path(made)
    comm.Barrier()
    shutil.rmtree(made, ignore_errors=True)
