"""Shared-memory files that MPI libraries leave behind when a job is killed: noted, and removed later.

It is noted, in a folder under /dev/shm, which files there each rank has mapped; a rank that ends well takes
its note back. Where processes have ended without that, the next job on the machine removes what was noted
of them, and nothing else. A machine without /proc or /dev/shm has no notes.
"""

import contextlib
import json
import os
import signal
import stat
import time
from pathlib import Path

MEMORY = Path("/dev/shm")
PROCESSES = Path("/proc")
FOLDER = MEMORY / f"pavg-{os.getuid()}"
LOOK, SELDOM = 0.01, 0.5  # seconds between two looks while MPI starts: a look takes up to 1 ms
ORPHANED = 10.0  # seconds that a rank whose launcher has died has to end by itself


@contextlib.contextmanager
def noted(first=True):
    """Around the start of MPI, which a kill may hit too: note what this process maps, then and afterwards.

    A child process looks meanwhile: what starts MPI holds the interpreter.
    first : whether this is the first rank of the node, which looks often; it maps most of what others do.
    """
    watched, child = os.getpid(), 0
    if MEMORY.is_dir() and PROCESSES.is_dir():
        child = os.fork()
        if child == 0:
            _note_until_alone(watched, LOOK if first else SELDOM)
    try:
        yield
    finally:
        if child:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        with contextlib.suppress(OSError):
            _note(_name(watched), _mapped(watched))


def _note_until_alone(watched, pause):
    """In the child process: note what the parent maps, until one of the two is killed.

    Open MPI 5 may wait for ever for a launcher that was killed just then: such a parent is ended here.
    """
    try:
        name, launcher, known, lost = _name(watched), _parent(watched), {}, 0.0
        while os.getppid() == watched and lost < ORPHANED:
            mapped = known | _mapped(watched)  # a process that dies maps nothing any more
            if mapped != known:
                _note(name, mapped)
            known = mapped
            time.sleep(pause)
            lost += pause * (_parent(watched) != launcher)
        if lost >= ORPHANED:
            os.kill(watched, signal.SIGKILL)
    finally:
        os._exit(0)


def _note(path, mapped):
    for _ in range(10):  # the last one to end removes the folder, perhaps just now
        with contextlib.suppress(FileNotFoundError):
            FOLDER.mkdir(mode=0o700, exist_ok=True)
            if _ours():
                path.write_text(json.dumps(mapped))
            return


def forget():
    """Take this process's note back: it ends in order, and MPI removes its files itself."""
    with contextlib.suppress(OSError):
        _name(os.getpid()).unlink()
        FOLDER.rmdir()  # where that was the last one


def clean(patience=0.0, after=0.0):
    """Remove the files of jobs of this user whose processes are all dead, and their notes.

    patience : wait so many seconds at most for the processes that wrote notes later than `after`
        (time.time()) to die.
    """
    end = time.monotonic() + patience
    with contextlib.suppress(OSError):
        while _clean(after) and time.monotonic() < end:
            time.sleep(0.05)


def _clean(after):
    """One pass; whether a process that wrote its note later than `after` lives."""
    alive, dead, young = {}, {}, False
    for path in FOLDER.iterdir() if _ours() else ():
        namespace, pid, born = path.name.split("-")
        if namespace != _namespace():
            continue  # of another container, whose processes are hidden from us
        with contextlib.suppress(FileNotFoundError):  # gone by now
            try:
                mapped = json.loads(path.read_text())
            except ValueError:  # its process writes it, or was killed at that
                mapped = {}
            if _born(pid) == born:
                alive |= mapped
                young |= path.stat().st_mtime > after
            else:
                dead[path] = mapped
    for path, mapped in dead.items():
        for name in mapped.keys() - alive.keys():
            with contextlib.suppress(OSError):  # gone by now
                if _identity(MEMORY / name) == mapped[name]:
                    (MEMORY / name).unlink()
        path.unlink(missing_ok=True)
    if dead:
        with contextlib.suppress(OSError):
            FOLDER.rmdir()
    return young


def _mapped(pid):
    """name → identity of the files under /dev/shm that a process has mapped."""
    found = {}
    for line in (PROCESSES / str(pid) / "maps").read_text().splitlines():
        path = Path(line.split(maxsplit=5)[-1]) if f" {MEMORY}/" in line else None
        if path and path.parent == MEMORY and path.name not in found:
            with contextlib.suppress(OSError):  # removed already, still mapped
                found[path.name] = _identity(path)
    return found


def _identity(path):
    """What tells a file from a later one of the same name. OSError unless it is a plain one of ours."""
    facts = path.lstat()
    if not stat.S_ISREG(facts.st_mode) or facts.st_uid != os.getuid():
        raise PermissionError(f"{path}: somebody else's")
    return [facts.st_ino, facts.st_dev]


def _ours():
    """Whether the folder of notes is this user's alone: what stands in them is removed."""
    with contextlib.suppress(FileNotFoundError):
        facts = FOLDER.lstat()
        return stat.S_ISDIR(facts.st_mode) and facts.st_uid == os.getuid() and not facts.st_mode & 0o077
    return False


def _name(pid):
    return FOLDER / f"{_namespace()}-{pid}-{_born(pid)}"


def _namespace():
    """Of the process ids: the same number means another process elsewhere."""
    return str(os.stat(PROCESSES / "self" / "ns" / "pid").st_ino)


def _born(pid):
    """When a process started, in ticks since the machine did, as text; None where none runs any more."""
    state, *facts = _facts(pid)
    return None if state in "ZX" else facts[18]


def _parent(pid):
    return _facts(pid)[1]


def _facts(pid):
    """What the system tells of a process, from its state on; as of a dead one where there is none."""
    try:
        return (PROCESSES / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return ["X", None]
