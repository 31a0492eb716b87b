"""Two folders of results, cell by cell: how many times as long B takes for the same work as A."""

from dataclasses import dataclass

from scipy.stats import gmean

from pavg.report import intervals
from pavg.report.pairing import Cell, Pairing, pair


@dataclass(frozen=True)
class Compared:
    """One cell with its interval. verdict : of `pavg.report.intervals`; enough : how many repetitions would
    tell, where it is UNKNOWN; None where one cannot know. sound : whether it was made by turns, or could
    not be, on two machines; elsewhere the verdict is UNKNOWN."""

    cell: Cell
    interval: intervals.Interval
    verdict: str
    enough: int | None
    sound: bool

    @property
    def rounds(self):
        """Seconds a round in A and in B: geometric means."""
        rounds = max(self.cell.a[0].last["rounds"], 1)
        sides = (self.cell.a, self.cell.b)
        return tuple(float(gmean([run.seconds for run in side])) / rounds for side in sides)


@dataclass(frozen=True)
class Comparison:
    """compared : `Compared` cells; refused : `Cell`s that are not, with their reasons."""

    pairing: Pairing
    compared: list
    refused: list

    @property
    def worse(self):
        return [one for one in self.compared if one.verdict == intervals.WORSE]

    @property
    def whole(self):
        """Whether every cell of both sides was compared."""
        return not self.refused and not any(self.pairing.alone.values())


def compare(a, b, margin, across=()):
    """The `Comparison` of the results under two paths.

    margin : ratios from 1/(1 + margin) to 1 + margin are no difference worth the name; across : as
    `pavg.report.pairing.pair` has it, and what it raises.
    """
    pairing = pair(a, b, across)
    cells = [cell for cell in pairing.cells if not cell.refused]
    machines = "cpu" in pairing.differs
    compared = [_compared(cell, len(cells), margin, cell.turns or machines) for cell in cells]
    return Comparison(pairing, compared, [cell for cell in pairing.cells if cell.refused])


def _compared(cell, count, margin, sound):
    rule = intervals.paired if cell.turns else intervals.apart
    found = rule([run.seconds for run in cell.a], [run.seconds for run in cell.b], count)
    verdict = found.verdict(margin) if sound else intervals.UNKNOWN
    enough = found.enough(count, margin) if sound and verdict == intervals.UNKNOWN else None
    return Compared(cell, found, verdict, enough, sound)
