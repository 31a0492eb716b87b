"""How a sweep is watched: a live line on a terminal, plain lines in a log."""

import contextlib
import os
import sys
import time

from pavg.sweep.running import Watcher

QUIET = 10.0  # seconds between two lines about one run, in a log


@contextlib.contextmanager
def watcher(speaks):
    """The watcher for this process: on rank 0 (`speaks`) one that writes to standard error."""
    if not speaks:
        yield Watcher()
    elif _on_terminal():
        live = Live()
        with live.progress:
            yield live
    else:
        yield Lines()


@contextlib.contextmanager
def stages():
    """A function ``progress(stage, done, total)`` that shows how far a download or a conversion is."""
    if not _on_terminal():
        yield _Stages()
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True, force_terminal=True), transient=True) as bars:
        shown = {}

        def progress(stage, done, total):
            if stage not in shown:
                shown[stage] = bars.add_task(stage)
            bars.update(shown[stage], completed=done, total=total)

        yield progress


class _Stages:
    """A plain line when a stage begins, and one now and then, with the seconds that are left."""

    stage = None

    def __call__(self, stage, done, total):
        now = time.monotonic()
        if stage != self.stage or done < self.done:
            self.stage, self.began, self.first, self.spoke = stage, now, done, now
            print(stage, file=sys.stderr, flush=True)
        elif now - self.spoke > QUIET and total:
            self.spoke = now
            left = (now - self.began) * (total - done) / max(done - self.first, 1)
            print(f"    {done / total:.0%}, {left:.0f} s left", file=sys.stderr, flush=True)
        self.done = done


def _on_terminal():
    return sys.stderr.isatty() or os.environ.get("PAVG_TERMINAL") == "1"


def _begin(index, total, name, spec, R):
    hosted = f", {spec.P} learners hosted on {R} ranks" if spec.P > R else ""
    return f"[{index + 1}/{total}] {name} ({spec.problem.name}{hosted})"


class Lines(Watcher):
    """Plain lines, one when a cell begins, one when it ends, and one now and then between."""

    def __init__(self):
        self.converts = _Stages()

    def cells(self, specs):
        self.total = len(specs)

    def begins(self, index, name, spec, R):
        self.spoke = time.monotonic()
        self._say(_begin(index, self.total, name, spec, R))

    def looks(self, t, end, loss):
        if time.monotonic() - self.spoke > QUIET:
            self.spoke = time.monotonic()
            self._say(f"    {t:,}{f' of {end:,}' if end else ''} ticks, loss {loss:.6g}")

    def skipped(self, index, path):
        self._say(f"[{index + 1}/{self.total}] {path.stem}: there already")

    def ended(self, index, path, record):
        loss = record.rows[-1]["loss"]
        self._say(f"    {record.status} ({record.reason}), loss {loss:.6g}")

    def _say(self, line):
        with contextlib.suppress(OSError):  # a log that is full must not end a run
            print(line, file=sys.stderr, flush=True)


class Live(Lines):
    """A bar for all cells and one for the ticks of the cell that runs."""

    def __init__(self):
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        text = TextColumn("{task.description}")
        console = Console(stderr=True, force_terminal=True)
        self.progress = Progress(
            text, BarColumn(), TextColumn("{task.fields[note]}"), TimeRemainingColumn(), console=console
        )

    def cells(self, specs):
        super().cells(specs)
        self.all = self.progress.add_task("cells", total=self.total, note="")
        self.one = self.progress.add_task("", total=None, note="")

    def converts(self, stage, done, total):
        self.progress.update(self.one, description=stage, completed=done, total=total)

    def begins(self, index, name, spec, R):
        self.progress.update(self.one, description=name, completed=0, total=None, note="")

    def looks(self, t, end, loss):
        self.progress.update(self.one, completed=t, total=end, note=f"loss {loss:.4g}")

    def skipped(self, index, path):
        self.progress.advance(self.all)

    def ended(self, index, path, record):
        self.progress.advance(self.all)
        if record.status != "ok":
            self._say(f"{path.stem}: {record.status} ({record.reason})")

    def _say(self, line):
        self.progress.console.print(line)
