"""pavg run: all cells of a specification that have no result yet."""

import contextlib
import sys
from pathlib import Path

import click

INTERRUPTED = 75  # EX_TEMPFAIL: start the same command again


@click.command("run")
@click.argument("spec")
@click.option("-n", "ranks", type=click.IntRange(1), help="Start mpirun with so many ranks.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Set a key, as method.K=16.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("results"), show_default=True)
def command(spec, ranks, overrides, out):
    """Run SPEC: a TOML file, a folder of them, or a benchmark's name (pavg list benchmarks).

    Under mpirun or srun it uses the ranks that are there; with -n it starts mpirun itself. Cells with
    a whole result under OUT are skipped. Ctrl-C ends the run at its next stop and keeps what is there.
    """
    from pavg.comm import launch, signals

    if ranks is not None:
        return launch.start(ranks, _arguments(spec, overrides, out))
    signals.install()
    from pavg.cli.guard import guarded

    return guarded(lambda comm: _run(comm, spec, overrides, out))


def _arguments(spec, overrides, out):
    return ["run", spec, *(f"--set={text}" for text in overrides), "--out", str(out)]


def _run(comm, spec, overrides, out):
    from pavg.cli.progress import watcher
    from pavg.cli.show import table
    from pavg.sweep import running

    with watcher(comm.Get_rank() == 0) as watching:
        outcome = running.run(comm, spec, out, overrides, watching)
    if comm.Get_rank() == 0:
        with contextlib.suppress(OSError, SystemExit):  # a reader who has gone does not undo the runs
            table([path for path in dict.fromkeys(outcome.paths) if path.exists()])
            for folder in sorted({path.parent for path in outcome.paths}):
                print(f"results: {folder}", flush=True)
            if outcome.interrupted:
                print("interrupted: what is there is kept; the same command goes on", file=sys.stderr)
    return INTERRUPTED if outcome.interrupted else 0
