"""tests/plugin, the package that docs/extending.md shows: it installs, runs, and has kernels of its own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pavg.records.reading import find, opened

HERE = Path(__file__).resolve().parent
SPEC = """
step_size = 1e-3
P = 4
stop.steps = 4000

[problem]
name = "rosenbrock"
sigma = 5.0

[method]
name = "doubling"
first = 3
"""


@pytest.fixture(scope="module")
def plugin(tmp_path_factory):
    """The package, installed in a folder of its own."""
    made = tmp_path_factory.mktemp("plugin")
    source = shutil.copytree(HERE / "plugin", made / "source")
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--target", made / "installed"]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, source], check=True)
    return made / "installed"


@pytest.fixture(scope="module")
def there(plugin, tmp_path_factory):
    """Environment variables with which Python finds the package, and keeps kernels apart from others."""
    return {"PYTHONPATH": str(plugin), "NUMBA_CACHE_DIR": str(tmp_path_factory.mktemp("cache"))}


def python(there, *arguments):
    done = subprocess.run(
        [sys.executable, *arguments], env=os.environ | there, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def spec(tmp_path):
    file = tmp_path / "valley.toml"
    file.write_text(SPEC)
    return str(file)


def result(out):
    """(attributes, ticks, losses, combinations) of the one result under a folder."""
    (path,) = find([out])
    with opened(path) as file:
        return dict(file.attrs), file["ticks"][:], file["loss"][:], file["rounds"][:]


def test_its_problem_and_method_run(there, spec, tmp_path):
    python(there, "-m", "pavg", "run", spec, "--out", str(tmp_path / "out"))
    attributes, ticks, losses, rounds = result(tmp_path / "out")
    assert attributes["problem"] == "rosenbrock" and attributes["label"] == "doubling3"
    assert losses[0] == 4.0 and losses[-1] < 0.1
    assert ticks[-1] == 4000 and rounds[-1] == 12  # after 3, 6, … 3 · 2¹⁰, and at the end


def test_they_are_listed_with_their_parameters(there):
    assert "first=1" in python(there, "-m", "pavg", "list", "methods")
    assert "rosenbrock" in python(there, "-m", "pavg", "list", "problems")


@pytest.mark.mpirun
def test_losses_do_not_depend_on_the_number_of_ranks(mpirun, there, spec, tmp_path):
    losses = []
    for ranks in (1, 4):
        done = mpirun(ranks, "-m", "pavg", "run", spec, "--out", tmp_path / str(ranks), env=there)
        assert done.returncode == 0, done.stderr
        losses.append(result(tmp_path / str(ranks))[2])
    assert losses[0] == pytest.approx(losses[1], rel=1e-10)


def test_an_edited_kernel_is_compiled_anew(plugin, there, spec, tmp_path):
    edited = shutil.copytree(plugin, tmp_path / "edited")
    file = edited / "pavg_example" / "rosenbrock.py"
    folder = "from pavg.kernels import cache; print(cache.folder())"
    before = python(there, "-c", folder)
    python(there, "-m", "pavg", "run", spec, "--out", str(tmp_path / "before"))
    file.write_text(file.read_text().replace("return (1 - W[l, 0]) ** 2", "return 7 + (1 - W[l, 0]) ** 2"))
    there = there | {"PYTHONPATH": str(edited)}
    assert python(there, "-c", folder) != before
    python(there, "-m", "pavg", "run", spec, "--out", str(tmp_path / "after"))
    _, _, old, _ = result(tmp_path / "before")
    _, _, new, _ = result(tmp_path / "after")
    assert new == pytest.approx(old + 7)


def test_the_documentation_shows_these_files():
    text = (HERE.parent / "docs" / "extending.md").read_text()
    shown = [file for file in (HERE / "plugin").rglob("*") if file.suffix in (".py", ".cfg", ".toml")]
    assert all(file.read_text() in text for file in shown if file.name != "__init__.py")
    assert SPEC.strip() in text
    assert all(len(file.read_text().splitlines()) < 40 for file in shown)
