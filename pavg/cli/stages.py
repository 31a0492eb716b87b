"""How far something is that takes a while: a bar on a terminal, plain lines in a log."""

import contextlib
import sys
import time

from pavg.comm.launch import watched

QUIET = 10.0  # seconds between two lines about one thing, in a log


@contextlib.contextmanager
def stages():
    """A function ``progress(stage, done, total)`` that shows how far a download or an estimate is.

    total : None where nobody knows: what is done is counted then.
    """
    if not on_terminal():
        yield Stages()
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True, force_terminal=True), transient=True) as bars:
        shown = {}

        def progress(stage, done, total):
            if stage not in shown:
                shown[stage] = bars.add_task(stage)
            counted = stage if total else f"{stage}: {done:,}"
            bars.update(shown[stage], description=counted, completed=done, total=total)

        yield progress


class Stages:
    """A plain line when a stage begins, and one now and then, with the seconds that are left."""

    stage = None

    def __call__(self, stage, done, total):
        now = time.monotonic()
        if stage != self.stage or done < self.done:
            self.stage, self.began, self.first, self.spoke = stage, now, done, now
            print(stage, file=sys.stderr, flush=True)
        elif now - self.spoke > QUIET:
            self.spoke = now
            left = (now - self.began) * ((total or 0) - done) / max(done - self.first, 1)
            text = f"{done / total:.0%}, {left:.0f} s left" if total else f"{done:,}"
            print(f"    {text}", file=sys.stderr, flush=True)
        self.done = done


def on_terminal():
    """Whether somebody watches standard error."""
    return "stderr" in watched()
