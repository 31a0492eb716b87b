"""pavg estimate as a user types it, and a run that is measured against what it kept."""

import re
import sys

import numpy as np
import pytest
import xarray

from tests.conftest import run_to_end

pytestmark = pytest.mark.mpirun
SPEC = """
name = "near"
data = {name = "breast_cancer", scale = "standardize"}
evaluate.optimum = "stored"
P = 2
step_size = 0.05
method.name = "periodic"
stop.steps = 300
measure = "losses"
problem = {name = "logistic", l2 = 1e-3}
grid.method.K = [1, 10]
"""


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PAVG_DATA", str(tmp_path / "stores"))
    (tmp_path / "near.toml").write_text(SPEC)
    return tmp_path


def pavg(*arguments):
    return run_to_end([sys.executable, "-m", "pavg", *map(str, arguments)], {})


def test_an_optimum_is_kept_and_runs_are_measured_against_it(place):
    before = pavg("run", "near.toml")
    assert before.returncode == 2 and before.stderr.count("pavg estimate optimum") == 1
    assert not list(place.glob("results/near/*.h5"))
    done = pavg("estimate", "optimum", "near.toml", "-n", 2)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("logistic on breast_cancer: f* = ") == 1  # one objective, though two cells
    f = float(done.stdout.split("f* = ")[1].split(",")[0])
    run = pavg("run", "near.toml")
    assert run.returncode == 0, run.stderr
    for file in place.glob("results/near/*.h5"):
        with xarray.open_dataset(file) as data:
            assert data.attrs["optimum"] == pytest.approx(f, rel=1e-14)
            expected = (data.loss - f) / (data.loss[0] - f)
            np.testing.assert_allclose(data.suboptimality, expected, rtol=1e-9)
            assert 0 < data.suboptimality[-1] < 0.2


def test_the_variance_is_that_around_the_optimum_that_is_kept_or_found_before(place):
    done = pavg("estimate", "variance", "near.toml", "-n", 2, "--error", 0.2)
    assert done.returncode == 0, done.stderr
    assert len(list(place.glob("stores/*.optimum.h5"))) == 1
    rho = r"ρ: printed [\d.]+, ratio [\d.]+\n"  # of logistic regression there is no largest
    said = rf"logistic on breast_cancer: σ² = .*\n    mean curvature .*, 16 lines\).*\n    {rho}    (.*)\n"
    place_kept = re.fullmatch(said, done.stdout)[1]
    assert [str(path) for path in place.glob("stores/*.variance.h5")] == [place_kept]
    assert done.stderr.splitlines()[-2:] == ["optimum: passes over the rows", "lines through w*"]
    again = pavg("estimate", "variance", "near.toml", "--error", 0.2)
    assert again.stdout == done.stdout


def test_constants_are_a_table_and_kept(place):
    done = pavg("estimate", "constants", "near.toml", "-n", 2, "--set", "batch_size=8")
    assert done.returncode == 0, done.stderr
    first, *rows, kept = done.stdout.splitlines()
    assert re.fullmatch(r"logistic on breast_cancer: 9 points, up to ‖w − w1‖ = [\d.]+", first)
    number = r"[\d.e-]+"
    for row, expected in zip(
        rows,
        [rf"F\(w1\) − F\*  {number}", rf"L +{number}  .*", rf"c +0\.001 … {number}  .*"]
        + [rf"M +{number} … 30  .* at w\*", rf"M/B +{number} … 3\.75  .*of 8", rf"G² +{number}  .*of 8.*"]
        + ["ρ +not kept: pavg estimate variance"],
        strict=True,
    ):
        assert re.fullmatch(rf"    {expected}", row), row
    assert [str(path) for path in place.glob("stores/*.constants.h5")] == [kept.strip()]
    assert len(list(place.glob("stores/*.optimum.h5"))) == 1  # found on the way
    assert pavg("estimate", "variance", "near.toml").returncode == 0
    again = pavg("estimate", "constants", "near.toml", "--set", "batch_size=8")
    assert again.stdout.splitlines()[:7] == [first, *rows[:-1]]
    assert re.fullmatch(r"    ρ +printed [\d.]+, ratio [\d.]+", again.stdout.splitlines()[7])


def test_where_classes_can_be_told_apart_it_says_so(place):
    (place / "apart").write_text("1 1:1\n1 1:2\n-1 1:-1\n-1 1:-3\n")
    change = ("--set", 'problem = "logistic"', "--set", f'data = {{path = "{place}/apart"}}')
    done = pavg("estimate", "optimum", "near.toml", *change)
    assert done.returncode == 2
    said = "pavg: no optimum: a linear model tells all classes apart, so F falls for ever; expected l2 > 0"
    assert done.stderr.splitlines()[-1] == said
    assert not list(place.glob("stores/*.optimum.h5"))


def test_what_a_problem_knows_is_not_looked_for(place):
    (place / "well.toml").write_text(
        'problem = "double-well"\nP = 1\nstep_size = 1\nmethod = {name = "periodic", K = 1}\nstop.steps = 1\n'
    )
    done = pavg("estimate", "optimum", "well.toml")
    assert (done.returncode, done.stdout) == (0, "double-well: f* = 0, known; nothing to keep\n")


def test_a_sweep_that_cannot_be_read_is_one_message(place):
    done = pavg("estimate", "optimum", "none.toml")
    assert done.returncode == 2 and done.stderr.startswith("pavg: none.toml") and done.stderr.count("\n") == 1
