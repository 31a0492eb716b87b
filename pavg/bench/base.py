"""What a benchmark is: options, columns, rows."""

from dataclasses import dataclass, field
from typing import ClassVar

ALTERNATIONS = 11
SI = "SI"  # shown with a prefix, as 1.06 µs
QUICK = "A quick look: smaller samples, shorter times; its figures are not to be reported."


def option(default, text, choices=None):
    """A field of a benchmark that the command line offers: its default, what it says, what it may be.

    A tuple may be given several times.
    """
    return field(default=default, metadata={"help": text, "choices": choices})


@dataclass(frozen=True)
class Column:
    """What a column holds. unit : "" for texts; shown : how a table writes a number ("": not at all);
    axes : of the file, besides that of rows."""

    unit: str
    long_name: str
    shown: str = ""
    axes: tuple = ()


def ratio_columns(long_name):
    """Columns of a ratio, as `pavg.bench.ratios.ratio` makes them."""
    return {
        "ratio": Column("1", f"{long_name}: median of the ratios of alternating runs", ".2f"),
        "ratio_low": Column("1", "lower end of the median's 95 % interval, by order statistics", ".2f"),
        "ratio_high": Column("1", "upper end of it", ".2f"),
    }


NOTE = Column("", "what is missing, or what limits the row", "s")


@dataclass(frozen=True)
class Benchmark:
    """Base of the benchmarks: a frozen dataclass of options.

    columns : name → `Column`; a row need not have all of them.
    """

    columns: ClassVar[dict]

    quick: bool = option(False, QUICK)
    alternations: int = option(ALTERNATIONS, "How often the things that are compared take turns.")

    def rows(self, comm, progress):
        """Yield rows: dictionaries of column → text, number, or array over the column's axes.

        A generator that all ranks of `comm` run through alike; rank 0's rows count. progress : called with
        (what is measured, done, total).
        """
        raise NotImplementedError

    def draw(self, rows, figure):
        """Draw the rows into a matplotlib.figure.Figure."""
        raise NotImplementedError
