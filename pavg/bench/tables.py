"""Rows as a table on the terminal, and as a figure."""

from pavg import quantities
from pavg.bench.base import SI
from pavg.errors import InputError, missing_extra

WIDEST = 10_000


def show(columns, rows):
    """Print the columns that are meant for a table and that some row has."""
    from rich.table import Table

    made = Table(box=None, header_style="bold", pad_edge=False)
    shown = [name for name, c in columns.items() if c.shown and _given(rows, name)]
    for name in shown:
        text = columns[name].unit == ""
        unit = "" if columns[name].shown == SI else columns[name].unit
        heading = name if unit in ("", "1") else f"{name} ({unit})"
        made.add_column(heading, justify="left" if text else "right", no_wrap=True)
    for row in rows:
        made.add_row(*(_cell(columns[name], row.get(name)) for name in shown))
    print_whole(made)


def print_whole(table, console=None):
    """Print a rich.table.Table. A terminal that is narrower wraps its lines: nothing is cut."""
    from rich.console import Console
    from rich.measure import Measurement
    from rich.segment import Segment, Segments

    console = console or Console()
    whole = Measurement.get(console, console.options.update(max_width=WIDEST), table).maximum
    options = console.options.update(width=max(console.width, whole))
    made = []
    for line in console.render_lines(table, options, pad=False):
        while line and not line[-1].text.strip():  # blanks at the end would be wrapped too
            line.pop()
        if line:
            line[-1] = Segment(line[-1].text.rstrip(), line[-1].style)
        made += [*line, Segment.line()]
    console.print(Segments(made), soft_wrap=True, end="")


def _given(rows, name):
    return any(row.get(name) not in (None, "") for row in rows)


def _cell(column, value):
    if value is None:
        return ""
    return quantities.shown(value, column.unit) if column.shown == SI else format(value, column.shown)


def check_drawing():
    """The class of matplotlib's figures. InputError where it is not installed."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise missing_extra("matplotlib", "report") from None
    return Figure


def figure(benchmark, rows, path):
    """Draw a benchmark's rows into a file. InputError for one that it cannot write."""
    made = check_drawing()(figsize=(9, 6), layout="constrained")
    benchmark.draw(rows, made)
    try:
        made.savefig(path, dpi=120)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be written: {error}") from None
