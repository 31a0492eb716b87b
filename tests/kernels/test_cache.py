"""The cache of compiled kernels: a second process loads, an edit in any file is seen."""

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numba
import pytest

import pavg
from pavg.kernels import cache

# prints: the slope of `add_gradient` at x = 1, y = 0, w = 1; cache hits, for samples of two types; folders
# of package and cache
PROGRAM = """
import os, sys
import pavg.kernels
if len(sys.argv) > 1:  # numba alone: it looks in this folder, whatever the sources say
    import numba
    os.environ["NUMBA_CACHE_DIR"] = numba.config.CACHE_DIR = sys.argv[1]
import numpy as np
from pavg.kernels import linear
for dtype in (np.float64, np.float32):
    samples = np.ones((1, 16), dtype), np.empty(0, np.uint32), np.empty(0, np.int64), np.zeros(1)
    W, G = np.ones((1, 8)), np.zeros((1, 8))
    linear.add_gradient(samples, (0, 1, 0.0, 0), W, 0, 1, G)
hits = sum(linear.add_gradient.stats.cache_hits.values())
print(G[0, 0], hits, os.path.dirname(pavg.__file__), os.environ["NUMBA_CACHE_DIR"], sep="\\n")
"""


@pytest.fixture(scope="module")
def copied(tmp_path_factory):
    """A copy of the package, which may be edited, in a folder of its own."""
    folder = tmp_path_factory.mktemp("copy")
    shutil.copytree(Path(pavg.__file__).parent, folder / "pavg", ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def ran(folder, *arguments):
    """(slope, cache hits, cache folder) of PROGRAM with the copy in `folder`."""
    variables = {
        "PYTHONPATH": str(folder),
        "NUMBA_CACHE_DIR": str(folder / "cache"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        env=os.environ | variables,
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
        timeout=200,
    )
    slope, hits, package, cached = run.stdout.splitlines()
    assert Path(package) == folder / "pavg", "not the copy"
    return float(slope), int(hits), cached


def test_a_second_process_loads_and_one_after_an_edit_of_a_callee_compiles(copied):
    slope, hits, before = ran(copied)
    assert (slope, hits) == (1.0, 0)
    assert ran(copied) == (1.0, 2, before)

    callee = copied / "pavg" / "kernels" / "losses.py"
    text = callee.read_text()
    assert text.count("return z - y\n") == 1
    callee.write_text(text.replace("return z - y\n", "return 3.0 * (z - y)\n"))
    slope, hits, after = ran(copied)
    assert (slope, hits) == (3.0, 0) and after != before

    slope, hits, _ = ran(copied, before)
    assert (slope, hits) == (1.0, 2), (
        "numba alone sees edits of callees now: is the folder's hash still needed?"
    )

    callee.write_text(text)  # back again: what was compiled first still serves
    assert ran(copied) == (1.0, 2, before)


COMPILED = re.compile(r"njit|inlined|overload|intrinsic|(gradient|loss)_function")


def used_by_compiled_code(package):
    """The files of a package from which its compiled functions import something: functions, numbers."""
    found = set()
    for file in package.rglob("*.py"):
        tree, names = ast.parse(file.read_text()), set()
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and COMPILED.search(
                " ".join(map(ast.unparse, node.decorator_list))
            ):
                names |= {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module.startswith("pavg"):
                where = package.parent.joinpath(*node.module.split("."))
                for name in {alias.asname or alias.name for alias in node.names} & names:
                    module = where / f"{name}.py"
                    found.add(module if module.exists() else where.with_suffix(".py"))
    return {file.relative_to(package).as_posix() for file in found}


def test_the_folder_is_named_by_the_sources(copied, monkeypatch):
    monkeypatch.setattr(cache, "__file__", str(copied / "pavg" / "kernels" / "cache.py"))
    names = {file.relative_to(copied / "pavg").as_posix() for file in cache.sources()}
    assert {"kernels/losses.py", "problems/double_well.py"} <= names
    assert used_by_compiled_code(copied / "pavg") <= names
    seen = {cache.folder()}
    for name in sorted(names):
        with open(copied / "pavg" / name, "a") as file:
            file.write("# edited\n")
        seen.add(cache.folder())
    assert len(seen) == len(names) + 1


def test_the_folder_is_another_for_another_numba_or_processor(monkeypatch):
    seen = {cache.folder()}
    with monkeypatch.context() as patched:
        patched.setattr(numba, "__version__", "0.0.1")
        seen.add(cache.folder())
    with monkeypatch.context() as patched:
        patched.setattr("llvmlite.binding.get_host_cpu_name", lambda: "abacus")
        seen.add(cache.folder())
    assert len(seen) == 3


def test_a_folder_from_outside_holds_ours_and_a_child_process_finds_the_same(monkeypatch, tmp_path):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    ours = cache.folder()
    assert ours.parent == tmp_path
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(ours))  # what `install` leaves to children
    assert cache.folder() == ours


def test_a_cache_that_cannot_be_written_lies_among_temporary_files(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "file" / "cache"))
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    assert cache.folder().parent.parent == tmp_path
