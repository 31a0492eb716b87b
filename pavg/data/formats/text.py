"""Text in pieces that end with a line, parsed by several processes."""

import math
import re

from pavg import parallel
from pavg.data.formats.files import LARGEST
from pavg.errors import InputError

CHUNK = 1 << 23  # bytes that are parsed together
NUMBER = re.compile(rb"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def blocks(file, parse, *arguments, skip=0):
    """Yield ``parse(name, first line, piece, *arguments)`` for each piece of a `File`, in order.

    parse : a function of a module; skip : lines at the beginning that are no samples.
    """
    with file.open() as opened:
        for _ in range(skip):
            opened.readline(LARGEST)
        tasks = ((str(file), line, piece, *arguments) for line, piece in pieces(file, opened, skip + 1))
        yield from parallel.mapped(parse, tasks)


def pieces(file, opened, line=1):
    """Yield (number of the first line, bytes)."""
    rest = b""
    while read := opened.read(CHUNK):
        cut = read.rfind(b"\n") + 1
        if not cut:
            rest += read
            if len(rest) > LARGEST:
                raise InputError(f"{file}, line {line}: longer than {LARGEST >> 20} MiB; expected text")
            continue
        piece, rest = rest + read[:cut], read[cut:]
        yield line, piece
        line += piece.count(b"\n")
    if rest:
        yield line, rest


def first_line(file):
    """(how many empty lines there are before it, the first other line); (0, b"") where there is none."""
    with file.open() as opened:
        for number, line in enumerate(iter(lambda: opened.readline(LARGEST), b"")):
            if line.strip():
                return number, line
    return 0, b""


def explain(name, line, piece, fault):
    """Raise the InputError of the first line that is wrong, if there is one. fault : line → sentence."""
    for number, text in enumerate(piece.split(b"\n"), line):
        found = fault(text)
        if found:
            raise InputError(f"{name}, line {number}: {found}")


def finite(token):
    """Whether bytes are one finite number, as it is written in data."""
    return bool(NUMBER.fullmatch(token)) and math.isfinite(float(token))


def shown(token):
    """Bytes of a file, for a message."""
    return repr(token[:40].decode(errors="backslashreplace"))
