"""How a sweep is watched: a live line on a terminal, plain lines in a log."""

import contextlib
import sys
import time

from pavg.cli.stages import QUIET, Stages, on_terminal
from pavg.sweep.running import Watcher

COMPILED = 2.0  # seconds: loading kernels takes less, compiling them takes more
# why a cell is left out, where it has no result
LEFT = {
    "failed": "failed before (--retry failed runs it again)",
    "timeout": "took too long before (--retry timeout runs it again)",
    "elsewhere": "another job is at it",
}


@contextlib.contextmanager
def watcher(first, side_by_side):
    """The watcher for this process: on the first rank one that writes to standard error.

    In a log, others that lead cells side by side write too.
    """
    if on_terminal():
        live = Live() if first else None
        try:
            if live:
                live.progress.start()
            yield live or Watcher()
        finally:
            with contextlib.suppress(OSError):  # a terminal that has gone does not undo the runs
                if live:
                    live.progress.stop()
    else:
        yield Lines() if first or side_by_side else Watcher()


class Lines(Watcher):
    """Plain lines, one when a cell begins, one when it ends, and one now and then between."""

    def __init__(self):
        self.converts = Stages()

    def cells(self, count, total):
        cells = "1 cell" if total == 1 else f"{total} cells"
        self._say(cells if count == total else f"{count} of {cells}")

    def begins(self, group):
        self.spoke = time.monotonic()
        P, R, count = group.spec.P, group.R, len(group.cells)
        how = "in virtual time" if group.spec.clock else f"hosted on {R} ranks"
        hosted = f", {P} learners {how}" if P > R or group.spec.clock else ""
        lanes = f", {count} step sizes side by side" if count > 1 else ""
        differs = f", {group.differs}" if group.differs else ""
        self._say(f"[{group.indices}] {group.name} ({group.spec.problem.name}{differs}{hosted}{lanes})")

    def looks(self, t, end, losses):
        if time.monotonic() - self.spoke > QUIET:
            self.spoke = time.monotonic()
            self._say(f"    {t:,}{f' of {end:,}' if end else ''} ticks, {_told(losses)}")

    def left(self, cell, state):
        self._say(f"[{cell.index}] {cell.name}: {LEFT.get(state, 'there already')}")

    def ended(self, cell, record):
        loss = f", loss {record.rows[-1]['loss']:.6g}" if record.rows else ""
        self._say(f"    [{cell.index}] {record.status} ({record.reason}){loss}")
        self._say_compiled(record)

    def _say_compiled(self, record):
        seconds = max(record.ranks.get("compile_time", [0.0]))
        if seconds > COMPILED:
            self._say(f"    {seconds:.1f} s for compiling kernels, outside all other times; they are kept")

    def says(self, sentence):
        self._say(f"    {sentence}")

    def _say(self, line):
        with contextlib.suppress(OSError):  # a log that is full must not end a run
            print(line, file=sys.stderr, flush=True)


def _told(losses):
    """The losses of all lanes that are open, in a few words."""
    told = f"loss {min(losses):.6g}"
    return told if len(losses) == 1 else f"{told} … {max(losses):.6g} in {len(losses)} lanes"


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

    def cells(self, count, total):
        self.all = self.progress.add_task("cells", total=count, note="")
        self.one = self.progress.add_task("", total=None, note="")

    def converts(self, stage, done, total):
        self.progress.update(self.one, description=stage, completed=done, total=total)

    def begins(self, group):
        described = ", ".join(filter(None, (f"{group.name} {group.spec.problem.name}", group.differs)))
        self.progress.update(self.one, description=described, completed=0, total=None, note="")

    def looks(self, t, end, losses):
        self.progress.update(self.one, completed=t, total=end, note=_told(losses))

    def left(self, cell, state):
        self.progress.advance(self.all)
        if state in LEFT:
            super().left(cell, state)

    def ended(self, cell, record):
        self.progress.advance(self.all)
        if record.status != "ok":
            self._say(f"{cell.name}: {record.status} ({record.reason})")
        self._say_compiled(record)

    def _say(self, line):
        with contextlib.suppress(OSError):
            self.progress.console.print(line)
