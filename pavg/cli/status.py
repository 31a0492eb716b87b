"""pavg status: how far a sweep is, from its files."""

import json
import math
import sys
import time
from collections import Counter
from pathlib import Path

import click

OFTEN, SELDOM = 2.0, 30.0  # seconds between two looks; between two lines in a log
SHOWN = 12  # cells that run, and reasons, that are listed one by one
COLOURS = {"ok": "green", "running": "cyan", "missing": "dim", "skipped": "dim"}


@click.command("status")
@click.argument("sweep")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="As given to pavg run.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("results"), show_default=True)
@click.option("--repeat", type=click.IntRange(1), default=1, metavar="N", help="As given to pavg run.")
@click.option("--ranks", type=click.IntRange(1), help="Count results of jobs with so many ranks only.")
@click.option("--follow", is_flag=True, help="Look again and again, until all is done or Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="Everything, for programs.")
def command(sweep, overrides, out, repeat, ranks, follow, as_json):
    """Show what of SWEEP is done, running, missing or failed.

    It reads files only: it works while the sweep runs, and on a machine where nothing runs.
    """
    from pavg.cli.stages import stages
    from pavg.sweep.status import Sweep

    if follow and as_json:
        raise click.UsageError("--follow and --json: expected one of them")
    with stages() as progress:
        looked_at = Sweep(sweep, out, overrides, repeat, ranks)
        status = looked_at.look(progress)
        looked_at.save()
    title = f"{sweep}: {len(status.cells):,} cells, results in {out}"
    jobs = _Jobs(status)
    if as_json:
        print(json.dumps(_everything(sweep, out, status, jobs), allow_nan=False))
    elif follow:
        _follow(looked_at, status, title, jobs)
    else:
        from rich.console import Console

        Console(soft_wrap=True).print(_page(status, title, jobs))


class _Jobs:
    """What Slurm says of the sweep's jobs, asked again now and then. Nothing where there is no Slurm."""

    def __init__(self, status):
        self.names, self.asked = {cell.name for cell in status.cells}, -math.inf

    def known(self):
        """[`pavg.slurm.queue.Queued`]"""
        from pavg.slurm import queue

        if time.monotonic() - self.asked > SELDOM:
            self.found = [job for jobs in queue.jobs(sorted(self.names)).values() for job in jobs]
            self.asked = time.monotonic()
        return self.found

    def line(self):
        """How many are in which state, and why; those that ended as they should are not told."""
        states = [f"{job.state}{f' ({job.reason})' if job.reason else ''}" for job in self.known()]
        told = Counter(state for state in states if state != "COMPLETED")
        return ", ".join(f"{n:,} {state}" for state, n in told.most_common())


def _everything(sweep, out, status, jobs):
    """What `--json` prints: docs/results.md says what is in it."""
    cells = [
        {name: _sound(value) for name, value in vars(cell).items()} | {"path": cell.path and str(cell.path)}
        for cell in status.cells
    ]
    return {
        "sweep": sweep,
        "out": str(out),
        "counts": status.counts,
        "complete": status.complete,
        "remaining_seconds": status.remaining,
        "others": status.others,
        "reasons": [{"cells": n, "status": state, "reason": reason} for n, state, reason in status.reasons()],
        "cells": cells,
        "jobs": [vars(job) for job in jobs.known()],
    }


def _sound(value):
    """JSON knows no NaN and no infinity."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _page(status, title, jobs):
    """What is shown of a status: a line of counts, the reasons, the cells that run, jobs of Slurm."""
    from rich.text import Text

    page = Text(title + "\n")
    for name, n in status.counts.items():
        if n:
            page.append(f"  {n:,} {name}", style=COLOURS.get(name, "yellow"))
    page.append(f"{_left(status)}\n")
    reasons = status.reasons()
    for n, state, reason in reasons[:SHOWN]:
        page.append(f"  {n:,} × {state}: {reason}\n")
    if len(reasons) > SHOWN:
        page.append(f"  and {len(reasons) - SHOWN} other reasons\n")
    for cell in status.running[:SHOWN]:
        page.append(f"  {cell.run_id}: {_progress(cell)}\n")
    if status.others:
        page.append(f"  {status.others:,} other results in the folder, of settings that the sweep has not\n")
    if line := jobs.line():
        page.append(f"  Slurm: {line}\n")
    page.rstrip()
    return page


def _progress(cell):
    end = f" of {cell.end:,}" if cell.end else ""
    loss = "" if cell.loss is None else f", loss {cell.loss:.6g}"
    silent = f", {cell.reason}" if cell.reason else ""
    return f"{cell.tick:,}{end} ticks{loss}, {_duration(cell.seconds)}{silent}"


def _left(status):
    if status.remaining is None or status.complete:
        return ""
    return f"; about {_duration(status.remaining)} {'left' if status.running else 'of work left'}"


def _duration(seconds):
    minutes, hours = seconds / 60, seconds / 3600
    return f"{seconds:.0f} s" if minutes < 2 else f"{minutes:.0f} min" if hours < 2 else f"{hours:.1f} h"


def _follow(looked_at, status, title, jobs):
    """Look until the sweep is complete; what was read is kept however that ends."""
    try:
        if sys.stdout.isatty():
            _live(looked_at, status, title, jobs)
        else:
            _lines(looked_at, status, title)
    except KeyboardInterrupt:
        pass  # the usual end
    finally:
        looked_at.save()


def _live(looked_at, status, title, jobs):
    from rich.console import Group
    from rich.live import Live
    from rich.progress_bar import ProgressBar

    from pavg.sweep.status import ENDED

    def picture():
        over = sum(status.counts[name] for name in ENDED)
        return Group(ProgressBar(len(status.cells), over, width=60), _page(status, title, jobs))

    with Live(picture(), auto_refresh=False) as live:
        live.refresh()
        while not status.complete:
            status = _next(looked_at)
            live.update(picture(), refresh=True)


def _lines(looked_at, status, title):
    """Plain lines for a log: when something has changed, and not too often."""
    print(title)
    said, spoke = None, -math.inf
    while True:
        counts = ", ".join(f"{n:,} {name}" for name, n in status.counts.items() if n)
        cells = "".join(f"; {cell.run_id}: {_progress(cell)}" for cell in status.running[:2])
        line = counts + _left(status) + cells
        if line != said and (status.complete or time.monotonic() - spoke > SELDOM):
            print(line, flush=True)
            said, spoke = line, time.monotonic()
        if status.complete:
            return
        status = _next(looked_at)


def _next(looked_at):
    """The status a little later; a sweep that takes long to look at is looked at less often."""
    time.sleep(OFTEN)
    began = time.monotonic()
    status = looked_at.look()
    time.sleep(3 * (time.monotonic() - began))
    return status
