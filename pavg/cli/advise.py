"""pavg advise: which K is soonest at a loss, on a machine that was measured."""

from pathlib import Path

import click


@click.command("advise")
@click.argument("spec")
@click.option("--target-loss", "target", type=float, required=True, help="Training loss to be reached.")
@click.option(
    "--machine", type=click.Path(path_type=Path), required=True, help="What 'pavg bench machine --out' wrote."
)
@click.option(
    "--pilots",
    "share",
    type=click.FloatRange(0, 1, min_open=True),
    default=0.3,
    show_default=True,
    help="Part of the samples of the whole run that short runs may draw.",
)
@click.option("-n", "ranks", type=click.IntRange(1), help="Start mpirun with so many ranks.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Set a key, as P=8.")
def command(spec, target, machine, share, ranks, overrides):  # fmt: skip
    """Which K gets the runs of SPEC to a training loss soonest?

    SPEC is a TOML file with method "periodic", whose K does not count; each run of it (over P, step sizes)
    is advised on by itself. Short runs tell how many samples each K needs; the machine's model, what a round
    takes. Losses hang on no clock: pilots run on whatever ranks there are, also P = 128 on two.
    """
    from pavg.cli.guard import guarded
    from pavg.comm import launch

    if ranks is not None:
        words = ["advise", spec, f"--target-loss={target}", f"--machine={machine}", f"--pilots={share}"]
        words += [f"--set={text}" for text in overrides]
        return launch.start(ranks, lambda again: words)
    return guarded(lambda comm: _advise(comm, spec, target, machine, share, overrides))


def _advise(comm, name, target, machine, share, overrides):
    from pavg.advisor.asking import ask
    from pavg.cli.stages import stages
    from pavg.comm.agreement import once, together
    from pavg.engine.task import open_data
    from pavg.machine import load
    from pavg.sweep import running

    model = together(comm, lambda: load(machine))
    for spec in running.specifications(comm, name, running.How(Path(), overrides)):
        with stages() as progress:
            once(comm, lambda spec=spec, told=progress: open_data(spec, told) and None)
            store = together(comm, lambda spec=spec: open_data(spec))

            def told(K, done, total, progress=progress):
                if comm.Get_rank() == 0:
                    progress(f"pilot, K = {K}", done, total)

            answer = ask(comm, spec, store, model, target, share, told)
        if comm.Get_rank() == 0:
            _show(spec, target, answer, model.notes(spec.P))
    return 0


def _show(spec, target, answer, notes):
    from rich.table import Table

    from pavg import quantities
    from pavg.bench.tables import print_whole

    found = answer.advice
    size = f", step size {spec.step_size}" if spec.step_size else ""
    print(f"{spec.name}: P = {spec.P}{size}; to a training loss of {target:g}")
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("K", "samples", "of K = 1", "a round", "to the loss", "between", "worst"):
        table.add_column(heading, justify="right", no_wrap=True)
    for one in found.choices:
        low, high = (quantities.shown(value, "s") for value in (one.seconds.low, one.seconds.high))
        mark = "→ " if one is found.best else ""
        table.add_row(
            f"{mark}{one.K:,}",
            f"{one.samples.middle:,.0f}",
            f"{one.slower.middle:.3g} ({one.slower.low:.3g} … {one.slower.high:.3g})",
            quantities.shown(one.round.middle, "s"),
            quantities.shown(one.seconds.middle, "s"),
            f"{low} … {high}",
            f"{one.worst:.3g}",
        )
    print_whole(table)
    if found.best is None:
        print(f"don't know: {found.why}")
    else:
        print(f"K = {found.best.K}: {_neighbours(found)}")
        for what, K in answer.changes:
            print(f"if {what}: {'not known' if K is None else f'K = {K}'}")
    print(
        f"pilots: {answer.share:.0%} of the samples of the whole run, {answer.seconds:.3g} s here; "
        f"samples with K = 1: {answer.needed.middle:,.0f} ({answer.needed.low:,.0f} … {answer.needed.high:,.0f})"
    )
    for note in notes:
        print(note)


def _neighbours(found):
    best = found.best.seconds.middle
    return ", ".join(
        f"K = {one.K} takes {one.seconds.middle / best:.3g} times as long" for one in found.neighbours
    )
