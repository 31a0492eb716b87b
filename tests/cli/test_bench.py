"""pavg bench as a user types it, on the smallest things that can be measured."""

import subprocess
import sys

import numpy as np
import pytest
import xarray

from pavg import machine
from pavg.bench import BENCHMARKS
from tests.conftest import run_to_end

pytestmark = pytest.mark.mpirun


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    return tmp_path_factory.mktemp("stores")


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch, stores):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PAVG_DATA", str(stores))
    return tmp_path


def bench(*arguments, env=None):
    command = [sys.executable, "-m", "pavg", "bench", *map(str, arguments), "--quick", "--alternations", "2"]
    return run_to_end(command, env or {})


def opened(place):
    [made] = (place / "results" / "bench").glob("*.bench.h5")
    with xarray.open_dataset(made) as data:
        return data.load()


def test_allreduce_on_the_ranks_that_it_starts_makes_a_table_and_a_file(place):
    done = bench("allreduce", "-n", 2, "--size", 1, "--size", 1000)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("mpi4py") == 2 and "file: results/bench/allreduce-R2-" in done.stdout
    data = opened(place)
    assert (data.attrs["benchmark"], data.attrs["ranks"], data.attrs["quick"]) == ("allreduce", 2, 1)
    times = data.sel(row=data.way == "mpi4py")
    assert times.doubles.values.tolist() == [1, 1000]
    assert (times.time_min <= times.time_max).all() and times.batches.shape == (2, 2)
    shown = run_to_end([sys.executable, "-m", "pavg", "show", "results"], {}, 60)  # they are no runs
    assert shown.returncode == 2 and "no result files" in shown.stderr


def test_without_a_c_compiler_the_loop_in_c_is_named_as_missing(place):
    done = bench("allreduce", "--size", 1, env={"CC": "no-such-compiler"})
    assert done.returncode == 0 and "missing: no C compiler" in done.stdout
    data = opened(place)
    assert data.way.values.tolist() == ["C", "mpi4py"] and "ratio" not in data


def test_kernels_tell_times_of_samples_and_lanes_against_plain_loops(place):
    done = bench("kernels", "--shape", "higgs", "--sampling", "order", "--lane", 1, "--place", "cache")
    assert done.returncode == 0, done.stderr
    data = opened(place)
    assert data.place.values.tolist() == ["cache"] and data.lanes.values.tolist() == [1]
    assert (data.time_lane == data.time_sample / data.lanes).all() and (data.ratio > 0).all()


def test_the_roofline_has_its_limits_and_steps_below_them(place):
    done = bench("roofline", "--shape", "higgs", "--sampling", "order", "--lane", 1)
    assert done.returncode == 0, done.stderr
    data = opened(place)
    assert data.what.values.tolist() == [
        "read from memory",
        "read from L3",
        "multiply and add",
        "local steps",
    ]
    assert data.bytes_sample.values[-1] == 29 * 8 and data.flops_sample.values[-1] == 4 * 28
    assert data.share.values[-1] > 0 and data.limit.values[-1] in ("reading", "arithmetic")


def test_peers_do_the_same_work_or_are_named_as_missing(place):
    done = bench("peers", "-n", 2, "--shape", "higgs", "--sampling", "order")
    assert done.returncode == 0, done.stderr
    data = opened(place)
    assert data.difference.values[0] < 1e-9 and data.time_peer.values[0] > 0
    bounds = 1e-6, 1e-9, 1e-9  # PyTorch's LeNet, in float32, and PyTorch in two ways
    notes = data.note.values if "note" in data else [""] * 4  # where nothing is missing
    for bound, difference, note in zip(bounds, data.difference.values[1:], notes[1:], strict=True):
        assert difference < bound or "missing: this needs the package torch" in note


def test_on_one_rank_what_needs_two_is_named_as_missing(place):
    alone = bench("scaling")
    assert alone.returncode == 0 and "missing: one rank only" in alone.stdout


def test_scaling_compares_one_rank_with_all(place):
    done = bench("scaling", "-n", 2, "--period", 64)
    assert done.returncode == 0, done.stderr
    data = opened(place)
    assert data.ranks.values.tolist() == [2] and (data.ratio > 0).all()


def test_rounds_are_held_against_python_s_loop_local_steps_and_a_bare_allreduce(place):
    done = bench("rounds", "-n", 2, "--period", 4)
    assert done.returncode == 0, done.stderr
    data = opened(place)
    assert data.K.values.tolist() == [4] and (data.time_round > 0).all() and (data.ratio > 0).all()


def test_averages_of_touched_coordinates_send_less_than_those_of_whole_models(place):
    done = bench("averaging", "-n", 2, "--shape", "rcv1", "--period", 1)
    assert done.returncode == 0, done.stderr
    data = opened(place)
    assert (data.bytes_sparse < data.bytes_dense / 10).all() and (
        data.bytes_auto < data.bytes_dense / 10
    ).all()


def test_a_figure_is_drawn_or_matplotlib_asked_for_before_anything_is_measured(place):
    done = bench("allreduce", "--size", 1, "--figure", "made.png")
    if done.returncode == 2:
        assert "this needs the package matplotlib: pip install 'pavg[report]'" in done.stderr
        assert not (place / "results").exists()
    else:
        assert done.returncode == 0 and (place / "made.png").stat().st_size > 10_000


def test_a_benchmark_that_is_none_is_refused(place):
    done = bench("allreduced")
    assert done.returncode == 2 and "No such command 'allreduced'" in done.stderr


def test_every_benchmark_is_listed_with_what_it_does():
    done = subprocess.run([sys.executable, "-m", "pavg", "bench", "-h"], capture_output=True, text=True)
    assert done.returncode == 0
    listed = {
        line.split()[0]: line.split()[1:] for line in done.stdout.split("Commands:")[1].splitlines() if line
    }
    assert set(listed) == set(BENCHMARKS) and all(map(len, listed.values()))


def test_a_machine_is_measured_kept_and_held_against_rounds(place):
    done = bench("machine", "-n", 2, "--shape", "higgs", "--check")
    assert done.returncode == 0, done.stderr
    data = opened(place)
    kinds, counts = np.unique(data.what.values, return_counts=True)
    assert dict(zip(kinds, counts, strict=True)) == {
        **{"local step": 5, "averaging": 22, "spread": 3},
        **{"round": 4, "check": 1, "round, predicted": 4},
    }
    rounds = data.sel(row=data.what == "round")
    [path] = (place / "results" / "bench").glob("machine-R2-*.bench.h5")
    model = machine.load(path)
    [work] = [steps.work for steps in model.steps]
    for K, predicted in zip(rounds.K.values, rounds.predicted.values, strict=True):
        assert model.round_seconds(K, work, 2).middle == pytest.approx(predicted, rel=1e-9)
    assert model.about["hosts"] == "1" and model.averaging.ranks == (1, 2)


def test_a_specification_s_own_steps_are_measured_or_refused(place):
    (place / "mine.toml").write_text(
        'P = 4\nstep_size = 0.1\nstop.steps = 9\nproblem = "double-well"\nmethod = {name = "periodic", K = 4}'
    )
    done = bench("machine", "--shape", "higgs", "--spec", "mine.toml")
    assert done.returncode == 0, done.stderr
    assert "double-well(w0=0.0), replacement" in {*opened(place).work.values}
    refused = bench("machine", "--spec", "none.toml")
    assert refused.returncode == 2 and "none.toml" in refused.stderr
