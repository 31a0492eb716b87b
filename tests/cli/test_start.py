"""How a run starts: what it imports, what it compiles, and what it says of that."""

import sys

import pytest

from pavg.records.reading import opened
from tests.conftest import run_to_end

pytestmark = pytest.mark.mpirun

LINEAR = """
P = 2
step_size = 0.1
stop.steps = 50
problem = "logistic"
method = {name = "periodic", K = 5}
data = {name = "breast_cancer", scale = "standardize"}
"""
GENERAL = """
P = 2
step_size = 0.1
stop.steps = 50
problem = "double-well"
method = {name = "periodic", K = 5}
"""


def run(folder, text, *options, **variables):
    """(Result file, what was written to standard error) of one run."""
    spec = folder / "one.toml"
    spec.write_text(text)
    command = [sys.executable, *options, "-m", "pavg", "run", str(spec), "--out", str(folder / "out")]
    done = run_to_end(command, variables, timeout=200)
    assert done.returncode == 0, done.stderr
    return max((folder / "out" / "one").glob("*.h5"), key=lambda path: path.stat().st_mtime), done.stderr


def test_what_converts_samples_is_not_imported_where_they_are_converted_already(tmp_path):
    run(tmp_path, LINEAR)
    _, said = run(tmp_path, "seed = 1" + LINEAR, "-X", "importtime")
    imported = {line.split("|")[-1].strip() for line in said.splitlines() if line.startswith("import time:")}
    assert {"pavg.learners", "pavg.kernels.linear", "pavg.data.conversion"} <= imported
    assert not {"sklearn", "scipy.special", "scipy.sparse", "ssl"} & imported


def test_seconds_of_compiling_are_said_and_recorded_and_no_training_time(tmp_path):
    cache = str(tmp_path / "kernels")
    seconds = []
    for seed in (0, 1):
        file, said = run(tmp_path, f"seed = {seed}" + GENERAL, NUMBA_CACHE_DIR=cache)
        with opened(file) as found:
            seconds.append(found["compile_time"][:].max())
            assert found["time_wall"][-1] < seconds[-1]
        assert ("for compiling kernels" in said) == (seconds[-1] > 2.0)
    assert seconds[0] > seconds[1]  # the second run finds them


def test_a_problem_of_two_functions_compiles_nothing_before_it_is_run(tmp_path):
    text = "from pavg.problems.pca import PCA; import os, pathlib; from pavg.kernels import cache; "
    text += "print(*pathlib.Path(os.environ['NUMBA_CACHE_DIR']).rglob('*.nbi'))"
    done = run_to_end([sys.executable, "-c", text], {"NUMBA_CACHE_DIR": str(tmp_path)})
    assert done.stdout.strip() == "", done.stderr
