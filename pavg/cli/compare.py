"""pavg compare: two folders of results, cell by cell."""

import sys
from pathlib import Path

import click

SOME_WORSE = 4  # at least one cell takes longer in B
NOT_COMPARED = 5  # some cells could not be compared, or none
COLOURS = {"worse": "red", "better": "green", "cannot tell": "yellow"}
MARGIN = 0.05


@click.command("compare")
@click.argument("a", metavar="A", type=click.Path(path_type=Path))
@click.argument("b", metavar="B", type=click.Path(path_type=Path))
@click.option(
    "--margin",
    type=click.FloatRange(0, 1, min_open=True),
    default=MARGIN,
    show_default=True,
    help="Times that differ by less are no difference worth the name.",
)
@click.option(
    "--across",
    multiple=True,
    type=click.Choice(["machine", "mpi", "data", "losses"]),
    help="What is compared, and so may differ: CPUs, MPI libraries, samples, losses.",
)
def command(a, b, margin, across):
    """Compare the times of B with those of A for the same work.

    A and B are folders of results, or merged files. Cells pair by their settings; a setting that has one
    value in all of A and another in all of B is what is compared. Made by turns (pavg run A.toml
    --against B.toml --repeat 10), repetitions pair too. Exit code 0: no cell is worse; 4: some are; 5:
    some cells, or all, could not be compared.
    """
    from pavg.report.comparison import compare
    from pavg.report.pairing import NotComparable

    try:
        found = compare(a, b, margin, across)
    except NotComparable as error:
        print(f"pavg: {error}", file=sys.stderr)
        return NOT_COMPARED
    _show(found, a, b, margin)
    return SOME_WORSE if found.worse else 0 if found.whole else NOT_COMPARED


def _show(found, a, b, margin):
    from rich.console import Console
    from rich.table import Table

    from pavg import quantities
    from pavg.bench.tables import print_whole
    from pavg.report import intervals

    console = Console()
    for side, path in (("A", a), ("B", b)):
        console.print(f"{side}: {path}", markup=False, highlight=False, soft_wrap=True)
    for name, values in found.pairing.differs.items():
        console.print(f"   {name}: {values[0]} → {values[1]}", markup=False, highlight=False, soft_wrap=True)
    if not found.pairing.differs:
        console.print("   nothing that results tell differs between them", highlight=False)
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("cell", "pairs", "A, a round", "B, a round", "B/A", "interval", "verdict", "losses"):
        table.add_column(name, justify="left" if name in ("cell", "verdict") else "right", no_wrap=True)
    for one in found.compared:
        told = one.interval
        verdict = one.verdict
        if verdict == intervals.UNKNOWN:
            verdict += f": {_enough(one.enough, told.n) if one.sound else 'not made by turns'}"
        colour = COLOURS.get(one.verdict, "")
        table.add_row(
            one.cell.name + ("*" if one.cell.a[0].facts["hosted"] else ""),
            f"{told.n}" if one.cell.turns else f"{len(one.cell.a)}, {len(one.cell.b)}",
            *(quantities.shown(seconds, "s") for seconds in one.rounds),
            f"{told.ratio:.3f}",
            f"{told.low:.3f} … {told.high:.3f}" if told.n > 1 else "",
            f"[{colour}]{verdict}[/]" if colour else verdict,
            _losses(one.cell.losses),
        )
    for cell in found.refused:
        table.add_row(cell.name, "", "", "", "", "", f"not compared: {cell.refused}", _losses(cell.losses))
    print_whole(table)
    for line in _notes(found, margin, intervals):
        console.print(line, style="dim", markup=False, highlight=False, soft_wrap=True)
    for line in _left_out(found):
        print(line, file=sys.stderr)


def _enough(count, n):
    if n < 2:
        return "1 repetition has no spread"
    return "more repetitions" if count is None else f"{count:,} repetitions would"


def _losses(apart):
    """How far losses are apart, where they should agree."""
    return "" if apart is None else "equal" if apart == 0 else f"± {apart:.0e}"


def _notes(found, margin, intervals):
    if count := len(found.compared):
        yield (
            f"{'the interval holds' if count == 1 else f'all {count} intervals hold together'} in 98 of 100 "
            f"tables; no difference: from {1 / (1 + margin):.3f} to {1 + margin:.3f}"
        )
    if any(not one.cell.turns for one in found.compared):
        yield (
            "not made by turns: the ratio holds what changed on the machine between A's runs and B's, the "
            "interval does not; docs/compare.md says how to make them by turns"
        )
    if any(one.cell.a[0].facts["hosted"] for one in found.compared):
        yield "* hosted: fewer ranks than learners, not the times of P learners"
    verdicts = [one.verdict for one in found.compared]
    told = [f"{verdicts.count(verdict)} {verdict}" for verdict in dict.fromkeys(verdicts)]
    yield "; ".join([*told, *([f"{len(found.refused)} not compared"] if found.refused else [])])


def _left_out(found):
    for side, names in found.pairing.alone.items():
        if names:
            shown = ", ".join(names[:5]) + (", …" if len(names) > 5 else "")
            cells = "1 cell" if len(names) == 1 else f"{len(names)} cells"
            yield f"only in {side}: {cells}: {shown}"
    for sentence in found.pairing.left_out:
        yield f"left out: {sentence}"
