"""pavg run --dry-run: what would run, and what it would take."""

from collections import Counter

from pavg import quantities
from pavg.cli.guard import guarded


def show(spec, out, options, ranks):
    """Print a line for each group that would run on so many ranks (None: on those that are there)."""
    return guarded(lambda comm: _show(comm, spec, out, options, ranks or comm.Get_size()))


def _show(comm, spec, out, options, size):
    from mpi4py import MPI
    from rich.table import Table

    from pavg.bench.tables import print_whole
    from pavg.sweep import running
    from pavg.sweep.forecast import forecasts

    if comm.Get_rank() != 0:
        return 0
    alone = MPI.COMM_SELF
    how = running.How(out, **options)
    groups, states, starts = running.plan(
        running.specifications(alone, spec, how), size, how, running.Watcher()
    )
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("cells", "run", "ranks", "samples", "models a rank", "data a node", "about", "where"):
        table.add_column(name, justify="left" if name in ("run", "where") else "right", no_wrap=True)
    total, unknown = 0.0, 0
    waiting = [group for group in groups if group.index in starts]
    several = len({group.spec.problem.name for group in groups}) > 1
    for one in forecasts(alone, waiting):
        samples = "?" if one.samples is None else f"{one.samples:,.0f}"
        seconds = "?" if one.seconds is None else f"{one.seconds:.2g} s"
        total, unknown = total + (one.seconds or 0.0), unknown + (one.seconds is None)
        memory, data = quantities.shown(one.memory, "B"), quantities.shown(one.data, "B")
        group = one.group
        where = ", ".join(filter(None, (group.spec.problem.name if several else "", group.differs)))
        table.add_row(group.indices, group.name, str(group.ranks), samples, memory, data, seconds, where)
    print_whole(table)
    runs = {cell.index for group in waiting for cell in group.cells}
    there = Counter(state for index, state in states.items() if index not in runs)
    left = "".join(f"; {count} {state}" for state, count in there.items())
    tasks = f", in {len(waiting)} passes" if len(waiting) < len(runs) else ""
    print(f"{len(runs)} of {len(states)} cells would run{tasks}{left}")
    print(f"local steps and averages: about {total:.2g} s, one after the other", end="")
    print(f" (without {unknown} that were not tried)" if unknown else "", end="")
    print("; evaluations, network and waiting come on top")
    return 0
