"""The scripts of benchmarks/micro, by which docs measure, still run: here with little to do."""

import sys
from pathlib import Path

import pytest

from tests.conftest import mpi_named, run_to_end

MICRO = Path(__file__).resolve().parent.parent.parent / "benchmarks" / "micro"
SMALL = """
problem = "double-well"
method.name = "periodic"
step_size = 0.01
stop.steps = 64
P = 2
seed = 0
[grid]
method.K = [4, 8, 16]
"""


@pytest.mark.mpirun
@pytest.mark.parametrize(
    "arguments, said",
    (
        (["compare_power.py", "trials.json", "--trials=1", "--share=0.06"], "a cell that does a tenth more"),
        (["compare_level.py", "--cells=100"], "false tables of 100"),
        (["overhead.py", "2", "small.toml"], "3 cells on 2 ranks"),
        (["status.py", "20"], "20 cells"),
    ),
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_a_script_that_docs_name_prints_what_it_measures(arguments, said, tmp_path, monkeypatch):
    mpi_named("default")
    monkeypatch.chdir(tmp_path)
    Path("small.toml").write_text(SMALL)
    done = run_to_end([sys.executable, str(MICRO / arguments[0]), *arguments[1:]], {}, 300)
    assert done.returncode == 0, done.stderr
    assert said in done.stdout
