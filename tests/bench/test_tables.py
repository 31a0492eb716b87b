"""Tables on a terminal."""

import io

import pytest
from rich.console import Console
from rich.table import Table

from pavg.bench.base import SI, Benchmark, Column
from pavg.bench.tables import figure, print_whole, show
from pavg.errors import InputError


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


COLUMNS = {
    "way": Column("", "how", "s"),
    "time": Column("s", "how long", SI),
    "bytes": Column("byte", "how much", ".0f"),
    "ratio": Column("1", "of both", ".2f"),
    "turns": Column("s", "each turn, for the file alone", axes=("alternation",)),
    "note": Column("", "that no row has", "s"),
    "rate": Column("1/s", "that no row has", SI),
}


def test_a_column_is_shown_where_a_row_has_something_and_it_is_meant_for_a_table(capsys):
    rows = [
        {"way": "C", "time": 1.5e-6, "bytes": 8, "ratio": 0.0, "note": ""},
        {"way": "Python", "turns": [1]},
    ]
    show(COLUMNS, rows)
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.split() == ["way", "time", "bytes", "(byte)", "ratio"]
    assert lines[0].split() == ["C", "1.5", "µs", "8", "0.00"] and lines[1] == "Python"
    assert lines[0].startswith("C ") and lines[0].endswith(" 0.00")


def test_a_figure_is_drawn_and_what_cannot_be_written_is_one_message(tmp_path):
    class Drawn(Benchmark):
        def draw(self, rows, figure):
            figure.subplots().plot(rows)

    figure(Drawn(), [1, 2], tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    for path in (tmp_path / "a.nothing", tmp_path / "none" / "a.png"):
        with pytest.raises(InputError, match=f"{path}: cannot be written"):
            figure(Drawn(), [1, 2], path)
