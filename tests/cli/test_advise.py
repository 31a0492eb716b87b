"""pavg advise as a user types it: advice, and the proof."""

import sys

import pytest

from pavg.bench import files
from pavg.bench.machine import Machine
from tests.conftest import run_to_end
from tests.machine.test_model import rows

pytestmark = pytest.mark.mpirun
SPEC = """
name = "which"
P = 2
step_size = 0.05
batch_size = 4
method = {name = "periodic", K = 1}
stop.steps = 8192
problem = {name = "logistic", l2 = 1e-3}
data = {name = "breast_cancer", scale = "standardize"}
"""


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    """A machine's file, as `pavg bench machine` writes one."""
    folder = tmp_path_factory.mktemp("machine")
    return files.write(folder, "machine", {"ranks": 2, "hosts": 1}, Machine.columns, list(rows()))


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "which.toml").write_text(SPEC)
    return tmp_path


def pavg(*arguments):
    return run_to_end([sys.executable, "-m", "pavg", *map(str, arguments)], {})


def test_advice_is_given_and_verified(place, machine):
    words = ("advise", "which.toml", "--target-loss", 0.1, "--machine", machine)
    done = pavg(*words, "-n", 2, "--verify", 2, "--figure", "which.svg")
    assert done.returncode == 0, done.stderr
    assert "advice: K = " in done.stdout and "if P were 4: " in done.stdout
    assert "in full, 2 seeds by turns:" in done.stdout and "regret of K = " in done.stdout
    results = list((place / "results" / "which").glob("P002-*.h5"))
    assert len(results) in (8, 12)  # the best K and one or two neighbours: looked at, and timed
    assert (place / "which.svg").read_text().count("<svg") == 1
    again = pavg(*words)  # on one rank
    said = [line for line in done.stdout.splitlines() if line.startswith("advice: ")]
    assert said == [line for line in again.stdout.splitlines() if line.startswith("advice: ")]


def test_each_run_of_a_grid_is_advised_on_and_K_makes_none(place, machine):
    (place / "results" / "bench").mkdir(parents=True)
    (place / "results" / "bench" / "machine-R2-1.bench.h5").write_bytes(machine.read_bytes())  # the last one
    grid = ["--P", 2, "--P", 8, "--set", "grid.method.K=[1,4]"]
    done = pavg("advise", "which.toml", "--target-loss", 0.1, *grid)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("advice: K = ") == 2 and "which: P = 8" in done.stdout
    assert "soonest of all: P = " in done.stdout


def test_it_is_said_whether_theory_was_asked(place, machine, monkeypatch):
    monkeypatch.setenv("PAVG_DATA", str(place / "stores"))
    words = ("advise", "which.toml", "--target-loss", 0.1, "--machine", machine)
    assert "L is not known" in pavg(*words).stdout
    assert pavg("estimate", "constants", "which.toml").returncode == 0
    assert "L is not known" not in pavg(*words).stdout


def test_what_pilots_do_not_tend_to_is_not_known(place, machine):
    done = pavg("advise", "which.toml", "--target-loss", 0.0, "--machine", machine)
    assert done.returncode == 3 and "don't know: the pilots do not tend to the loss" in done.stdout


def test_without_a_machine_it_is_said_how_one_is_made(place):
    done = pavg("advise", "which.toml", "--target-loss", 0.1)
    assert done.returncode == 2 and "results/bench: no machine's file; expected --machine FILE" in done.stderr


@pytest.mark.parametrize(
    "words, message",
    [
        (["--machine", "none.h5"], "none.h5: no such file"),
        (["--machine", "which.toml"], "which.toml: not a whole machine's file"),
        (["--verify", "2", "--P", "2", "--P", "4"], "--verify: which.toml has 2 runs; expected one"),
        (["--figure", "a.doc"], "--figure a.doc: expected a name that ends in"),
        (["--verify", "2"], "--verify: 1 ranks; seconds need one for each of P = 2 learners"),
        (["-n", "4"], "4 ranks for P = 2 learners"),
    ],
)
def test_bad_input_is_said_in_one_line(place, machine, words, message):
    done = pavg("advise", "which.toml", "--target-loss", 0.1, "--machine", machine, *words)
    assert done.returncode == 2 and message in done.stderr and "Traceback" not in done.stderr
