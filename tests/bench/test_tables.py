"""Tables on a terminal."""

import io

from rich.console import Console
from rich.table import Table

from pavg.bench.tables import print_whole


def test_a_table_wider_than_its_terminal_is_printed_whole_and_ends_no_line_in_blanks():
    table = Table(box=None, pad_edge=False)
    for heading in ("run", "verdict"):
        table.add_column(heading, no_wrap=True)
    table.add_row("x" * 100, "[red]worse[/]")
    table.add_row("y", "z" * 90)
    told = io.StringIO()
    print_whole(table, Console(file=told, width=80, force_terminal=True, color_system=None))
    lines = told.getvalue().split("\n")
    assert lines == [f"run{'':97}  verdict", f"{'x' * 100}  worse", f"y{'':99}  {'z' * 90}", ""]
