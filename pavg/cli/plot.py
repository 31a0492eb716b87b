"""pavg plot: a figure for a paper."""

from pathlib import Path

import click

KINDS = ("convergence", "k-sweep", "speed-up", "scaling", "time-split")
CURVES = ("loss", "normalised", "test_loss", "accuracy", "test_accuracy", "grad_norm", "drift")


@click.command("plot")
@click.argument("kind", type=click.Choice(KINDS))
@click.argument("path", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="The figure: .pdf, .png or .svg.",
)
@click.option("--where", "expression", metavar="EXPR", help="Runs for which it holds: 'P == 8 and K < 64'.")
@click.option(
    "--x", type=click.Choice(("samples", "steps", "rounds", "seconds")), default="samples", show_default=True,
    help="What curves run over (convergence), or the target costs (k-sweep).",
)  # fmt: skip
@click.option("--y", type=click.Choice(CURVES), help="The curve. [default: loss; for targets, normalised]")
@click.option("--target", type=float, default=0.1, show_default=True, help="Value of the curve to get to.")
@click.option(
    "--envelope", is_flag=True, help="The best step size at each evaluation, not at the end (convergence)."
)
def command(kind, path, output, expression, x, y, target, envelope):
    """Draw a figure for a paper of the results in PATH.

    PATH is a folder or a merged file. The figure is a column wide; its caption is printed.

    \b
    convergence  the loss over samples, steps, rounds or seconds, for each K
    k-sweep      samples (steps, rounds, seconds) to a target over K
    speed-up     how many times sooner P learners get to the target
    scaling      strong (the same samples in all) and weak (the same steps each)
    time-split   local steps, averaging and waiting, for each K
    """
    from pavg.cli.results import many
    from pavg.errors import InputError
    from pavg.report import analysis, figures

    if output.suffix.removeprefix(".").lower() not in figures.FORMATS:
        raise InputError(f"-o {output}: expected a name that ends in .pdf, .png or .svg")
    data, _ = many(path)
    table = analysis.runs(data)
    points = analysis.curves(data, table)
    if expression:
        table = analysis.chosen(table, expression)
    y = y or ("loss" if kind == "convergence" else "normalised")
    figure, caption = figures.KINDS[kind](data, table, points, x=x, y=y, target=target, envelope=envelope)
    figures.save(figure, output, f"{kind} of {path.name}: {caption}")
    print(f"{output}: {caption}")
