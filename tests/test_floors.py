"""The house: a file imports from lower floors, or within its own room; COMM_WORLD is named in pavg/cli only.

The ground floor, which handles strings and numbers only, is one room. docs/architecture.md draws the house.
"""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent / "pavg"
HOUSE = ROOT.parent / "docs" / "architecture.md"
LONGEST = 300  # lines of a file


def floors(page):
    """Room → floor, as the page draws them."""
    found, floor = {}, None
    for line in page.read_text().split("```")[1].splitlines():
        if match := re.match(r"(?:floor (\d+)|       ) +(\w+)", line):
            floor = floor if match[1] is None else int(match[1])
            found[match[2]] = floor
    return found


FLOOR = floors(HOUSE)
DOORS = {"__init__", "__main__"}  # of the package itself: they may enter any room


def violations(root):
    """What is wrong in a tree, as sentences."""
    found = []
    for path in sorted(root.rglob("*.py")):
        room = path.relative_to(root).parts[0].removesuffix(".py")
        if room not in DOORS | FLOOR.keys():
            found.append(f"{path.name}: {room} has no floor in the house")
            continue
        tree = ast.parse(path.read_text())
        for line, other in _rooms_entered(tree, path, root):
            if room not in DOORS and not _may_enter(room, other):
                found.append(
                    f"{path.relative_to(root)}:{line}: imports pavg.{other}, which is not on a lower floor"
                )
        if room != "cli":
            found += [f"{path.relative_to(root)}:{line}: names COMM_WORLD" for line in _worlds(tree)]
    return found


def _may_enter(room, other):
    return other == room or FLOOR.get(other, len(FLOOR)) < FLOOR[room] or FLOOR[room] == FLOOR.get(other) == 0


def _rooms_entered(tree, path, root):
    """(line, room of pavg) of every import, wherever it stands."""
    rooms = {p.name.removesuffix(".py") for p in root.iterdir()}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            package = ["pavg", *path.relative_to(root).parts[:-1]]
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            modules = [f"{module}.{alias.name}" for alias in node.names]
        else:
            continue
        for parts in (module.split(".") for module in modules):
            if parts[0] == "pavg" and len(parts) > 1 and parts[1] in rooms:
                yield node.lineno, parts[1]


def _worlds(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr == "COMM_WORLD":
            yield node.lineno
        elif isinstance(node, ast.ImportFrom) and any(alias.name == "COMM_WORLD" for alias in node.names):
            yield node.lineno


def test_nothing_reaches_up_a_floor():
    assert violations(ROOT) == []


def test_every_room_of_the_house_is_there():
    rooms = {path.stem for path in ROOT.glob("[a-z]*") if path.is_dir() or path.suffix == ".py"}
    assert FLOOR.keys() == rooms


def test_no_file_is_longer_than_people_like_to_read():
    lengths = {path.relative_to(ROOT): len(path.read_text().splitlines()) for path in ROOT.rglob("*.py")}
    assert {path: n for path, n in lengths.items() if n > LONGEST} == {}


@pytest.mark.parametrize(
    "file, text, expected",
    [
        ("methods/m.py", "import numpy\nfrom pavg.engine import x\n", "methods/m.py:2: imports pavg.engine"),
        ("comm/c.py", "import pavg.learners as l\n", "comm/c.py:1: imports pavg.learners"),
        ("comm/c.py", "def f():\n    from pavg import data\n", "comm/c.py:2: imports pavg.data"),
        ("comm/c.py", "from ..sweep import grid\n", "comm/c.py:1: imports pavg.sweep"),
        ("comm/c.py", "from .. import learners\n", "comm/c.py:1: imports pavg.learners"),
        ("errors.py", "from pavg.comm.x import y\n", "errors.py:1: imports pavg.comm"),
        ("data/d.py", "from pavg import records\n", "data/d.py:1: imports pavg.records"),
        (
            "engine/e.py",
            "from mpi4py import MPI\nMPI.COMM_WORLD.Barrier()\n",
            "engine/e.py:2: names COMM_WORLD",
        ),
        ("engine/e.py", "from mpi4py.MPI import COMM_WORLD\n", "engine/e.py:1: names COMM_WORLD"),
        ("attic/a.py", "", "a.py: attic has no floor"),
    ],
)
def test_a_tree_that_breaks_a_rule_is_found_out(tmp_path, file, text, expected):
    for room in FLOOR:
        (tmp_path / room).mkdir(exist_ok=True)
    path = tmp_path / file
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    (found,) = violations(tmp_path)
    assert found.startswith(expected)


@pytest.mark.parametrize(
    "file, text",
    [
        (
            "comm/c.py",
            "import os\nfrom pavg.errors import InputError\nfrom pavg.comm import d\nfrom . import e\n",
        ),
        (
            "cli/c.py",
            "from pavg import __version__\nfrom pavg import slurm\nfrom mpi4py import MPI\nMPI.COMM_WORLD\n",
        ),
        ("spec.py", "from pavg import registry\n"),
        ("__init__.py", "from pavg.records import open_results\n"),
    ],
)
def test_a_tree_that_keeps_the_rules_passes(tmp_path, file, text):
    for room in FLOOR:
        (tmp_path / room).mkdir(exist_ok=True)
    (tmp_path / file).write_text(text)
    assert violations(tmp_path) == []
