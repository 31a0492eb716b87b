"""docs/notebook.ipynb runs from end to end, and is shown as it ran."""

import os
import shutil
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.conftest import mpi_named

DOCS = Path(__file__).resolve().parent.parent / "docs"


def outputs(notebook):
    return [output for cell in notebook.cells for output in cell.get("outputs", [])]


def pictures(notebook):
    return [output for output in outputs(notebook) if "image/png" in output.get("data", {})]


@pytest.mark.mpirun
def test_it_runs_from_end_to_end(tmp_path, monkeypatch):
    mpi_named("default")
    for name in ("notebook.ipynb", "notebook.toml"):
        shutil.copy(DOCS / name, tmp_path)
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    notebook = nbformat.read(tmp_path / "notebook.ipynb", 4)
    NotebookClient(notebook, timeout=200, resources={"metadata": {"path": tmp_path}}).execute()
    [status] = [cell for cell in notebook.cells if "pavg status" in cell.source]
    assert "30 cells" in str(status.outputs) and "30 ok" in str(status.outputs)
    assert len(pictures(notebook)) == 2


def test_it_is_shown_with_what_it_printed_and_drew():
    notebook = nbformat.read(DOCS / "notebook.ipynb", 4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert all(cell.outputs for cell in code) and len(pictures(notebook)) == 2
    assert not [
        output for output in outputs(notebook) if output.output_type == "error" or "stderr" in str(output)
    ]
