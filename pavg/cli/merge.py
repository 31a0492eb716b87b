"""pavg merge: many result files → one."""

import sys
from pathlib import Path

import click


@click.command("merge")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="The merged file.")
@click.option("--all", "everything", is_flag=True, help="Runs that are not over or failed, too.")
def command(paths, output, everything):
    """Merge the results under PATHS into one file.

    PATHS are files and folders. The axes are runs, evaluations and ranks. Each parameter is a variable
    over runs. Models are left out.
    """
    from pavg.cli.stages import stages
    from pavg.records.merging import merge

    with stages() as progress:
        outcome = merge(paths, output, everything, progress)
    for error in outcome.unsound:
        print(f"left out: {error}", file=sys.stderr)
    if outcome.paused:
        print(f"left out: {len(outcome.paused)} runs that are not over or failed (--all)", file=sys.stderr)
    print(f"{outcome.merged:,} runs: {output}")
