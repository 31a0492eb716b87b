"""pavg show: a table of runs."""

import json
import sys
from pathlib import Path

import click

TEXTS = ("problem", "data", "method", "status")  # columns that are set to the left
WIDE = 160  # a narrower terminal wraps lines: numbers are never cut
# settings that have a column of their own, or that tell no runs apart
SHOWN = ("problem", "method", "K", "P", "R", "name", "data", "stop", "evaluate", "measure", "lanes")


@click.command("show")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
def command(paths):
    """Show a table of the runs under PATHS: result files, folders of them, merged files."""
    from pavg.cli.stages import stages
    from pavg.errors import InputError
    from pavg.records.index import summaries

    with stages() as progress:
        found = summaries(paths, progress)
    for run in found:
        if isinstance(run, InputError):  # in a folder other files may lie too
            print(f"left out: {run}", file=sys.stderr)
    show([run for run in found if not isinstance(run, InputError)])


def table(paths):
    """Print one line for each of these result files."""
    from pavg.records.reading import summary

    show([summary(path) for path in paths])


def show(runs):
    """Print one line a run: final values, and seconds of the training clock (mean over ranks).

    Settings that differ between the runs get a column. Times of hosted learners (P > R) are not the
    times of P learners: they are marked with *. Nor are those of lanes the times of one model.
    """
    from rich.console import Console
    from rich.table import Table

    console = Console()
    if console.width < WIDE:
        console = Console(width=WIDE)
    settings = _different(runs)
    rows = [_row(run, settings) for run in runs]
    made = Table(box=None, header_style="bold", pad_edge=False)
    columns = [name for name in (rows[0] if rows else {}) if any(row[name] for row in rows)]
    for name in columns:
        made.add_column(name, justify="left" if name in TEXTS else "right", no_wrap=name not in TEXTS)
    for row in rows:
        made.add_row(*(row[name] for name in columns))
    console.print(made)
    notes = "compute, comm, wait: seconds of the training clock, mean over ranks"
    if any(row["R"].endswith("*") for row in rows):
        notes += "; * hosted: fewer ranks than learners, not the times of P learners"
    if any(row["lanes"] for row in rows):
        notes += "; lanes: so many models side by side, their times are those of all of them together"
    console.print(notes, style="dim")


def _different(runs):
    """Names of the settings that differ between runs of one problem and have no column yet."""
    from pavg.records.writing import flat

    found = {}
    for run in runs:
        for name, value in flat(json.loads(run.attributes["config"])).items():
            if name.split("_")[0] not in SHOWN:
                found.setdefault(name, {}).setdefault(run.attributes["problem"], set()).add(str(value))
    return [name for name, problems in found.items() if any(len(values) > 1 for values in problems.values())]


def _row(run, settings):
    facts, last = run.attributes, run.last
    accuracy = last.get("test_accuracy", last.get("accuracy"))
    return {
        "problem": facts["problem"],
        "data": facts.get("data", ""),
        "method": facts["label"],
        "P": str(facts["P"]),
        "R": f"{facts['R']}*" if facts["hosted"] else str(facts["R"]),
        "lanes": str(facts["lanes"]) if facts.get("lanes", 1) not in ("", 1) else "",
        **{name: str(facts.get(name, "")) for name in settings},
        "steps": f"{last['local_steps']:,}" if last else "",
        "rounds": f"{last['rounds']:,}" if last else "",
        "loss": f"{last['loss']:.6g}" if last else "",
        "accuracy": "" if accuracy is None else f"{accuracy:.4f}",
        **{phase: f"{run.seconds[phase]:.3g}" for phase in ("compute", "comm", "wait")},
        "status": facts["status"] if facts["status"] == "ok" else f"{facts['status']}: {facts['reason']}",
    }
