"""Fixtures of the tests on several ranks."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

MEMORY = "/dev/shm"


@pytest.fixture
def folder():
    """A new folder, the same on all ranks, gone afterwards; in memory where there is room: many checkpoints
    are put on the disk by `fsync`, and ranks that wait for it turn idly."""
    from mpi4py import MPI  # here: the process that starts MPI jobs may read this file

    comm = MPI.COMM_WORLD
    memory = MEMORY if os.access(MEMORY, os.W_OK) else None
    made = comm.bcast(tempfile.mkdtemp(dir=memory) if comm.Get_rank() == 0 else None)
    yield Path(made)
    comm.Barrier()
    shutil.rmtree(made, ignore_errors=True)
