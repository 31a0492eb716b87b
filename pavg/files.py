"""Files that are whole or not there: temporary names, renaming, full disks, leftovers of the dead, locks."""

import contextlib
import fcntl
import io
import os
import re
import shutil
import socket


def mark():
    """The end of a temporary name: who is at it, so that what the dead leave can be told."""
    return f".{socket.gethostname()}-{os.getpid()}.tmp"


def replace(path, content, durable=False):
    """Put bytes into a file: `path` is the complete file afterwards, or as it was before.

    durable : on the disk before it has its name, so that a machine that fails cannot lose it.
    OSError where that fails; no temporary file is left then.
    """
    temporary = path.with_name(f".{path.name}{mark()}")
    try:
        with open(temporary, "wb") as file:
            file.write(content)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


def remove_stale(folder):
    """Remove the temporary files that dead processes of this machine left in a folder."""
    own = re.compile(rf".+\.{re.escape(socket.gethostname())}-(\d+)\.tmp")
    for path in folder.iterdir():
        match = own.fullmatch(path.name)
        if match and not alive(int(match[1])):
            with contextlib.suppress(OSError):  # gone by now, or somebody else's
                shutil.rmtree(path) if path.is_dir() else path.unlink()


@contextlib.contextmanager
def locked(path):
    """Hold a lock on a file, which is made if need be; yields whether it is ours.

    The lock ends with the process, however that ends. Whoever has it may remove the file. Where the file
    system knows no locks, it is ours.
    """
    while True:
        with open(path, "ab") as held:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            except OSError:
                yield True
                return
            if _stands(path, held):
                yield True
                return


def _stands(path, file):
    """Whether an open file still has its name: a lock on one that was removed keeps nobody out."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


def alive(pid):
    """Whether a process of this machine is there."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True  # somebody else's
    return True


class Sink(io.FileIO):
    """A file for HDF5 to write to, on a disk that may fill up: nothing fails until it is asked.

    HDF5 cannot close a file on a full disk, and crashes Python at its exit. So what goes wrong is
    kept for `check`, and HDF5 goes on as if nothing had happened.
    """

    error = None

    def write(self, data):
        rest = memoryview(data)
        try:
            while rest and not self.error:
                rest = rest[super().write(rest) :]  # the system takes 2 GiB at a time
        except OSError as error:
            self.error = error
        return len(data)

    def truncate(self, size=None):
        try:
            return super().truncate(size)
        except OSError as error:
            self.error = self.error or error
            return size

    def check(self):
        """Raise the OSError that was kept, if there is one."""
        if self.error:
            raise self.error

    def settle(self):
        """`check`, and see that all is on disk."""
        self.check()
        os.fsync(self.fileno())
