"""A file from the web: whole, with the right length and checksum, or not there.

urllib is enough: it heeds a cluster's proxies ($https_proxy), and gives up a silent server.
"""

import contextlib
import errno
import hashlib
import http.client
import os
import re
import socket
import ssl
import time
import urllib.error
import urllib.request
from pathlib import Path

from pavg import files
from pavg.data.formats.files import is_page
from pavg.errors import InputError

CHUNK = 1 << 20
ATTEMPTS = 6  # in a row that come less than a chunk further
TIMEOUT = 30.0  # seconds without a byte
PAUSE = 1.0  # seconds before the second attempt, doubled from one to the next
PASSING = (408, 425, 429, 500, 502, 503, 504)  # answers that another attempt may better
FINAL = (socket.gaierror, ssl.SSLCertVerificationError)  # no network, or not the server that it says
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO)  # the disk's errors


class _Broken(Exception):
    """An attempt that brought less than the whole; another one goes on where it ended."""


def fetch(file, folder, progress=None, timeout=TIMEOUT, pause=PAUSE):
    """The path of a file in `folder`: verified if it is there, else downloaded.

    What has come is kept in ``NAME.part`` and gone on with, by another attempt or another day, where
    the server can and an ETag, a date or the checksum tells whether the file is still the same. A part
    with a wrong checksum is removed.

    Parameters
    ----------
    file : File
    folder : pathlib.Path
        It is made.
    progress : callable, optional
        Called as ``progress(stage, done, total)``: bytes; total is None where nobody knows it.
    timeout, pause : float, seconds

    Returns
    -------
    pathlib.Path

    Raises
    ------
    InputError
        No network, a server that refuses, a wrong length or checksum, a full disk.
    """
    path = Path(folder) / file.name
    progress = progress or (lambda stage, done, total: None)
    if path.exists():
        verify(file, path, progress)
        return path
    part = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _alone(part):
            if not path.exists():  # another process may have been at it
                _download(file, part, progress, timeout, pause)
                _check_part(file, part, progress)
                os.replace(part, path)
                _mark(part).unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from None
    return path


def verify(file, path, progress=None):
    """InputError if what lies at `path` is not `file`, as far as length and checksum are known."""
    wrong = _wrong(file, path, progress or (lambda stage, done, total: None))
    if wrong:
        raise InputError(f"{path}: {wrong}; delete it, or bring it anew from {file.url}")


def _wrong(file, path, progress):
    """What is wrong with the file at `path`: a sentence, or nothing."""
    with open(path, "rb") as opened:
        if is_page(opened.read(1024)):
            return "found a web page; expected the file"
    found = path.stat().st_size
    if file.bytes is not None and found != file.bytes:
        return f"found {found:,} bytes; expected {file.bytes:,}"
    kind = "sha256" if file.sha256 else "md5"
    expected = getattr(file, kind)
    found = _digest(path, kind, progress) if expected else ""
    return "" if found == expected else f"found {kind} {found}; expected {expected}"


def _download(file, part, progress, timeout, pause):
    """Fill `part`, in several attempts if need be."""
    failed, most = 0, _size(part)
    while True:
        try:
            return _attempt(file, part, progress, timeout)
        except urllib.error.HTTPError as error:
            reason = f"{error.code} {error.reason}"
            if error.code == 416:  # the part is longer than the file
                part.write_bytes(b"")
            elif error.code not in PASSING:
                raise bring(file, part.parent, reason) from None
        except (_Broken, http.client.HTTPException, OSError) as error:
            if getattr(error, "filename", None) or getattr(error, "errno", None) in FULL:
                raise
            reason = getattr(error, "reason", error)
            if isinstance(reason, FINAL) or getattr(reason, "errno", None) == errno.ENETUNREACH:
                raise bring(file, part.parent, reason) from None
            reason = "no answer in time" if isinstance(reason, TimeoutError) else reason
        failed = failed + 1 if _size(part) < most + CHUNK else 1
        most = max(most, _size(part))
        if failed == ATTEMPTS:
            raise bring(file, part.parent, f"{reason}, {ATTEMPTS} times")
        progress(f"again ({reason})", _size(part), file.bytes)
        time.sleep(pause * 2 ** (failed - 1))


