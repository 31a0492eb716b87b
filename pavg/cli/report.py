"""pavg report: a folder of results → a page to look at."""

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
    """Make one interactive page of the results in PATH.

    PATH is a folder or a merged file. The page is a single file. It opens in a browser, without a
    network.
    """
    from pavg.cli.results import many
    from pavg.report import page
    from pavg.report.contents import contents

    data, unsound = many(path)
    page.write(output, contents(data, title or path.resolve().name, unsound))
    print(f"{data.sizes['run']:,} runs: {output}")
