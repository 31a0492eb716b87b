"""pavg report: a folder of results → a page to look at."""

import sys
import warnings
from pathlib import Path

import click


@click.command("report")
@click.argument("path", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    default="report.html",
    show_default=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="The page.",
)
@click.option("--title", help="Its title; the name of PATH if not given.")
def command(path, output, title):
    """Make one interactive page of the results in PATH, a folder or a merged file.

    The page is a single file. It opens in a browser, without a network.
    """
    from pavg import open_results
    from pavg.cli.stages import stages
    from pavg.errors import InputError
    from pavg.report import page
    from pavg.report.contents import contents

    with stages() as progress, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what is left out is said below, and on the page
        data = open_results(path, progress)
    if "run" not in data.sizes:
        raise InputError(f"{path}: a file of one run; expected a folder of results or a merged file")
    unsound = data.attrs.get("left_out", "").splitlines()
    for reason in unsound:
        print(f"left out: {reason}", file=sys.stderr)
    page.write(output, contents(data, title or path.resolve().name, unsound))
    print(f"{data.sizes['run']:,} runs: {output}")
