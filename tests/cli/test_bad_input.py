"""Bad input: one clear message on one rank, exit code 2, no traceback, nothing written."""

import bz2
import sys

import h5py
import pytest

from tests.conftest import run_to_end

pytestmark = pytest.mark.mpirun

GOOD = """
P = 4
step_size = 0.1
stop.steps = 8
problem = "logistic"
method = {{name = "periodic", K = 2}}
data.path = "{data}"
"""
ROWS = "+1 1:0.5 3:1\n-1 2:0.25\n+1 1:1 2:1\n-1 3:2\n+1 2:1\n"


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with a specification and its data; stores go to a folder of their own."""
    monkeypatch.setenv("PAVG_DATA", str(tmp_path / "stores"))
    (tmp_path / "data.txt").write_text(ROWS)
    (tmp_path / "run.toml").write_text(GOOD.format(data=tmp_path / "data.txt"))
    return tmp_path


def pavg(*arguments):
    return run_to_end([sys.executable, "-m", "pavg", *map(str, arguments)], {})


def refused(done, *words):
    """The one message of a refused command, with all these words in it."""
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.count("pavg:") == 1, done.stderr
    for word in words:
        assert word in done.stderr
    return done.stderr


def refused_run(place, *options, words, out="results"):
    done = pavg("run", place / "run.toml", "--out", place / out, *options)
    refused(done, *words)
    assert not (place / "results").exists()
    stores = place / "stores"
    assert not stores.exists() or not [p for p in stores.iterdir() if p.suffix == ".tmp"]


def test_the_good_file_runs(place):
    done = pavg("run", place / "run.toml", "--out", place / "results")
    assert done.returncode == 0, done.stderr
    assert len(list((place / "results").rglob("*.h5"))) == 1


DATA = {
    "bad token": ("+1 1:0.5\n-1 two:1\n", ["data.txt, line 2", "two"]),
    "three labels": ("+1 1:1\n-1 2:1\n3 1:2\n2 1:1\n1 1:1\n", ["labels", "two"]),
    "few samples": ("+1 1:1\n-1 2:1\n", ["4", "2"]),
}


@pytest.mark.parametrize("case", DATA)
def test_data(place, case):
    text, words = DATA[case]
    (place / "data.txt").write_text(text)
    sharded = ["--set", "partition=iid"] if case == "few samples" else []
    refused_run(place, *sharded, words=words)


def test_a_truncated_compressed_file(place):
    whole = bz2.compress(ROWS.encode() * 100)
    (place / "data.txt.bz2").write_bytes(whole[: len(whole) // 2])
    refused_run(place, "--set", f"data.path={place / 'data.txt.bz2'}", words=["data.txt.bz2"])


OPTIONS = {
    "missing data": (["--set", "data.path=/nowhere/a9a"], ["/nowhere/a9a", "No such"]),
    "unknown key": (["--set", "stepsize=0.1"], ["stepsize", "unknown key", "step_size"]),
    "R > P": (["--set", "R=5"], ["R = 5", "P = 4"]),
    "R > ranks": (["--set", "R=3"], ["R = 3", "has 1"]),
    "no value": (["--set", "P"], ["key=value"]),
}


@pytest.mark.parametrize("case", OPTIONS)
def test_specification(place, case):
    options, words = OPTIONS[case]
    refused_run(place, *options, words=words)


def test_a_missing_specification(place):
    refused(pavg("run", place / "none.toml"), "none.toml", "benchmarks")


def test_a_specification_that_is_not_toml(place):
    (place / "run.toml").write_text("P = 4\nK = = 3\n")
    refused_run(place, words=["run.toml", "line 2"])


def test_an_output_folder_that_cannot_be_written(place):
    (place / "file").write_text("in the way")
    refused_run(place, words=["file", "cannot be written"], out="file/results")


def test_a_truncated_result_file(place):
    pavg("run", place / "run.toml", "--out", place / "results")
    [path] = (place / "results").rglob("*.h5")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    refused(pavg("show", path), path.name)
    again = pavg("run", place / "run.toml", "--out", place / "results")
    assert again.returncode == 0
    assert path.read_bytes() != whole[: len(whole) // 2]  # it was no result, and is run again
    assert pavg("show", path).returncode == 0


def test_a_file_that_is_no_result(place):
    with h5py.File(place / "other.h5", "w") as file:
        file["x"] = 1
    refused(pavg("show", place / "other.h5"), "other.h5", "not a result")


@pytest.mark.parametrize(
    "options", [["--set", "method.K=0"], ["--set", "data.path=/nowhere"], ["--set", "partition=iid"]]
)
def test_under_mpirun_one_rank_says_it(place, mpirun, options):
    (place / "data.txt").write_text("+1 1:1\n-1 2:1\n")
    done = mpirun(2, "-m", "pavg", "run", place / "run.toml", "--out", place / "results", *options)
    assert done.returncode != 0
    assert done.stderr.count("pavg:") == 1 and "Traceback" not in done.stderr
    assert not (place / "results").exists()
