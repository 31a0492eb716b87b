import os
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"


@pytest.fixture(scope="session")
def real_data():
    """The folder of real data sets ($PAVG_TEST_DATA, or shared/data beside the checkout)."""
    folder = Path(os.environ.get("PAVG_TEST_DATA") or SHARED)
    if not folder.is_dir():
        pytest.skip(f"no real data: {folder} does not exist (set PAVG_TEST_DATA)")
    return folder


@pytest.fixture
def stores(tmp_path, monkeypatch):
    """An empty folder for stores, which `prepare` uses."""
    folder = tmp_path / "stores"
    monkeypatch.setenv("PAVG_DATA", str(folder))
    return folder


@pytest.fixture
def save(tmp_path):
    """A function that writes text or bytes to a file and returns the file's path as a string."""

    def write(content, name="samples"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    return write
