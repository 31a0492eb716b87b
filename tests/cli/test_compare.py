"""pavg run --against and pavg compare, as a user types them."""

import re
import sys
from pathlib import Path
from types import SimpleNamespace

import h5py
import pytest

from pavg.cli import compare
from pavg.records.reading import summary
from tests.conftest import run_to_end

pytestmark = pytest.mark.mpirun

SWEEP = """
problem = "logistic"
data = {name = "breast_cancer", scale = "standardize"}
P = 2
step_size = 0.05
stop.steps = 20_000
evaluate.at = [64]
method.name = "periodic"
grid.method.K = [16, 256]
"""


def pavg(*arguments):
    return run_to_end([sys.executable, "-m", "pavg", *map(str, arguments)], {})


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with results of A.toml and B.toml, which say the same: seven repetitions by turns."""
    folder = tmp_path_factory.mktemp("turns")
    for side in "AB":
        (folder / f"{side}.toml").write_text(SWEEP)
    sweeps = folder / "A.toml", "--against", folder / "B.toml"
    made = pavg("run", *sweeps, "--repeat", 7, "-n", 2, "--out", folder)
    assert made.returncode == 0, made.stderr
    return folder


def results(folder):
    return [summary(path) for path in sorted(Path(folder).glob("*.h5"))]


def rows(done):
    """The first two columns of the table."""
    return [line.split()[:2] for line in done.stdout.splitlines() if line.startswith("P002-")]


def test_runs_that_take_turns_have_the_losses_of_runs_alone(place, tmp_path):
    assert pavg("run", place / "A.toml", "-n", 2, "--out", tmp_path).returncode == 0
    alone = {run.attributes["label"]: run for run in results(tmp_path / "A")}
    for side in "AB":
        runs = results(place / side)
        assert len(runs) == 14 and {run.attributes["turn"] for run in runs} == {0.001}
        for run in runs:
            its = alone[run.attributes["label"]]
            assert its.attributes["turn"] == 0
            assert run.last["loss"] == its.last["loss"] and run.last["rounds"] == its.last["rounds"]


def test_each_pair_is_made_before_the_next(place):
    runs = [run.attributes for side in "AB" for run in results(place / side)]
    made = sorted((run["date"], run["repetition"], run["label"]) for run in runs)
    assert all(one[1:] == other[1:] for one, other in zip(made[::2], made[1::2], strict=True))


def test_the_same_command_goes_on_with_the_pairs_that_are_missing(place):
    for side in "AB":
        for path in (place / side).glob("*-r6-*"):
            path.unlink()
    sweeps = place / "A.toml", "--against", place / "B.toml"
    again = pavg("run", *sweeps, "--repeat", 7, "-n", 2, "--out", place)
    assert again.returncode == 0 and again.stderr.count("there already") == 24
    assert f"pavg compare {place / 'A'} {place / 'B'}\n" in again.stdout
    assert {run.attributes["turn"] for run in results(place / "B")} == {0.001}


def test_a_table_with_a_verdict_a_cell(place):
    done = pavg("compare", place / "A", place / "B", "--margin", 0.9)
    assert rows(done) == [["P002-K0016-s0-R2", "7"], ["P002-K0256-s0-R2", "7"]]
    assert done.stdout.count(" equal") == 2 and done.returncode in (0, 4)
    assert "nothing that results tell differs between them" in done.stdout
    assert "all 2 intervals hold together" in done.stdout and "not made by turns" not in done.stdout


def test_what_does_other_work_is_not_compared_and_the_code_says_so(place, tmp_path):
    K16, K256 = (tmp_path / name for name in ("K16", "K256"))
    for folder, label in ((K16, "K0016"), (K256, "K0256")):
        folder.mkdir()
        for path in (place / "A").glob(f"*{label}*"):
            (folder / path.name).write_bytes(path.read_bytes())
    done = pavg("compare", K16, K256)
    assert done.returncode == 5 and "not compared: other work: rounds 1250, 79" in done.stdout
    assert "K: 16 → 256" in done.stdout and "hold together" not in done.stdout
    files = pavg("compare", place / "A.toml", place / "B.toml")
    assert files.returncode == 2 and "A.toml: a specification; expected its results" in files.stderr
    some = pavg("compare", place / "A", K16)
    assert some.returncode == 5 and "only in A: 1 cell: P002-K0256-s0-R2" in some.stderr


def test_a_cell_that_takes_longer_gives_the_code_for_worse(place, tmp_path):
    for path in (place / "A").glob("*.h5"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
        with h5py.File(tmp_path / path.name, "r+") as file:
            file["time_wall"][-1] *= 2
    done = pavg("compare", place / "A", tmp_path)
    assert done.returncode == 4 and re.search(r"2\.000 .* worse", done.stdout) and "2 worse" in done.stdout
    assert pavg("compare", tmp_path, place / "A").returncode == 0


@pytest.mark.parametrize(
    "other, complaint",
    [
        (SWEEP + "grid.seed = [0, 1]", "2 cells and 4; expected as many in both files"),
        ('name = "A"\n' + SWEEP, "name = 'A' in both files; expected two names"),
        (SWEEP.replace("P = 2", "P = 3"), "cell 0: P = 2 and 3; expected the same in both files"),
        ('measure = "losses"\n' + SWEEP, "cell 0: measure = 'losses'"),
    ],
)
def test_files_whose_cells_do_not_pair_are_refused_before_anything_runs(tmp_path, other, complaint):
    (tmp_path / "A.toml").write_text(SWEEP)
    (tmp_path / "B.toml").write_text(other)
    done = pavg("run", tmp_path / "A.toml", "--against", tmp_path / "B.toml", "--out", tmp_path)
    assert done.returncode == 2 and complaint in done.stderr and not list(tmp_path.rglob("*.h5"))


@pytest.mark.parametrize(
    "apart, said", [(None, ""), (0, "equal"), (0.0, "equal"), (1.23e-7, "± 1e-07"), (float("nan"), "± nan")]
)
def test_losses_are_equal_or_so_far_apart(apart, said):
    assert compare._losses(apart) == said


@pytest.mark.parametrize(
    "count, n, said",
    [
        (None, 1, "1 repetition has no spread"),
        (40, 1, "1 repetition has no spread"),
        (None, 2, "more repetitions"),
        (1200, 2, "1,200 repetitions would"),
    ],
)
def test_what_would_tell_is_said_where_it_is_known(count, n, said):
    assert compare._enough(count, n) == said


def test_what_was_left_out_is_told_for_each_side():
    names = [f"c{k}" for k in range(6)]
    alone = {"A": names, "B": names[:5]}
    found = SimpleNamespace(pairing=SimpleNamespace(alone=alone, left_out=["x.h5: not a whole result file"]))
    assert [*compare._left_out(found)] == [
        "only in A: 6 cells: c0, c1, c2, c3, c4, …",
        "only in B: 5 cells: c0, c1, c2, c3, c4",
        "left out: x.h5: not a whole result file",
    ]
    alone |= {"A": [], "B": names[:1]}
    assert [*compare._left_out(found)][:-1] == ["only in B: 1 cell: c0"]


@pytest.mark.parametrize("worse, whole, code", [(1, True, 4), (1, False, 4), (0, True, 0), (0, False, 5)])
def test_the_code_tells_first_of_what_is_worse_then_of_what_was_not_compared(monkeypatch, worse, whole, code):
    from pavg.report import comparison

    found = SimpleNamespace(worse=["cell"] * worse, whole=whole)
    monkeypatch.setattr(comparison, "compare", lambda *asked: found)
    monkeypatch.setattr(compare, "_show", lambda *shown: None)
    assert compare.command.main(["a", "b"], standalone_mode=False) == code


def test_turns_and_cells_side_by_side_exclude_each_other():
    done = pavg("run", "A.toml", "--against", "B.toml", "--side-by-side")
    assert done.returncode == 2 and "--against and --side-by-side" in done.stderr


def test_whole_jobs_take_turns_as_the_documentation_has_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sweep.toml").write_text(SWEEP)
    for side, variable in (("old", "PAVG_ROUNDS=reference"), ("new", "PAVG_ROUNDS=")):
        program = tmp_path / side / "bin" / "pavg"
        program.parent.mkdir(parents=True)
        program.write_text(f'#!/bin/sh\n{variable} exec {sys.executable} -m pavg "$@"\n')
        program.chmod(0o755)
    docs = (Path(__file__).resolve().parents[2] / "docs" / "compare.md").read_text()
    [shown] = re.findall(r"```bash\n(for .*?\ndone)\n", docs, re.S)
    done = run_to_end(["bash", "-c", shown.replace("0 9", "0 1")], {})
    assert done.returncode == 0, done.stderr
    compared = pavg("compare", "results/old", "results/new")
    assert "loop: python → compiled" in compared.stdout and "not made by turns" not in compared.stdout
    assert rows(compared) == [["P002-K0016-s0-R2", "2"], ["P002-K0256-s0-R2", "2"]]
