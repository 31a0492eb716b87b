"""Which cells run as one task: those that differ in step size alone go side by side, as lanes.

Groups follow from the sweep file alone, never from what is done or chosen: a group has one checkpoint.
"""

from dataclasses import dataclass, replace
from pathlib import Path

from pavg.engine.checkpoint import Checkpoints
from pavg.records.layout import WHOLE
from pavg.settings import flat
from pavg.spec import lanes_for
from pavg.sweep import selection
from pavg.sweep.cells import Cell, located, ranks

IN_NAMES = ("name", "P", "K", "R", "seed", "repetition")


def grouped(specs):
    """The groups of a sweep, tuples of its cells' indices, by their first cells; most hold one cell."""
    alike = {}
    for index, spec in enumerate(specs):
        key = index if spec.most_lanes == 1 else repr(replace(spec, step_size=None))
        alike.setdefault(key, []).append(index)
    groups = []
    for members in alike.values():
        most = specs[members[0]].most_lanes
        groups += [tuple(members[i : i + most]) for i in range(0, len(members), most)]
    return sorted(groups)


def chosen(specs, size, cells=None, where=None):
    """The groups that --cells and --where touch: each is meant whole. size : ranks of the job."""
    groups = grouped(specs)
    if cells is None and where is None:
        return groups
    settings = [flat(spec.settings()) | {"R": ranks(spec, size)} for spec in specs]
    found = set(selection.chosen(settings, cells, where))
    return [group for group in groups if not found.isdisjoint(group)]


def differences(groups, specs):
    """A text for each group: the settings that tell it from others of its sweep and are not in its name.

    Nor the problem: whoever tells of a group names that anyway.
    """
    firsts = [specs[one[0]] if len(one) == 1 else replace(specs[one[0]], step_size=None) for one in groups]
    settings, values = [flat(spec.settings()) for spec in firsts], {}
    for found in settings:
        for key, value in found.items():
            values.setdefault((found["name"], key), set()).add(str(value))

    def told(found, key):
        named = key in (*IN_NAMES, "problem") or key.startswith("method")
        return not named and found[key] is not None and len(values[found["name"], key]) > 1

    return [", ".join(f"{key} = {found[key]}" for key in found if told(found, key)) for found in settings]


@dataclass(frozen=True)
class Group:
    """Cells that are scheduled, checkpointed and started again as one. differs : from others, in words."""

    cells: tuple[Cell, ...]
    differs: str = ""

    @classmethod
    def of(cls, indices, specs, size, out, origins, differs=""):
        """That of some cells, in a job of `size` ranks. origins : of samples, by `data`."""
        cells = (located(index, specs[index], size, out, origins[specs[index].data]) for index in indices)
        return cls(tuple(cells), differs)

    @property
    def index(self):
        """Of its first cell, by which a sweep knows it."""
        return self.cells[0].index

    @property
    def indices(self):
        """Of its cells, as a text for --cells."""
        return selection.text([cell.index for cell in self.cells])

    @property
    def spec(self):
        """What its cells have in common (and the first one's step size)."""
        return self.cells[0].spec

    @property
    def R(self):
        return self.cells[0].R

    @property
    def ranks(self):
        """Ranks that it takes."""
        return self.cells[0].ranks

    @property
    def lanes(self):
        """Models side by side, padding included."""
        return lanes_for(len(self.cells))

    @property
    def name(self):
        """The first cell's; with +7 where seven more run beside it."""
        return self.cells[0].name + (f"+{len(self.cells) - 1}" if len(self.cells) > 1 else "")

    @property
    def folder(self):
        return self.cells[0].path.parent

    @property
    def checkpoints(self) -> Path:
        return self.folder / ".checkpoints" / self.name

    def states(self):
        """Index → state of its cells. For one rank to ask."""
        return {cell.index: cell.state() for cell in self.cells}

    def starts(self):
        """How many times it has been started, as far as files tell."""
        return max([Checkpoints(self.checkpoints, {}).starts(), *(cell.starts() for cell in self.cells)])

    def clean(self, states):
        """Remove what is left beside whole results; the checkpoints, once every cell has its own."""
        whole = [cell for cell in self.cells if states[cell.index] in WHOLE]
        for cell in whole:
            cell.keep_only(cell.path)
        if len(whole) == len(self.cells):
            Checkpoints(self.checkpoints, {}).remove()
