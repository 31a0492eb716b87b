"""pavg show: runs as a table, and the one place for exports."""

import json
import math
import sys
from pathlib import Path

import click

TEXTS = ("problem", "data", "label", "status", "curve")  # columns that are set to the left
COUNTS = ("local_steps", "rounds", "samples", "bytes", "ticks")
SECONDS = ("compute", "comm", "wait", "elapsed", "time_wall", "time_eval", "time_checkpoint")
# settings that have a column of their own, or that tell no runs apart
SHOWN = ("problem", "method", "K", "P", "R", "name", "data", "stop", "evaluate", "measure", "lanes")
BLOCKS = "▁▂▃▄▅▆▇█"
HOSTED = "* hosted: fewer ranks than learners, not the times of P learners"
LANES = "lanes: so many models side by side, their times are those of all of them together"
VIRTUAL = "~ virtual time: given seconds, not measured; means over learners"
INJECTED = "‡ injected: each average takes longer by a given delay, network.latency and network.bandwidth"
SIDE = "† models side by side: times are those of all of them together"


def _names(context, option, value):
    return [name.strip() for name in value.split(",")] if value else []


@click.command("show")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--where", "expression", metavar="EXPR", help="Runs for which it holds: 'K < 64 and loss < 0.1'."
)
@click.option(
    "--sort",
    metavar="NAMES",
    callback=_names,
    help="By these columns, not by settings; -NAME: largest first.",
)
@click.option("--columns", "names", metavar="NAMES", callback=_names, help="These columns, in this order.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV, with all columns if none are chosen.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with all columns if none are chosen.")
@click.option("--parquet", type=click.Path(path_type=Path, dir_okay=False), help="Write this Parquet file.")
def command(paths, expression, sort, names, as_csv, as_json, parquet):
    """Show a table of the runs under PATHS.

    PATHS are result files, folders of them, merged files. Columns are parameters (K, step_size,
    stop.steps), final values (loss, samples, time_wall) and seconds of the training clock (compute, comm,
    wait).
    """
    from pavg.cli.stages import stages
    from pavg.errors import InputError
    from pavg.records.index import summaries
    from pavg.report import export
    from pavg.report.rows import chosen, column, columns, ordered, row

    if as_csv + as_json + bool(parquet) > 1:
        raise InputError("--csv, --json, --parquet: expected one of them")
    with stages() as progress:
        found = summaries(paths, progress)
    for run in found:
        if isinstance(run, InputError):  # in a folder other files may lie too
            print(f"left out: {run}", file=sys.stderr)
    rows = [row(run) for run in found if not isinstance(run, InputError)]
    if not rows:
        raise InputError(f"{', '.join(map(str, paths))}: no results of runs there")
    exported = as_csv or as_json or parquet
    there = columns(rows)
    names = [column(name, there if exported else [*there, "curve"], "--columns") for name in names]
    rows = ordered(chosen(rows, expression) if expression else rows, sort)
    if not exported:
        rows = rows if sort else ordered(rows, _by_settings(rows))
        return show(rows, names)
    names = names or there
    if parquet:
        export.write_parquet(rows, names, parquet)
        print(f"{len(rows):,} runs: {parquet}")
    else:
        (export.write_csv if as_csv else export.write_json)(rows, names, sys.stdout)


def table(paths):
    """Print one line for each of these result files, by the indices of their folders. InputError as there."""
    from pavg.errors import InputError
    from pavg.records.index import Index
    from pavg.report.rows import row

    runs = {}
    for folder in {path.parent for path in paths}:
        index = Index(folder)
        runs |= {folder / name: run for name, run in index.refresh().items()}
        index.save()
    for path in paths:
        if isinstance(runs[path], InputError):
            raise runs[path]
    show([row(runs[path]) for path in paths])


