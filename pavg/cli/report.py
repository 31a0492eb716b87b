"""pavg report: a folder of results → a page to look at."""

from pathlib import Path

import click


@click.command("report")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("-o", "--output", default="report.html", show_default=True, type=click.Path(path_type=Path), help="The page.")
@click.option("--title", help="Its title; the name of PATH if not given.")
def command(path, output, title):
    """Make one interactive page of the results in PATH, a folder or a merged file.

    The page is one file that opens in a browser without a network.
    """
    from pavg.cli.stages import stages
    from pavg.records import open_results
    from pavg.report import page
    from pavg.report.contents import contents

    with stages() as progress:
        data = open_results(path, progress)
    found = contents(data, title or path.resolve().name)
    page.write(output, found)
    print(f"{len(found.data['runs']):,} runs: {output}")
