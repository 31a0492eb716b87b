"""pavg bench as a user types it, on the smallest things that can be measured."""

import sys

import pytest
import xarray

from tests.conftest import run_to_end

pytestmark = pytest.mark.mpirun


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def pavg(*arguments, timeout=120):
    return run_to_end([sys.executable, "-m", "pavg", *map(str, arguments)], {}, timeout)


def file(place):
    [made] = (place / "results" / "bench").glob("*.bench.h5")
    return made


def test_allreduce_on_the_ranks_that_it_starts_makes_a_table_and_a_file(place):
    done = pavg("bench", "allreduce", "-n", 2, "--quick", "--size", 1, "--size", 1000)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("mpi4py") == 2 and str(file(place).relative_to(place)) in done.stdout
    with xarray.open_dataset(file(place)) as data:
        assert (data.attrs["benchmark"], data.attrs["ranks"], data.attrs["quick"]) == ("allreduce", 2, 1)
        times = data.sel(row=data.way == "mpi4py")
        assert times.doubles.values.tolist() == [1, 1000]
        assert (times.time_min <= times.time_max).all() and times.batches.shape == (2, 11)


def test_files_of_benchmarks_are_no_runs(place):
    pavg("bench", "allreduce", "--quick", "--size", 1)
    shown = pavg("show", "results")
    assert shown.returncode == 2 and "no result files" in shown.stderr


def test_a_benchmark_that_is_none_is_refused(place):
    done = pavg("bench", "allreduced")
    assert done.returncode == 2 and "No such command 'allreduced'" in done.stderr
