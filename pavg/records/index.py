"""The index of a folder of results: summaries of files as they were, so that only new ones are opened.

FOLDER/.index.json keeps name → [mtime_ns, size, summary or why there is none]. It can be deleted at any
time. One that is damaged or of another version is made anew; where it cannot be written, it is done without.
"""

import contextlib
import itertools
import os
from pathlib import Path

from pavg import parallel
from pavg.errors import InputError
from pavg.records import kept
from pavg.records.layout import FORMAT_VERSION
from pavg.records.names import of_a_run
from pavg.records.summary import Summary

NAME = ".index.json"
MANY = 200  # files that take more than a moment to read
BATCH = 25  # that a process reads before it answers
WHAT = {"format": "pavg-index", "version": [2, FORMAT_VERSION]}


class Index:
    """The result files that lie in one folder, summed up.

    `refresh` looks at the folder again, as often as is liked; `save` keeps what was read for the next
    process. Two processes that save at once leave the index of one of them.
    """

    def __init__(self, folder, seen=None):
        """seen : called with (path, name → array) of the curves of each file that is opened."""
        self.folder, self.path, self._seen = Path(folder), Path(folder) / NAME, seen
        self._entries, self._saved = kept.load(self.path, WHAT, {}), True

    def refresh(self, progress=None):
        """Name → `Summary`, or the `InputError` that says why it is no result; in no order.

        progress : called with ("results", done, total) while many files are read.
        """
        found = _listed(self.folder)
        new = [name for name, mark in found.items() if self._entries.get(name, ())[:2] != mark]
        entries = {name: self._entries[name] for name in found if name in self._entries}
        if new or len(entries) < len(self._entries):
            self._saved = False
        for done, (name, told) in enumerate(zip(new, self._read(new), strict=True)):
            if progress and len(new) > MANY:
                progress("results", done, len(new))
            entries[name] = [*found[name], told]
        self._entries = entries
        return {name: self._told(name, entry[2]) for name, entry in entries.items()}

    def save(self):
        """Write the index, if it is not there as it should be and the folder can be written to."""
        if not self._saved:
            kept.store(self.path, WHAT, self._entries)
        self._saved = True

    def _read(self, names):
        """What is kept of each of these files, one after the other."""
        from pavg.records.reading import facts  # h5py: not needed while nothing is new

        paths, curves_too = [self.folder / name for name in names], self._seen is not None
        tasks = [(paths[k : k + BATCH], curves_too) for k in range(0, len(paths), BATCH)]
        found = itertools.chain.from_iterable(parallel.mapped(facts, tasks))
        for path, (told, curves) in zip(paths, found, strict=True):
            if curves:
                self._seen(path, curves)
            yield told

    def _told(self, name, kept):
        return InputError(kept) if isinstance(kept, str) else Summary(self.folder / name, **kept)


def summaries(paths, progress=None, seen=None):
    """[`Summary` or `InputError`] of the result files under files and folders; folders by their indices.

    progress, seen : of `Index`. Sorted by path within each of them. InputError for a file that is named by
    hand and is no result, and where there are none.
    """
    from pavg.records import merging, reading

    found = []
    for path in map(Path, paths):
        if not path.is_dir():
            [path] = reading.find([path])
            found += merging.summaries(path) if reading.is_merged(path) else [reading.summary(path)]
            continue
        inside = {}
        for folder in {result.parent for result in reading.find([path])}:
            index = Index(folder, seen)
            inside |= {folder / name: told for name, told in index.refresh(progress).items()}
            index.save()
        found += [inside[place] for place in sorted(inside)]
    return found


def _listed(folder):
    """Name → [mtime_ns, size] of the result files in a folder; none where there is no folder."""
    found = {}
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if of_a_run(entry.name):
                with contextlib.suppress(OSError):  # gone by now
                    status = entry.stat()
                    found[entry.name] = [status.st_mtime_ns, status.st_size]
    return found
