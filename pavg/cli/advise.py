"""pavg advise: which K is soonest at a loss, on a machine that was measured."""

from dataclasses import dataclass
from pathlib import Path

import click


@dataclass(frozen=True)
class Asked:
    """What `pavg advise` is given: its arguments and options, by their names."""

    spec: str
    target: float
    machine: Path | None
    share: float
    seeds: int | None
    figure: Path | None
    out: Path
    learners: tuple[int, ...]
    overrides: tuple[str, ...]

    @property
    def settings(self):
        """All overrides of the file."""
        swept = (f"grid.P={list(self.learners)}",) if self.learners else ()
        return (*self.overrides, *swept)


@click.command("advise")
@click.argument("spec")
@click.option("--target-loss", "target", type=float, required=True, help="Training loss to be reached.")
@click.option(
    "--machine",
    type=click.Path(path_type=Path),
    help="What 'pavg bench machine' has written. [default: the last one under OUT]",
)
@click.option(
    "--pilots",
    "share",
    type=click.FloatRange(0, 1, min_open=True),
    default=0.3,
    show_default=True,
    help="Part of the samples of the whole run that short runs may draw.",
)
@click.option(
    "--P",
    "learners",
    type=click.IntRange(2),
    multiple=True,
    help="Advise for so many learners; more than once for several.",
)
@click.option(
    "--verify",
    "seeds",
    type=click.IntRange(1),
    metavar="SEEDS",
    help="Run the advised K and its neighbours in full, by turns, on so many other seeds.",
)
@click.option("--figure", type=click.Path(path_type=Path), help="Draw seconds over K, as advice.png.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("results"), show_default=True)
@click.option("-n", "ranks", type=click.IntRange(1), help="Start mpirun with so many ranks.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Set a key, as P=8.")
def command(ranks, **options):
    """Which K gets the runs of SPEC to a training loss soonest?

    SPEC is a TOML file with method "periodic", whose K does not count; of several runs (P, step sizes) each
    is advised on. Short runs tell how many samples each K needs, the machine's model what a round takes.
    Losses hang on no clock: pilots run on whatever ranks there are, also P = 128 on two. --verify measures
    seconds: it takes one run, and a rank for each learner. Exit code 3: don't know, of any.
    """
    from pavg.cli.guard import guarded
    from pavg.comm import launch

    asked = Asked(**options)
    if ranks is not None:
        return launch.start(ranks, lambda again: _words(asked))
    return guarded(lambda comm: _advise(comm, asked))


UNKNOWN = 3  # exit code


def _words(asked):
    words = ["advise", asked.spec, f"--target-loss={asked.target!r}", f"--pilots={asked.share!r}"]
    words += [f"--out={asked.out}", *(f"--set={text}" for text in asked.overrides)]
    words += [f"--P={P}" for P in asked.learners]
    given = {"--machine": asked.machine, "--verify": asked.seeds, "--figure": asked.figure}
    return words + [f"{name}={value}" for name, value in given.items() if value is not None]


def _advise(comm, asked):
    from pavg.cli.stages import stages
    from pavg.comm.agreement import together
    from pavg.machine import load

    model = together(comm, lambda: load(asked.machine or _last(asked.out)))
    specs = together(comm, lambda: _runs(comm.Get_size(), asked))
    answers = []
    for spec in specs:
        with stages() as progress:
            answers.append(_asked(comm, asked, spec, model, progress))
        if comm.Get_rank() == 0:
            _show(spec, asked.target, answers[-1], model.notes(spec.P))
    if asked.figure is not None and comm.Get_rank() == 0:
        _draw(asked, dict(zip(_names(specs), answers, strict=True)))
    if len(specs) > 1 and comm.Get_rank() == 0:
        _soonest(specs, answers)
    if any(answer.advice.best is None for answer in answers):
        return UNKNOWN
    if asked.seeds is not None:
        _verify(comm, asked, specs[0], answers[0].advice)
    return 0


def _last(out):
    """The machine's file under a folder that was written last. InputError if there is none."""
    from pavg.errors import InputError

    found = sorted(out.glob("bench/machine-*.bench.h5"), key=lambda path: path.stat().st_mtime)
    if not found:
        raise InputError(
            f"{out}/bench: no machine's file; expected --machine FILE, or before: pavg bench machine -n 2"
        )
    return found[-1]


def _runs(size, asked):
    """The specifications, checked, K apart. InputError for ranks that do not fit."""
    from pavg.errors import InputError
    from pavg.report import figures
    from pavg.sweep import grid

    cells = [cell for path in grid.sources(asked.spec) for cell in grid.cells(path, asked.settings)]
    found = {}
    for cell in cells:
        settings = cell.settings()
        settings["method"].pop("K", None)
        found.setdefault(str(settings), cell)
    specs = list(found.values())
    least = min(spec.P for spec in specs)
    if size > least:
        raise InputError(f"{size} ranks for P = {least} learners; expected at most P")
    if asked.seeds is not None and len(specs) > 1:
        raise InputError(f"--verify: {asked.spec} has {len(specs)} runs; expected one, as by --set")
    if asked.seeds is not None and size != least:
        raise InputError(f"--verify: {size} ranks; seconds need one for each of P = {least} learners")
    if asked.figure is not None and asked.figure.suffix.removeprefix(".").lower() not in figures.FORMATS:
        raise InputError(f"--figure {asked.figure}: expected a name that ends in .pdf, .png or .svg")
    return specs


def _asked(comm, asked, spec, model, progress):
    """The `Answer` for one run. Collective."""
    from pavg.advisor.asking import ask
    from pavg.engine.task import open_together

    store = open_together(comm, spec, progress)

    def told(K, done, total):
        if comm.Get_rank() == 0:
            progress(f"pilot, K = {K}", done, total)

    return ask(comm, spec, store, model, asked.target, asked.share, told)


def _names(specs):
    """What tells runs from each other, of which there may be equal ones."""
    names = [f"P = {spec.P}, {_step_size(spec)}, seed {spec.seed}" for spec in specs]
    return [f"{name} ({k})" if names.count(name) > 1 else name for k, name in enumerate(names)]


def _step_size(spec):
    given = vars(spec.step_size).values()
    return f"step size {', '.join(f'{value}' for value in given if value is not None)}"


def _draw(asked, answers):
    from pavg.advisor.figure import seconds
    from pavg.report import figures

    figures.save(seconds(answers), asked.figure, f"Seconds to a training loss of {asked.target:g} over K")
    print(f"figure: {asked.figure}")


def _show(spec, target, answer, notes):
    from rich.table import Table

    from pavg import quantities
    from pavg.bench.tables import print_whole

    found = answer.advice
    size = f"P = {spec.P}, B = {spec.batch_size.value}, {_step_size(spec)}"
    print(f"{spec.name}: {size}; to a training loss of {target:g}")
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("K", "samples", "over those of K = 1", "a round", "to the loss", "between", "regret"):
        table.add_column(heading, justify="right", no_wrap=True)
    for one in found.choices:
        low, high = (quantities.shown(value, "s") for value in (one.seconds.low, one.seconds.high))
        table.add_row(
            f"{'→ ' if one is found.best else ''}{one.K:,}",
            f"{one.samples.middle:,.0f}",
            f"{one.slower.middle:.3g} ({one.slower.low:.3g} … {one.slower.high:.3g})",
            quantities.shown(one.round.middle, "s"),
            quantities.shown(one.seconds.middle, "s"),
            f"{low} … {high}",
            f"{one.regret:.3g}",
        )
    if found.choices:
        print_whole(table)
        print("regret: its seconds over those of the best K, to be expected from what the pilots leave open")
    if found.best is None:
        print(f"don't know: {found.why}")
    else:
        near = (
            f"K = {one.K:,} takes {one.seconds.middle / found.best.seconds.middle:.3g} times as long"
            for one in found.neighbours
        )
        print("; ".join([f"advice: K = {found.best.K:,}", *near]))
        for what, K in answer.changes:
            print(f"if {what}: {'not known' if K is None else f'K = {K:,}'}")
    if not answer.theory:
        print("L is not known: theory was not asked (pavg estimate constants; linear models, no momentum)")
    needed = answer.needed
    print(
        f"pilots: {answer.share:.0%} of the samples of the whole run, {answer.seconds:.3g} s here; K = 1 is "
        f"at the loss after {needed.middle:,.0f} samples ({needed.low:,.0f} … {needed.high:,.0f})"
    )
    for note in notes:
        print(note)


def _soonest(specs, answers):
    """Say which of several runs gets to the loss first."""
    from pavg import quantities

    best = [
        (answer.advice.best, spec) for spec, answer in zip(specs, answers, strict=True) if answer.advice.best
    ]
    if best:
        one, spec = min(best, key=lambda pair: pair[0].seconds.middle)
        taken = quantities.shown(one.seconds.middle, "s")
        print(f"soonest of all: P = {spec.P}, {_step_size(spec)}, K = {one.K:,}: {taken}")


def _verify(comm, asked, spec, found):
    """Run the advised K and its neighbours, and say what came out. Collective."""
    import numpy as np

    from pavg import quantities
    from pavg.advisor.verifying import verify
    from pavg.cli.progress import watcher

    with watcher(comm.Get_rank() == 0, False) as watching:
        told = verify(
            comm, asked.spec, asked.settings, spec, found, asked.target, asked.seeds, asked.out, watching
        )
    if told is None:
        return
    print(f"\nin full, {asked.seeds} seeds by turns:")
    for K, seconds in told.seconds.items():
        reached = np.isfinite(seconds)
        middle = quantities.shown(float(np.median(seconds)), "s")
        print(f"K = {K:,}: {middle} to the loss, median; {reached.sum()} of {seconds.size} runs got there")
    if np.isfinite(told.regret):
        print(f"regret of K = {found.best.K:,}: {told.regret:.3g}, its median over the best one's")
    else:
        print(f"regret of K = {found.best.K:,}: infinite, its median did not get to the loss")
    print(f"results: {told.folder}")
