"""Which cells a job runs, and on how many ranks."""

from dataclasses import dataclass

from pavg.errors import InputError
from pavg.sweep import grid, groups
from pavg.sweep.cells import asked, needed, repeated, servers
from pavg.sweep.selection import text


@dataclass(frozen=True)
class Job:
    """One script. tasks : indices into the sweep's cells, grouped as they run; elements : texts for --cells.

    sweep : the name of its specifications, which is that of their result folder; part : of the sweep.
    elements : of its array; of a job that is no array one, empty if it runs every cell of the sweep.
    """

    kind: str
    sweep: str
    part: str
    ranks: int
    tasks: tuple
    elements: tuple

    @property
    def cells(self):
        """Indices of all its cells, sorted."""
        return _cells(self.tasks)

    @property
    def starts(self):
        """How often a command is started at most: each start but the last records a failed task."""
        return -(-len(self.tasks) // len(self.elements)) + 1


@dataclass(frozen=True)
class Shape:
    """ranks : of every job (of an array at most), None: as many as learners; nodes, per_node : or None."""

    ranks: int | None = None
    nodes: int | None = None
    per_node: int | None = None


def shape(specs, kind, ranks, nodes, per_node):
    """The `Shape` of a sweep's jobs, from what was asked for. InputError for what does not go together."""
    if kind in ("allocation", "hostfile") and per_node or kind != "nodes" and nodes:
        raise InputError(f"--kind {kind}: expected --ntasks; nodes are chosen with --kind nodes")
    if kind != "nodes":
        return Shape(ranks, None, per_node)
    if not nodes and not per_node:
        raise InputError("--kind nodes: expected --nodes or --ntasks-per-node, or both")
    most = max(needed(spec, spec.P) for spec in specs)
    ranks = ranks or (min(most, nodes * per_node) if nodes and per_node else most)
    nodes = nodes or -(-ranks // per_node)
    per_node = per_node or -(-ranks // nodes)
    if not nodes <= ranks <= nodes * per_node:
        raise InputError(f"{ranks} ranks do not fit on {nodes} nodes with {per_node} each, one at least")
    return Shape(ranks, nodes, per_node)


def plan(specs, kind, ranks=None, max_array=1001, chosen=None):
    """The jobs of a sweep: for an array one for each P, else one for all.

    specs : all cells, in file order. ranks : of every job; of an array at most. Without it, as many as
    learners. max_array : Slurm's MaxArraySize, one more than the largest index. chosen : the groups of
    cells (`pavg.sweep.groups`) that are meant; None: all. InputError where a cell asks for more ranks.
    """
    found = {}
    for task in groups.grouped(specs) if chosen is None else chosen:
        index, spec = task[0], specs[task[0]]
        most = needed(spec, ranks or spec.P)
        if ranks is not None and most > ranks:
            raise InputError(f"{spec.name}: cell {index} asks for {asked(spec)}; the jobs have {ranks}")
        part = _part(spec.P, most - servers(spec)) if kind == "array" else "all"
        found.setdefault((spec.name, part), []).append((task, most))
    jobs = []
    for (sweep, part), members in found.items():
        tasks, ranks_each = zip(*members, strict=True)
        cells = _cells(tasks)
        elements = ["" if len(cells) == len(specs) else text(cells)]
        if kind == "array":
            size = -(-len(tasks) // max_array)
            elements = [text(_cells(tasks[i : i + size])) for i in range(0, len(tasks), size)]
        most = max(ranks_each) if kind == "array" else ranks or max(ranks_each)
        jobs.append(Job(kind, sweep, part, most, tasks, tuple(elements)))
    return jobs


def _cells(tasks):
    return tuple(sorted(index for task in tasks for index in task))


def cells(name, overrides, repeat):
    """All cells of a file, folder or benchmark, checked, in the order that `pavg run` counts them."""
    return repeated([spec for path in grid.sources(name) for spec in grid.cells(path, overrides)], repeat)


def _part(P, R):
    return f"P{P:03d}" if P == R else f"P{P:03d}-R{R}"
