"""What README.md and docs/ show is so: every key and variable is explained, every specification is one."""

import dataclasses
import re
from pathlib import Path

import pytest

from pavg import cli, delays, registry, spec
from pavg.data import catalogue
from pavg.records.layout import VARIABLES
from pavg.sweep import grid

ROOT = Path(__file__).resolve().parent.parent
SPECIFICATION = (ROOT / "docs" / "specification.md").read_text()
PAGES = [ROOT / "README.md", *sorted(ROOT.glob("*/README.md")), *sorted((ROOT / "docs").glob("*.md"))]
TABLES = [spec.Spec, spec.Data, spec.Stop, spec.Evaluate, spec.Synthetic, delays.Clock, delays.Delay]
TABLES += [delays.Network]


def row(name):
    """The row of a table in docs/specification.md that begins with `name`."""
    return next((line for line in SPECIFICATION.splitlines() if line.startswith(f"| `{name}` |")), "")


@pytest.mark.parametrize("key", sorted({f.name for cls in TABLES for f in dataclasses.fields(cls)}))
def test_every_key_is_explained(key):
    assert row(key)


@pytest.mark.parametrize("group, name", [(g, n) for g in spec.COMPONENTS.values() for n in registry.names(g)])
def test_every_component_of_ours_is_explained_with_its_parameters(group, name):
    if not registry.names(group)[name].module.startswith("pavg."):
        pytest.skip(f"{name} is another package's")
    fields = dataclasses.fields(registry.load(group, name))
    rows = [line for line in SPECIFICATION.splitlines() if line.startswith(f"| `{name}` |")]
    assert any(all(f"`{field.name}`" in line for field in fields) for line in rows)


@pytest.mark.parametrize("name", sorted(VARIABLES))
def test_every_variable_is_explained(name):
    dimensions, units, long_name = VARIABLES[name]
    line = f"| `{name}` | {', '.join(dimensions)} | {units} | {long_name} |"
    assert line in (ROOT / "docs" / "results.md").read_text()


@pytest.mark.parametrize("page, runs", [("README.md", [12]), ("docs/specification.md", [1, 9])])
def test_specifications_that_are_shown_are_whole(page, runs, tmp_path):
    blocks = re.findall(r"```toml\n(.*?)```", (ROOT / page).read_text(), re.S)
    made = []
    for block in blocks:
        file = tmp_path / "shown.toml"
        file.write_text(block)
        made.append(len(grid.cells(file)))
    assert made == runs


def test_the_catalogue_that_is_shown_is_one(tmp_path, monkeypatch):
    blocks = re.findall(r"```\n(\[.*?)```", (ROOT / "docs" / "data.md").read_text(), re.S)
    (tmp_path / "own.toml").write_text("".join(blocks))
    monkeypatch.setenv("PAVG_CATALOGUE", str(tmp_path / "own.toml"))
    assert len(catalogue.find("turbines").files) == 2


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    targets = re.findall(r"\]\(([^)#:]+)\)", page.read_text())
    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("group", [[], ["data"], ["bench"]], ids=str)
def test_what_a_command_does_is_told_in_one_line(group, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr("sys.argv", ["pavg", *group, "--help"])
    with pytest.raises(SystemExit):
        cli.main()
    assert "..." not in capsys.readouterr().out.split("Commands:")[1]
