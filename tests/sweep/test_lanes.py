"""Sweeps over step sizes as a user runs them: side by side, with a result a cell."""

import json
import re
import sys

import numpy as np
import pytest

from pavg.records.layout import VARIABLES
from pavg.records.reading import opened, summary
from tests.conftest import run_to_end

pytestmark = pytest.mark.mpirun

SWEEP = """
name = "s"
problem = "least-squares"
data = {name = "breast_cancer", scale = "standardize"}
measure = "losses"
P = 2
stop.steps = 400
method.name = "periodic"
[grid]
step_size = [0.01, 10.0, 0.002]
method.K = [8, "all"]
"""
PAUSED = '''
"""Run a sweep whose time is over, or that gets a signal, at tick 200; a lane has diverged by then."""
import sys
from pavg.cli import main
from pavg.comm import signals
from pavg.engine.observation import Observer

look, end = Observer.look, sys.argv.pop(1)

def paused(self, t):
    if t >= 200 and end == "timeout":
        self.care.timeout = -1.0
    elif t >= 200:
        signals._remember(10, None)
    return look(self, t)

Observer.look = paused
sys.argv[0] = "pavg"
main()
'''
FAILING = '''
"""Run a sweep in which learners fail with K = 8, once a lane has diverged."""
import sys
from pavg.cli import main
from pavg.learners import Learners

step = Learners.step

def failing(self, n):
    if self.spec.method.K == 8 and self.steps > 200:
        raise ArithmeticError("no way down")
    step(self, n)

Learners.step = failing
sys.argv[0] = "pavg"
main()
'''


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.toml").write_text(SWEEP)
    return tmp_path


def pavg(*arguments):
    return run_to_end([sys.executable, "-m", "pavg", *map(str, arguments)], {})


def results(place, out="results"):
    return {path.name: path for path in (place / out / "s").glob("*.h5")}


def statuses(place):
    return sorted(summary(path).attributes["status"] for path in results(place).values())


def same(one, other, rtol=1e-12):
    """All but times and what says where and when."""
    with opened(one) as a, opened(other) as b:
        assert (a.attrs["status"], a.attrs["run_id"]) == (b.attrs["status"], b.attrs["run_id"])
        for name in VARIABLES if a.attrs["status"] == "ok" else ():
            if name in a and VARIABLES[name][1] != "s" and "rank" not in VARIABLES[name][0]:
                np.testing.assert_allclose(a[name][:], b[name][:], rtol=rtol, atol=1e-14, err_msg=name)
    return True


def test_each_cell_has_the_result_that_it_has_alone(place):
    done = pavg("run", "s.toml", "-n", 2)
    assert done.returncode == 0 and "3 step sizes side by side" in done.stderr, done.stderr
    pavg("run", "s.toml", "--set", "lanes=1", "--out", "alone")
    lanes, alone = results(place), results(place, "alone")
    assert len(lanes) == 6 and lanes.keys() == alone.keys()
    assert all(same(lanes[name], alone[name]) for name in lanes)
    assert statuses(place) == ["diverged"] * 2 + ["ok"] * 4
    assert {int(summary(path).attributes["lanes"]) for path in lanes.values()} == {8}
    assert {int(summary(path).attributes["lanes"]) for path in alone.values()} == {1}
    assert "models side by side" in pavg("show", "results").stdout
    assert "side by side" not in pavg("show", "alone").stdout
    again = pavg("run", "s.toml")
    assert again.returncode == 0 and again.stderr.count("there already") == 6


def test_a_selection_runs_the_whole_group_and_results_that_are_there_stay(place):
    pavg("run", "s.toml", "--cells", "2", "--set", "lanes=1")
    [(name, path)] = results(place).items()
    kept = path.read_bytes()
    done = pavg("run", "s.toml", "--where", "step_size == 0.01 and K == 'all'")
    assert "3 of 6 cells" in done.stderr and {name[:9] for name in results(place)} == {
        "P002-K000",
        "P002-Kall",
    }
    assert len(results(place)) == 4
    assert pavg("run", "s.toml", "-n", 2).returncode == 0
    assert len(results(place)) == 6 and path.read_bytes() == kept


@pytest.mark.parametrize(
    "end, code, options", [("timeout", 3, ("--retry", "timeout")), ("interrupted", 75, ())]
)
def test_a_group_that_was_stopped_goes_on_whole_from_its_checkpoint(place, end, code, options):
    (place / "paused.py").write_text(PAUSED)
    first = run_to_end([sys.executable, "paused.py", end, "run", "s.toml", "--cells", "0"], {})
    assert first.returncode == code, first.stderr
    assert statuses(place) == ["diverged", end, end]
    [folder] = (place / "results" / "s" / ".checkpoints").iterdir()
    assert folder.name.endswith("+2")
    counts = json.loads(pavg("status", "s.toml", "--json").stdout)["counts"]
    assert (counts[end], counts["diverged"], counts["missing"]) == (2, 1, 3)
    if options:
        assert pavg("run", "s.toml", "--cells", "0").returncode == 3
    done = pavg("run", "s.toml", "-n", 2, *options)
    assert done.returncode == 0, done.stderr
    assert statuses(place) == ["diverged"] * 2 + ["ok"] * 4 and not folder.exists()
    attempts = [int(summary(path).attributes["attempts"]) for path in results(place).values()]
    assert sorted(attempts) == [1, 1, 1, 1, 2, 2]
    pavg("run", "s.toml", "-n", 2, "--out", "undisturbed")
    whole, other = results(place), results(place, "undisturbed")
    assert whole.keys() == other.keys() and all(same(whole[name], other[name]) for name in whole)


def test_a_failure_is_that_of_every_open_lane(place):
    (place / "failing.py").write_text(FAILING)
    done = run_to_end([sys.executable, "failing.py", "run", "s.toml"], {})
    assert done.returncode == 3 and "no way down" in done.stderr
    assert statuses(place) == ["diverged"] * 2 + ["failed"] * 2 + ["ok"] * 2
    assert pavg("run", "s.toml", "--retry", "failed").returncode == 0
    assert statuses(place) == ["diverged"] * 2 + ["ok"] * 4


def test_a_dry_run_and_jobs_count_groups(place):
    said = pavg("run", "s.toml", "-n", 2, "--dry-run").stdout
    assert "6 of 6 cells would run, in 2 passes" in said and re.search(r"0:5:2 .*\+2 ", said)
    plan = pavg("slurm", "s.toml", "--dry-run").stdout
    [line] = [line.split() for line in plan.splitlines() if line.startswith("P002.sbatch")]
    assert line[1:4] == ["6", "2", "2"]  # cells, ranks, elements


def test_the_time_that_is_left_counts_a_group_once(place):
    from pavg.sweep.status import Sweep

    pavg("run", "s.toml", "--cells", "1")
    status = Sweep("s.toml", "results").look()
    longest = max(cell.seconds for cell in status.cells if cell.status == "ok")
    assert 0 < status.remaining <= longest
