"""What was worked out once, kept as JSON: sound, or not there.

Two lines: what the file is, with a checksum of the second; and the value.
"""

import contextlib
import json
import zlib

from pavg import files


def load(path, what, otherwise):
    """The value that was kept; `otherwise` where nothing is, or it is damaged, or not `what`."""
    try:
        head, body = path.read_bytes().split(b"\n", 1)
        return json.loads(body) if json.loads(head) == what | {"crc32": zlib.crc32(body)} else otherwise
    except (OSError, ValueError, RecursionError):
        return otherwise


def store(path, what, value):
    """Keep a value; nothing happens where that cannot be done.

    what : dictionary that says what the file is, and which version.
    """
    body = json.dumps(value, separators=(",", ":")).encode()
    head = json.dumps(what | {"crc32": zlib.crc32(body)}).encode()
    with contextlib.suppress(OSError):
        files.replace(path, head + b"\n" + body)
