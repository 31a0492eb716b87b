"""The files of a set: found, opened, decompressed; what is wrong with them as files is said here."""

import bz2
import glob
import gzip
import io
import lzma
import os
import re
import stat
import zipfile
import zlib
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from pavg.errors import InputError

LARGEST = 1 << 26  # bytes of a line or of a row, at most: 64 MiB
PAGE = re.compile(rb"\s*(<!--.*?-->\s*)*<(!doctype\s+html|html|head|body)\b", re.I | re.S)


class _Trailing(Exception):
    """Something else follows compressed data."""


class _Decompressor(io.RawIOBase):
    """.bz2 or .xz data to their last byte: what follows a stream must be a stream.

    Python's own readers pass over what follows.
    """

    def __init__(self, path, magic, decompressor):
        self._magic, self._make = magic, decompressor
        self._file = open(path, "rb")
        self._inner = decompressor()
        self._read = 0

    def readable(self):
        return True

    def readinto(self, buffer):
        while True:
            rest = b""
            if self._inner.eof:
                rest = self._inner.unused_data or self._file.read(io.DEFAULT_BUFFER_SIZE)
                if not rest:
                    return 0
                if not self._magic.startswith(rest[: len(self._magic)]):
                    raise _Trailing
                self._inner = self._make()
            elif self._inner.needs_input:
                rest = self._file.read(1 << 16)
                if not rest:
                    raise EOFError
            data = self._inner.decompress(rest, len(buffer))
            if data:
                buffer[: len(data)] = data
                self._read += len(data)
                return len(data)

    def tell(self):
        return self._read

    def position(self):
        return self._file.tell()

    def close(self):
        self._file.close()
        super().close()


@dataclass
class File:
    """One file, or one member of a .zip; `str` of it is how messages name it.

    size : bytes to read; position : a function that says how many of them have been read.
    """

    path: str
    member: str = ""
    size: int = 0
    position: object = field(default=lambda: 0, repr=False)

    def __str__(self):
        return f"{self.path}, member {self.member}" if self.member else self.path

    @property
    def name(self):
        """The name without folder and compression."""
        return stem(self.member or self.path)

    @contextmanager
    def open(self):
        """The bytes of the file, decompressed. InputError for what is wrong with it as a whole."""
        suffix = os.path.splitext(self.path)[1].lower()
        try:
            with self._opened(suffix) as file:
                if is_page(file.peek(1024)):
                    raise InputError(f"{self}: found an HTML page; expected data (did the download fail?)")
                yield file
        except _Trailing:
            raise InputError(
                f"{self}: found something else after the {suffix} data; expected its end"
            ) from None
        except EOFError:
            raise InputError(f"{self}: the {suffix} data are truncated; expected a whole file") from None
        except (OSError, zlib.error, lzma.LZMAError, zipfile.BadZipFile) as error:
            # the decompressors raise OSErrors of their own, without a number
            if getattr(error, "errno", None):
                raise InputError(f"{self}: cannot be read: {error.strerror}") from None
            raise damaged(self.path, suffix) from None
        except (NotImplementedError, RuntimeError) as error:  # from zipfile
            raise InputError(f"{self}: cannot be read: {error}") from None

    @contextmanager
    def _opened(self, suffix):
        if suffix == ".zip":
            with zipfile.ZipFile(self.path) as archive, archive.open(self.member) as file:
                self.position = file.tell
                yield file
        elif suffix in (".bz2", ".xz"):
            raw = _Decompressor(self.path, *DECOMPRESSORS[suffix])
            self.position = raw.position
            with io.BufferedReader(raw, 1 << 20) as file:
                yield file
        elif suffix == ".gz":
            with open(self.path, "rb") as raw, gzip.open(raw) as file:
                self.position = raw.tell
                yield file
        else:
            with open(self.path, "rb") as file:
                self.position = file.tell
                yield file
        self.position = lambda: self.size

    def exactly(self, file, count, what):
        """The next `count` bytes, all of them."""
        at, data = file.tell(), file.read(count)
        if len(data) < count:
            raise InputError(f"{self}: ends at byte {at + len(data)}; expected {what} to byte {at + count}")
        return data

    def ends(self, file, what):
        """InputError unless the file is over."""
        at = file.tell()
        if file.read(1):
            raise InputError(f"{self}: found more data at byte {at}; expected its end, after {what}")


# suffix → (what a stream begins with, decompressor)
DECOMPRESSORS = {
    ".bz2": (b"BZh", bz2.BZ2Decompressor),
    ".xz": (b"\xfd7zXZ\0", lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ)),
}
PACKED = (".gz", ".xz", ".bz2", ".zip")


def find(path, member=""):
    """The files of a set, sorted by name.

    Parameters
    ----------
    path : str
        A file, a folder (all files in it but hidden ones), or a pattern with ``*``, ``?`` or ``[``.
    member : str
        Which members of a .zip: a name or pattern. It may be left out where there is one.

    Returns
    -------
    list of File
    """
    found = []
    for name in paths(path):
        if name.lower().endswith(".zip"):
            found += _members(name, member)
        elif member:
            raise InputError(f"{name}: found no .zip; expected one, as there is data.member = {member!r}")
        else:
            found.append(File(name, size=os.path.getsize(name)))
    return found


def paths(path):
    """The names of the files that a path stands for, sorted."""
    if glob.has_magic(path) and not os.path.exists(path):
        names = sorted(name for name in glob.glob(path) if not os.path.isdir(name))
        if not names:
            raise InputError(f"{path}: no file has such a name; expected data")
    elif os.path.isdir(path):
        names = sorted(entry.path for entry in os.scandir(path) if not entry.name.startswith("."))
        names = [name for name in names if not os.path.isdir(name)]
        if not names:
            raise InputError(f"{path}: is a folder without files; expected data")
    else:
        names = [path]
    for name in names:
        status(name)
    return names


def status(path):
    """The `os.stat_result` of a file that has something in it; InputError for anything else."""
    try:
        found = os.stat(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}; expected data") from None
    if not stat.S_ISREG(found.st_mode):
        raise InputError(f"{path}: is no regular file; expected data")
    if found.st_size == 0:
        raise InputError(f"{path}: is empty; expected data")
    return found


def stem(path):
    """A file's name without folder and compression."""
    root, suffix = os.path.splitext(os.path.basename(path.rstrip(os.sep)))
    return root if suffix.lower() in PACKED else root + suffix


def is_page(beginning):
    """Whether bytes are the beginning of an HTML page: what servers send where a file is not."""
    return bool(PAGE.match(beginning.removeprefix(b"\xef\xbb\xbf")))


def damaged(path, suffix):
    """The InputError of a file that is not what its name says."""
    with open(path, "rb") as file:
        found = "an HTML page" if is_page(file.read(1024)) else "damaged data or another format"
    return InputError(f"{path}: found {found}; expected {suffix} data, as the name says")


def _members(path, pattern):
    try:
        with zipfile.ZipFile(path) as archive:
            members = sorted((m.filename, m.file_size) for m in archive.infolist() if not m.is_dir())
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        raise damaged(path, ".zip") from None
    chosen = [(name, size) for name, size in members if not pattern or fnmatchcase(name, pattern)]
    if not chosen or (not pattern and len(chosen) > 1):
        shown = ", ".join(name for name, _ in members[:5]) + (" …" if len(members) > 5 else "")
        wanted = f"data.member = {pattern!r}" if pattern else "one member, or data.member to say which"
        raise InputError(f"{path}: found {len(members)} members ({shown}); expected {wanted}")
    return [File(path, name, size) for name, size in chosen]