def bring(file, folder, reason):
    """The InputError that says which file to bring, from where, and where to put it."""
    return InputError(
        f"{file.name}: cannot be downloaded: {reason}; bring {file.url} by other means, put it into "
        f"{folder}/ and give the same command again"
    )


def _attempt(file, part, progress, timeout):
    """One request, from where the part ends if the file is still the same. `_Broken` if it ends early."""
    have, mark = _size(part), _read(_mark(part))
    headers = {"User-Agent": "pavg", "Accept-Encoding": "identity"}
    if have and (mark or file.sha256 or file.md5):
        headers |= {"Range": f"bytes={have}-"} | ({"If-Range": mark} if mark else {})
    request = urllib.request.Request(file.url, headers=headers)
    with urllib.request.urlopen(request, timeout=timeout) as answer:
        start = _start(answer)
        if start not in (0, have):
            raise _Broken(f"the server went on at byte {start}, not {have}")
        length = answer.headers.get("Content-Length")
        total = start + int(length) if length and length.isdigit() else None
        _check_answer(file, answer, total)
        _mark(part).write_text(_validator(answer))
        with open(part, "ab" if start else "wb") as out:
            done = start
            while block := answer.read(min(CHUNK, (total or done + CHUNK) - done)):
                out.write(block)
                done += len(block)
                progress("downloading", done, total or file.bytes)
    if total is not None and done < total:
        raise _Broken(f"the connection ended at byte {done:,} of {total:,}")


def _start(answer):
    """The byte that an answer begins with: a server that knows no ranges, or has a new file, begins anew."""
    if answer.status != 206:
        return 0
    match = re.match(r"bytes (\d+)-", answer.headers.get("Content-Range", ""))
    return int(match[1]) if match else -1


def _check_answer(file, answer, total):
    if file.bytes is not None and total is not None and total != file.bytes:
        raise InputError(
            f"{file.url}: the server has {total:,} bytes; expected {file.bytes:,}: the published file has "
            "changed, or this is another"
        )
    if answer.headers.get_content_type() == "text/html":
        raise InputError(f"{file.url}: found a web page (text/html); expected the file")


def _validator(answer):
    """What tells two versions of a file apart: a strong ETag, or the date; empty if there is none."""
    tag = answer.headers.get("ETag", "")
    return tag if tag.startswith('"') else answer.headers.get("Last-Modified", "")


def _check_part(file, part, progress):
    """Remove a part that is not the file, and say so."""
    wrong = _wrong(file, part, progress)
    if wrong:
        part.unlink()
        _mark(part).unlink(missing_ok=True)
        raise InputError(f"{file.url}: {wrong}; nothing is kept")
    with open(part, "rb") as opened:
        os.fsync(opened.fileno())


def _digest(path, kind, progress):
    digest, done, total = hashlib.new(kind), 0, path.stat().st_size
    with open(path, "rb") as opened:
        while block := opened.read(CHUNK):
            digest.update(block)
            done += len(block)
            progress("verifying", done, total)
    return digest.hexdigest()


@contextlib.contextmanager
def _alone(part):
    """Nobody else fills this part meanwhile, on this machine or on a file system that knows locks."""
    with files.locked(part) as ours:
        if not ours:
            raise InputError(f"{part}: another process is downloading it; wait for it, or end it")
        try:
            yield
        finally:
            if _size(part) == 0:
                part.unlink(missing_ok=True)


def _mark(part):
    return part.with_name(f"{part.name}.etag")


def _read(path):
    return path.read_text() if path.exists() else ""


def _size(part):
    return part.stat().st_size if part.exists() else 0
