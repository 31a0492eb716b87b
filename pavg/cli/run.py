"""pavg run: all cells of a specification that have no result yet."""

import contextlib
import gc
import math
import shlex
import sys
from pathlib import Path

import click

INTERRUPTED = 75  # EX_TEMPFAIL: start the same command again
SOME_FAILED = 3  # the sweep is over; some cells failed or took too long


class Seconds(click.FloatRange):
    """More than 0, and not inf or nan, which no clock ever passes."""

    def convert(self, value, parameter, context):
        seconds = super().convert(value, parameter, context)
        if not math.isfinite(seconds):
            self.fail(f"{value} is not a number of seconds.", parameter, context)
        return seconds


POSITIVE = Seconds(0, min_open=True)


@click.command("run")
@click.argument("spec")
@click.option("-n", "ranks", type=click.IntRange(1), help="Start mpirun with so many ranks.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Set a key, as method.K=16.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("results"), show_default=True)
@click.option("--cells", metavar="RANGES", help="Only these cells of the file, as 3:9 or 0,4,8:12:2.")
@click.option("--where", metavar="EXPRESSION", help="Only cells for which this is true: 'K<64 and P==8'.")
@click.option("--repeat", type=click.IntRange(1), default=1, help="Repetitions of each cell, for times.")
@click.option("--against", metavar="SPEC", help="Run its cells too, by turns with those of the first SPEC.")
@click.option("--timeout", type=POSITIVE, metavar="SECONDS", help="The most that a cell may take, all told.")
@click.option(
    "--retry",
    multiple=True,
    type=click.Choice(["failed", "timeout"]),
    help="Run again what failed or took too long.",
)
@click.option("--side-by-side", is_flag=True, help="Cells that need fewer ranks than there are run together.")
@click.option(
    "--checkpoint-seconds",
    type=POSITIVE,
    default=300.0,
    show_default=True,
    help="Checkpoints are so far apart at least.",
)
@click.option(
    "--checkpoint-rounds", type=click.IntRange(1), help="A checkpoint after so many rounds, each time."
)
@click.option(
    "--patience",
    type=POSITIVE,
    default=1800.0,
    show_default=True,
    help="Seconds without a sign of life after which the job ends.",
)
@click.option("--dry-run", is_flag=True, help="Say what would run, and about how long; run nothing.")
@click.pass_context
def command(context, spec, ranks, out, dry_run, **options):
    """Run all that SPEC says and that has no result yet.

    SPEC is a TOML file, a folder of them, or a benchmark's name (pavg list benchmarks). Under mpirun or
    srun it uses the ranks that are there; with -n it starts mpirun itself. Cells with a whole result
    under OUT are skipped. Ctrl-C, SIGUSR1 and SIGTERM end the sweep in order: a checkpoint is kept, and
    the same command goes on.
    """
    from pavg.comm import launch, signals
    from pavg.errors import InputError

    if options["timeout"] and options["timeout"] >= options["patience"]:
        raise InputError(
            f"--timeout {options['timeout']:g}: expected less than --patience {options['patience']:g}"
        )
    if options["against"] and options["side_by_side"]:
        raise click.UsageError("--against and --side-by-side: expected one of them, cells take turns or not")
    if dry_run:
        from pavg.cli import forecast

        return forecast.show(spec, out, options, ranks)
    if ranks is not None:
        return launch.start(ranks, lambda again: _arguments(context, again), heard=True)
    signals.install()
    gc.disable()  # what is imported stays: to look through it takes a tenth of the time
    from pavg.cli.guard import guarded

    code = guarded(lambda comm: _run(comm, spec, out, options))
    signals.ignore()
    return code


def _arguments(context, again):
    """This command's own arguments without -n; again : after a failed cell, which is not tried once more."""
    written = ["run", context.params["spec"]]
    for parameter in context.command.params:
        value = context.params[parameter.name]
        if parameter.name in ("spec", "ranks") or (again and parameter.name == "retry"):
            continue
        name = parameter.opts[-1]
        if value is True:
            written.append(name)
        elif isinstance(value, tuple):
            written += [f"{name}={one}" for one in value]
        elif value not in (None, False):
            written.append(f"{name}={value}")
    return written


def _run(comm, spec, out, options):
    from pavg.cli.progress import watcher
    from pavg.cli.show import table
    from pavg.kernels import nothing
    from pavg.sweep import running

    nothing()
    gc.freeze()
    gc.enable()
    how = running.How(out, **options)
    with watcher(comm.Get_rank() == 0, how.side_by_side) as watching:
        outcome = running.run(comm, spec, how, watching)
    states = list(outcome.states.values())
    if comm.Get_rank() == 0:
        with contextlib.suppress(OSError, SystemExit):  # a reader who has gone does not undo the runs
            files = [path for cell in outcome.cells for path in (cell.path, cell.failed, cell.partial)]
            table([path for path in dict.fromkeys(files) if path.exists()])
            folders = list(dict.fromkeys(cell.path.parent for cell in outcome.cells))
            for folder in sorted(folders):
                print(f"results: {folder}", flush=True)
            if options["against"]:
                print(f"to compare them: pavg compare {shlex.join(map(str, folders))}", flush=True)
            _say_what_is_left(outcome, states)
    if outcome.interrupted:
        return INTERRUPTED
    return SOME_FAILED if {"failed", "timeout"} & set(states) else 0


def _say_what_is_left(outcome, states):
    for state, hint in (
        ("failed", "run again with --retry failed"),
        ("timeout", "run again with --retry timeout, and a longer --timeout"),
        ("elsewhere", "another job is at it"),
    ):
        if state in states:
            print(f"{state}: {states.count(state)} of {len(states)} cells; {hint}", file=sys.stderr)
    if outcome.interrupted:
        print("interrupted: what is there is kept; the same command goes on", file=sys.stderr)
