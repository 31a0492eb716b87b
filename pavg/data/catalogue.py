"""Sets that are known by name: where they are published, how they are read, what the papers did with them.

They stand in ``catalogue.toml`` beside this file, and a user's own in the file that ``$PAVG_CATALOGUE``
names. The files of a set lie in ``files/NAME`` in the folder of stores.
"""

import os
import re
import tarfile
import tempfile
import zlib
from dataclasses import dataclass, field, fields, replace
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from annotated_types import Ge
from pydantic import StringConstraints

from pavg import spec, tables
from pavg.data.bundled import BUNDLED
from pavg.errors import InputError
from pavg.registry import suggestion

OWN = Path(__file__).with_suffix(".toml")
NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}"
PATHS = ("path", "test_path")  # keys of [data] that are names of a set's files
ARCHIVE = ".tar.gz"
LISTED = "pavg data list"


@dataclass(frozen=True, kw_only=True)
class File:
    """A published file. bytes, sha256, md5 : where they are known."""

    url: Annotated[str, StringConstraints(pattern=r"^https?://[^\s?#]+[^\s?#/]$")]
    bytes: Annotated[int, Ge(1)] | None = None
    sha256: Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{64})?$")] = ""
    md5: Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{32})?$")] = ""

    @property
    def name(self):
        return self.url.rsplit("/", 1)[1]


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One set; what its fields mean stands in catalogue.toml. data : `pavg.spec.Data` with names of files."""

    title: str
    problem: Literal["least-squares", "logistic", "classes"]
    n: spec.Count
    d: spec.Count
    data: spec.Data
    files: list[File]
    n_test: spec.Number = 0
    nnz: spec.Count | None = None
    pages: list[str] = field(default_factory=list)
    terms: str = ""
    papers: list[str] = field(default_factory=list)
    note: str = ""


def entries():
    """Name → `Entry`: pavg's sets, then the user's own.

    Raises
    ------
    InputError
        A catalogue that cannot be read, or a key in it that is wrong; all wrong keys are named.
    """
    own = os.environ.get("PAVG_CATALOGUE")
    return dict(_read(OWN)) | (_read(Path(own).expanduser()) if own else {})


def find(name):
    """The `Entry` of a name. InputError says what is near, and what lists them."""
    known = entries()
    if name not in known:
        near = suggestion(name, [*known, *BUNDLED], LISTED)
        raise InputError(f"data.name = {name!r}: no such set{near}")
    return known[name]


def resolve(data, folder):
    """The catalogue's files and options for the set that `data` names.

    Parameters
    ----------
    data : pavg.spec.Data
        What it says besides the name goes before what the catalogue says; a share of rows held out
        (`test`) replaces a test file.
    folder : pathlib.Path
        The folder of stores.

    Returns
    -------
    pavg.spec.Data
        With the name, and absolute paths.

    Raises
    ------
    InputError
        No such set, or its files are not here: it says which to bring, from where, and where to put them.
    """
    entry, place = find(data.name), folder / "files" / data.name
    missing = [file for file in entry.files if not _is_here(file, entry, place)]
    if missing:
        raise InputError(
            f"data.name = {data.name!r}: not here yet: pavg data get {data.name}\n"
            f"without a network, bring these files and put them into {place}/:\n"
            + "\n".join(f"    {file.url}" for file in missing)
        )
    default = spec.Data()
    given = {f.name: getattr(data, f.name) for f in fields(data)}
    given = {key: value for key, value in given.items() if value != getattr(default, key)}
    made = replace(entry.data, **given)
    if "test" in given:
        made = replace(made, test_path="", test_member="")
    return replace(made, **{key: getattr(made, key) and str(place / getattr(made, key)) for key in PATHS})


def get(name, folder, progress=None):
    """Bring the files of a set: those that are here are verified, the others downloaded, archives unpacked.

    Parameters
    ----------
    name : str
    folder : pathlib.Path
        The folder of stores.
    progress : callable, optional
        Called as ``progress(stage, done, total)``, as by `pavg.data.fetch.fetch`.

    Raises
    ------
    InputError
        As `find` and `fetch`.
    """
    from pavg.data.fetch import fetch

    entry, place = find(name), folder / "files" / name
    for file in entry.files:
        path = fetch(file, place, progress)
        if path.name.endswith(ARCHIVE) and not _unpacked(entry, place):
            _unpack(path)


def check_files(name, folder, progress=None):
    """Compare the files of a set with the catalogue: an InputError names the first that differs."""
    from pavg.data.fetch import verify

    for file in find(name).files:
        path = folder / "files" / name / file.name
        if path.exists():  # an archive may be gone, once it has been unpacked
            verify(file, path, progress)


def is_here(name, folder):
    """Whether the files of a set have been brought."""
    entry = find(name)
    return all(_is_here(file, entry, folder / "files" / name) for file in entry.files)


def _is_here(file, entry, place):
    return _unpacked(entry, place) if file.name.endswith(ARCHIVE) else (place / file.name).exists()


def _unpacked(entry, place):
    return any(place.glob(entry.data.path))


def _unpack(path):
    """Unpack an archive beside itself: its top folder is there whole, or not at all."""
    with tempfile.TemporaryDirectory(prefix=".unpacking-", dir=path.parent) as folder:
        try:
            with tarfile.open(path) as archive:
                archive.extractall(folder, filter="data")
            for made in Path(folder).iterdir():
                made.replace(path.parent / made.name)
        except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
            raise InputError(f"{path}: cannot be unpacked: {error}") from None


@cache
def _read(path):
    """Name → `Entry` of one catalogue file."""
    made, problems = {}, []
    for name, table in tables.read(path).items():
        if name in BUNDLED or not re.fullmatch(NAME, name):
            problems.append(f"{name}: expected another name: of letters, digits, . _ -, and no bundled set's")
        one = made[name] = tables.checked(Entry, table, name, problems)
        if one is not None and (one.data.name or not one.data.path):
            problems.append(f"{name}.data: expected a path, and no name")
    if problems:
        raise InputError("\n".join(f"{path}: {problem}" for problem in problems))
    return made
