"""The wheel has all that pavg needs: installed elsewhere, without the checkout, it runs."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ("setup.cfg", "pyproject.toml", "README.md", "LICENSE", "pavg", "benchmarks", "jobs")


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder in which the wheel is installed."""
    made = tmp_path_factory.mktemp("packaging")
    source = made / "source"
    source.mkdir()
    for name in SOURCES:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, source / name)
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    options = ["--no-deps", "--no-index"]
    subprocess.run([*pip, "wheel", *options, "--no-build-isolation", "-w", made, source], check=True)
    (wheel,) = made.glob("pavg-*.whl")
    subprocess.run([*pip, "install", *options, "--target", made / "installed", wheel], check=True)
    return made / "installed"


def python(installed, *arguments):
    """Python that sees the wheel and its dependencies; -S hides the checkout, which a .pth file brings in."""
    path = os.pathsep.join([str(installed), *{sysconfig.get_path(name) for name in ("purelib", "platlib")}])
    done = subprocess.run(
        [sys.executable, "-S", *arguments],
        env=os.environ | {"PYTHONPATH": path},
        cwd=installed,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_wheel_and_not_the_checkout_is_imported(installed):
    assert Path(python(installed, "-c", "import pavg; print(pavg.__file__)").strip()).is_relative_to(
        installed
    )


def test_every_module_is_in_it(installed):
    def modules(folder):
        return {str(file.relative_to(folder)) for file in folder.rglob("*.py")}

    assert modules(ROOT / "pavg") <= modules(installed / "pavg")


def test_it_brings_its_benchmarks(installed):
    assert "quickstart" in python(installed, "-m", "pavg", "list", "benchmarks")
    packed = {
        str(file.relative_to(installed / "pavg"))
        for file in (installed / "pavg" / "benchmarks").rglob("*.toml")
    }
    assert packed == {str(file.relative_to(ROOT)) for file in (ROOT / "benchmarks").rglob("*.toml")}


def test_it_brings_its_catalogue(installed):
    assert (installed / "pavg" / "data" / "catalogue.toml").read_bytes() == (
        ROOT / "pavg" / "data" / "catalogue.toml"
    ).read_bytes()


def test_it_brings_its_templates_and_licence(installed):
    for template in [*ROOT.glob("jobs/*.sbatch"), *ROOT.glob("jobs/*.sh")]:
        assert (installed / "pavg" / "jobs" / template.name).read_bytes() == template.read_bytes()
    python(installed, "-m", "pavg", "slurm", "quickstart", "--jobs", str(installed / "jobs-quickstart"))
    assert list(installed.glob("pavg-*.dist-info/**/LICENSE"))


def test_its_problems_and_methods_are_found(installed):
    assert "double-well" in python(installed, "-m", "pavg", "list", "problems")
    assert "periodic" in python(installed, "-m", "pavg", "list", "methods")