def show(rows, names=()):
    """Print one line a run. names : of the columns; by default what tells runs apart, results and times.

    Times of hosted learners (P > R) are not the times of P learners: they are marked with *. Nor are
    those of lanes the times of one model: where their number has no column, they are marked with †.
    Virtual times are marked with ~, those with an injected delay with ‡.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from pavg.bench.tables import print_whole
    from pavg.comm.launch import watched

    console = Console(force_terminal="stdout" in watched())
    names = names or _usual(rows)
    made = Table(box=None, header_style="bold", pad_edge=False)
    for name in names:
        made.add_column(name, justify="left" if name in TEXTS else "right", no_wrap=True)
    cells = [[_cell(name, row, names) for name in names] for row in rows]
    for line in cells:
        made.add_row(*map(Text, line))  # a text of a file is no markup
    print_whole(made, console)
    timed, hosted = {*names} & {*SECONDS}, any(row["hosted"] for row in rows)
    notes = {
        "compute, comm, wait: seconds of the training clock, mean over ranks": {*names} & {*SECONDS[:3]},
        HOSTED: hosted and ("R" in names or timed),
        LANES: "lanes" in names,
        SIDE: _lanes(rows) and timed and "lanes" not in names,
        VIRTUAL: any(map(_virtual, rows)) and timed,
        INJECTED: any(map(_injected, rows)) and timed,
        "curve: the loss over evaluations, on a logarithmic scale of its own": "curve" in names,
    }
    said = [note for note, holds in notes.items() if holds]
    if said:
        console.print("; ".join(said), style="dim", soft_wrap=True)


def _lanes(rows):
    """Whether some of the runs were made side by side."""
    return any((row.get("lanes") or 1) > 1 and not _virtual(row) for row in rows)


def _virtual(row):
    """Whether its seconds were given."""
    return row.get("clock") == "virtual"


def _injected(row):
    """Whether its averages were delayed."""
    return row.get("network_latency") is not None


def _usual(rows):
    """Names of the columns that are shown if none are chosen: those in which something stands."""
    names = ["problem", "data", "label", "P", "R", *(["lanes"] if _lanes(rows) else []), *_different(rows)]
    names += ["local_steps", "rounds", "staleness", "loss", "curve"]
    names += ["accuracy"] if any("accuracy" in row and "test_accuracy" not in row for row in rows) else []
    names += ["test_accuracy", "compute", "comm", "wait", "status"]
    return [name for name in names if any(_cell(name, row, names) for row in rows)]


def _different(rows):
    """Names of the settings that differ between runs of one problem and have no column yet."""
    from pavg.settings import flat

    found = {}
    for row in rows:
        for name, value in flat(json.loads(row["config"])).items():
            if name.split("_")[0] not in SHOWN:
                found.setdefault(name, {}).setdefault(row["problem"], set()).add(str(value))
    return [name for name, problems in found.items() if any(len(values) > 1 for values in problems.values())]


def _by_settings(rows):
    """Names of the columns that a table is sorted by if none are chosen."""
    different = [name for name in _different(rows) if name != "seed"]
    names = ["problem", "data", *different, "P", "K", "label", "seed"]
    return [name for name in names if any(name in row for row in rows)]


def _cell(name, row, names):
    """What stands in a column of a run's line."""
    value = row.get(name)
    if value is None or value == []:
        return ""
    if name == "curve":
        return _sparkline(value)
    if name == "status":
        return value if value == "ok" else f"{value}: {row['reason']}"
    if name == "R":
        return f"{value}*" if row["hosted"] else str(value)
    if name in COUNTS:
        return f"{value:,}"
    if name in SECONDS:
        return f"{value:.3g}{_marks(row, names)}"
    if isinstance(value, float):
        return f"{value:.4f}" if name.endswith("accuracy") else f"{value:.6g}"
    return str(value)


def _marks(row, names):
    """What stands behind the seconds of a run, where no column says it."""
    marks = {
        "*": row["hosted"] and "R" not in names,
        "†": _lanes([row]) and "lanes" not in names,
        "~": _virtual(row),
        "‡": _injected(row),
    }
    return "".join(mark for mark, holds in marks.items() if holds)


def _sparkline(values):
    """A bar for each of some numbers, × for those that are none: from the smallest to the largest.

    Logarithmic, where all of them are above zero.
    """
    finite = [value for value in values if math.isfinite(value)]
    scale = math.log if finite and min(finite) > 0 else float
    low, high = scale(min(finite, default=1)), scale(max(finite, default=1))

    def bar(value):
        share = (scale(value) - low) / (high - low) if high > low else 0.0
        return BLOCKS[round(share * (len(BLOCKS) - 1))]

    return "".join(bar(value) if math.isfinite(value) else "×" for value in values)
