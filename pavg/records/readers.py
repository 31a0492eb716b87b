"""Facts of many files, read by several processes: HDF5 reads one file at a time in each.

The others are programs of their own, `python -m pavg.records.readers`: to fork would copy MPI, threads and
locks, and multiprocessing's other ways run the user's script again.
"""

import contextlib
import os
import pickle
import subprocess
import sys

from pavg.errors import InputError
from pavg.records.reading import summary

MOST = 8  # processes: shared file systems have enough of more


def facts(paths, seen=None, shared=False):
    """Yield, for each path, the fields of its `Summary` but the path, or why it has none, as a text.

    seen : called with (path, name → array) of the curves of each. shared : among as many processes as there
    are cores; the same facts in the same order.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    count = min(cores, MOST) if shared else 1
    readers = [_started() for _ in range(1, count)]
    try:
        for k, reader in enumerate(readers, 1):
            _feed(reader, paths[k::count], seen is not None)
        for index, path in enumerate(paths):
            reader = readers[index % count - 1] if index % count else None
            told, curves = _received(reader) or _read(path, seen is not None)
            if curves is not None:
                seen(path, curves)
            yield told
    finally:
        for reader in readers:
            reader.kill()
            reader.wait()
            reader.stdout.close()


def _read(path, with_curves):
    """(facts, curves or None) of one file."""
    found = []
    try:
        told = vars(summary(path, (lambda _, curves: found.append(curves)) if with_curves else None))
    except InputError as error:
        return str(error), None
    return {name: value for name, value in told.items() if name != "path"}, found[0] if found else None


def _started():
    """A process that reads the files which `_feed` tells it; what it has read, it writes, one by one."""
    command = [sys.executable, "-m", __spec__.name]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def _feed(reader, paths, with_curves):
    with contextlib.suppress(OSError), reader.stdin as stream:  # one that died will not be heard of
        pickle.dump((paths, with_curves), stream)


def _received(reader):
    """The next that a process has read; None where there is no process, or it died: that is no loss."""
    try:
        return reader and pickle.load(reader.stdout)
    except (EOFError, OSError, pickle.UnpicklingError):
        return None


def _main():
    paths, with_curves = pickle.load(sys.stdin.buffer)
    for path in paths:
        pickle.dump(_read(path, with_curves), sys.stdout.buffer)
    sys.stdout.flush()


if __name__ == "__main__":
    _main()
