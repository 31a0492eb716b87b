"""pavg reproduce: what can be run is run, the rest is said, and the page has both."""

import json
import subprocess
import sys

import pytest

from pavg.cli import reproduce
from pavg.report.claims import Claim, ratio
from pavg.report.paper import TUNED, Experiment, Paper, Runs
from pavg.report.papers import zhang2016

CONVEX = ("stop.steps=512", "evaluate.every=64", "grid.step_size=[0.05, 0.0001]", "grid.seed=[0, 1]")


def runs_of(folder):
    return Runs.read(folder).table


def faster(runs):
    a, b = (runs.where(f"P == 8 and K == {K}")["rounds"] for K in (16, 128))
    return ratio(a, b, more_than=7.9)


PAPER = Paper(
    name="quickstart",
    title="Small",
    source="Nobody",
    experiments=(
        Experiment("wells", "double_well", "Two optima.", reduced=("stop.steps=64",)),
        Experiment("convex", "convex", "One.", reduced=CONVEX, tuned="7:9", target=0.5),
        Experiment("absent", "convex", "None.", data=("absent*.csv",)),
        Experiment("part", "convex", "None.", data=("absent.csv",), part=("smaller.csv",)),
        Experiment("ranks", "double_well", "Two.", reduced=("stop.steps=64",), ranks=2),
    ),
    sections=(("1", (), (Claim("1", "8 times the rounds", "8", ("convex" + TUNED,), faster),)),),
)


@pytest.fixture
def told(tmp_path, monkeypatch, capfd):
    """(folder, what was printed) of a small paper that was run, and then run again."""
    monkeypatch.setattr(zhang2016, "PAPER", PAPER)
    words = ["zhang2016", "-n1", "--out", str(tmp_path), "--data", str(tmp_path)]
    assert reproduce.command.main(words, standalone_mode=False) == 0
    first = capfd.readouterr()
    assert reproduce.command.main(words, standalone_mode=False) == 0
    return tmp_path / "reduced", first.out, capfd.readouterr().err


def test_experiments_are_run_once_and_tuned_step_sizes_on_other_seeds(told):
    folder, printed, again = told
    assert len(runs_of(folder / "wells")) == 5
    grid, tuned = runs_of(folder / "convex"), runs_of(folder / f"convex{TUNED}")
    assert set(grid["seed"]) == {0, 1} and set(grid["gamma"]) == {0.05, 0.0001}
    assert set(tuned["seed"]) == {7, 8} and set(tuned["gamma"]) == {0.05}
    assert len(tuned) == 2 * 5
    assert "absent*.csv is not there (--data FOLDER)" in printed
    assert "smaller.csv is not there" in printed  # of the reduced size
    assert set(runs_of(folder / "ranks")["R"]) == {1, 2}  # whatever -n says
    assert " ok (" not in again  # nothing was run again
    (claim,) = json.loads((folder / "claims.json").read_text())
    assert claim["verdict"] == "agrees" and claim["measured"].startswith("8 times (8 … 8)")


def test_an_unknown_experiment_is_refused_with_those_that_there_are(tmp_path):
    command = [sys.executable, "-m", "pavg", "reproduce", "zhang2016", "--out", tmp_path, "--only", "a8a"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert "no experiment of zhang2016" in done.stderr and "a9a" in done.stderr
