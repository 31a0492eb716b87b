"""Processes looked at from outside, by a word in their command line (a test's own folder)."""

import contextlib
import os
import signal
import time
from pathlib import Path

import pytest

SOON = 100.0  # seconds: far more than anything takes on a busy machine, far less than what hangs


def running(word):
    """{process id: command line} of the living processes (zombies left out) that were started with a word."""
    found = {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            command = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            state = (path / "stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if str(word) in command and state not in "ZX":
            found[int(path.name)] = command
    return found


def ranks(word):
    """{rank: process id} of the MPI ranks that were started with a word."""
    found = {}
    for pid in running(word):
        try:
            environment = Path(f"/proc/{pid}/environ").read_text(errors="replace").split("\0")
        except (FileNotFoundError, ProcessLookupError):
            continue
        for name in ("PMI_RANK=", "OMPI_COMM_WORLD_RANK="):
            found |= {int(entry.removeprefix(name)): pid for entry in environment if entry.startswith(name)}
    return found


def end(pid):
    """Kill a process and all that it has started, in other sessions too."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
    doomed = [pid]
    for one in doomed:
        doomed += [child for child, parent in parents.items() if parent == one]
    for one in doomed:
        with contextlib.suppress(ProcessLookupError):
            os.kill(one, signal.SIGKILL)


def wait_for(what, timeout=SOON, every=0.05):
    """What `what()` gives as soon as that is true; the test fails where it never is."""
    end = time.monotonic() + timeout
    while not (value := what()):
        if time.monotonic() > end:
            pytest.fail(f"not so after {timeout} s: {what}")
        time.sleep(every)
    return value
