"""pavg show: a table of runs."""

from pathlib import Path

import click

COLUMNS = (
    "problem",
    "data",
    "method",
    "P",
    "R",
    "steps",
    "rounds",
    "loss",
    "accuracy",
    "compute",
    "comm",
    "wait",
    "status",
)
WIDE = 160  # columns of a table that is not shown on a terminal


@click.command("show")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
def command(paths):
    """Show a table of the runs under PATHS: result files, or folders of them."""
    from pavg.records.reading import find

    table(find(paths))


def table(paths):
    """Print one line a run: final values, and seconds of the training clock (mean over ranks).

    Times of hosted learners (P > R) are not the times of P learners: they are marked with *.
    """
    from rich.console import Console
    from rich.table import Table

    from pavg.records.reading import summary

    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDE)
    rows = [_row(summary(path)) for path in paths]
    shown = [k for k, name in enumerate(COLUMNS) if any(row[k] for row in rows)]
    made = Table(box=None, header_style="bold", pad_edge=False)
    for k in shown:
        made.add_column(
            COLUMNS[k], justify="left" if COLUMNS[k] in ("problem", "data", "method", "status") else "right"
        )
    for row in rows:
        made.add_row(*(row[k] for k in shown))
    console.print(made)
    notes = "compute, comm, wait: seconds of the training clock, mean over ranks"
    if any("*" in row[COLUMNS.index("R")] for row in rows):
        notes += "; * hosted: fewer ranks than learners, not the times of P learners"
    console.print(notes, style="dim")


def _row(run):
    facts, last = run.attributes, run.last
    accuracy = last.get("test_accuracy", last.get("accuracy"))
    R = f"{facts['R']}*" if facts["hosted"] else str(facts["R"])
    status = facts["status"] if facts["status"] == "ok" else f"{facts['status']}: {facts['reason']}"
    return (
        facts["problem"],
        facts.get("data", ""),
        facts["label"],
        str(facts["P"]),
        R,
        f"{last['local_steps']:,}",
        f"{last['rounds']:,}",
        f"{last['loss']:.6g}",
        "" if accuracy is None else f"{accuracy:.4f}",
        *(f"{run.seconds[phase]:.3g}" for phase in ("compute", "comm", "wait")),
        status,
    )
