import pytest


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
