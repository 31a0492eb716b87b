"""Files of TOML are read, or refused with their name and line."""

import pytest

from pavg import tables
from pavg.errors import InputError


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match="nowhere.toml: cannot be read: No such file"):
        tables.read(tmp_path / "nowhere.toml")


@pytest.mark.parametrize("content", [b"P = 4\nstep_size =\n", b"P = 4\nP = 5\n", b"a = 1\n[[a]]\n"])
def test_a_slip_in_the_toml_is_shown_with_its_line(tmp_path, content):
    path = tmp_path / "slip.toml"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"slip.toml: not a TOML file: .*line 2"):
        tables.read(path)


def test_a_file_that_is_not_text_is_refused(tmp_path):
    path = tmp_path / "image.toml"
    path.write_bytes(b"\x89PNG\xff\xfe")
    with pytest.raises(InputError, match="image.toml: not a TOML file"):
        tables.read(path)
