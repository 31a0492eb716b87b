"""pavg slurm: a sweep as jobs of a cluster: scripts, core-hours, sbatch."""

import sys
from pathlib import Path

import click

from pavg.slurm.names import KINDS, SLURM, safe

COUNT = click.IntRange(1)
# options of `pavg run` that are ours too, or that the scripts give it
RESERVED = {"ranks", "cells", "where", "repeat", "side_by_side", "dry_run", "overrides", "out"}


@click.command("slurm")
@click.argument("spec")
@click.argument("run_options", nargs=-1, metavar="[-- OPTIONS OF pavg run]")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Set a key, as method.K=16.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("results"), show_default=True)
@click.option("--cells", metavar="RANGES", help="Only these cells of the file, as 3:9 or 0,4,8:12:2.")
@click.option("--where", metavar="EXPRESSION", help="Only cells for which this is true: 'K<64 and P==8'.")
@click.option("--repeat", type=COUNT, default=1, help="Repetitions of each cell, for times.")
@click.option("--kind", type=click.Choice(KINDS), default="array", show_default=True)
@click.option("--jobs", type=click.Path(path_type=Path), help="Folder of the scripts [default: jobs-NAME].")
@click.option("--time", default="01:00:00", show_default=True, help="Limit of a job, or of an element.")
@click.option("--partition")
@click.option("--account")
@click.option("--constraint")
@click.option("--ntasks", type=COUNT, help="Ranks of a job, of an array at most [default: learners].")
@click.option("--nodes", type=COUNT, help="With --kind nodes.")
@click.option("--ntasks-per-node", type=COUNT, help="With --kind nodes or array.")
@click.option("--directive", multiple=True, metavar="NAME=VALUE", help="Another #SBATCH line, as mem=4G.")
@click.option("--omit", multiple=True, metavar="NAME", help="A directive that your site forbids.")
@click.option("--setup", multiple=True, metavar="LINE", help="As 'module load openmpi'.")
@click.option(
    "--launcher", default="pmi2", show_default=True, help="pmi2 or pmix (srun), mpirun, or a command."
)
@click.option("--cpu-bind", default="cores", show_default=True, help="Of srun.")
@click.option("--throttle", type=COUNT, help="Elements of an array that run at a time.")
@click.option("--max-array", type=COUNT, default=1001, show_default=True, help="Your site's MaxArraySize.")
@click.option(
    "--signal", type=COUNT, default=120, show_default=True, help="Seconds of warning before the limit."
)
@click.option(
    "--max-requeues", type=click.IntRange(0), default=10, show_default=True, help="Of an interrupted job."
)
@click.option("--hostfile", default="hosts", show_default=True, help="With --kind hostfile.")
@click.option("--templates", type=click.Path(path_type=Path, exists=True, file_okay=False), help="Yours.")
@click.option("--dry-run", is_flag=True, help="Show cells and core-hours; write nothing.")
@click.option("--submit", is_flag=True, help="Give the scripts to sbatch, and a last one that merges.")
def command(spec, **options):
    """Write scripts that run SPEC on a cluster.

    An array for each P, or one job for all cells. A script can be read and edited; sbatch takes it. What
    stands behind -- goes to pavg run.
    """
    from pavg.slurm import plan, script
    from pavg.sweep.groups import chosen

    options["run_options"] = _run_options(spec, options["run_options"])
    if options["submit"] and options["kind"] not in SLURM:
        raise click.UsageError("--submit: bash starts a hostfile job; it is nothing for sbatch")
    specs = plan.cells(spec, options["overrides"], options["repeat"])
    shape = plan.shape(
        specs, options["kind"], options["ntasks"], options["nodes"], options["ntasks_per_node"]
    )
    settings = _settings(spec, options, shape)
    wanted = chosen(specs, shape.ranks or max(spec.P for spec in specs), options["cells"], options["where"])
    jobs = plan.plan(specs, options["kind"], shape.ranks, options["max_array"], wanted)
    scripts = script.scripts(jobs, settings)
    _show(jobs, scripts, settings)
    if options["dry_run"]:
        return 0
    folder = options["jobs"] or Path(f"jobs-{safe(jobs[0].sweep)}")
    script.write(folder, scripts)
    print(f"written: {', '.join(str(folder / file) for file in scripts)}")
    return _submit(folder, [*scripts]) if options["submit"] else 0


def _run_options(spec, arguments):
    """Options of `pavg run`, --retry in one word each; a usage error for what it or a script refuses."""
    from click.core import ParameterSource

    from pavg.cli import run

    context = run.command.make_context("pavg run", [spec, *arguments])
    for parameter in run.command.params:
        given = context.get_parameter_source(parameter.name) == ParameterSource.COMMANDLINE
        if given and parameter.name in RESERVED:
            raise click.UsageError(
                f"{parameter.opts[0]} cannot stand behind --: give it to pavg slurm, or leave it out"
            )
    retried = [f"--retry={state}" for state in context.params["retry"]]
    others, words = [], iter(arguments)
    for word in words:
        if word == "--retry":
            next(words)
        elif not word.startswith("--retry="):
            others.append(word)
    return (*others, *retried)


def _settings(spec, options, shape):
    """The options as `script.Settings`, each value known to be harmless in a script."""
    from pavg.slurm import values
    from pavg.slurm.script import Settings

    overrides = [f"--set={text}" for text in options["overrides"]]
    if options["repeat"] > 1:
        overrides.append(f"--repeat={options['repeat']}")
    given = [(name, options[name]) for name in ("partition", "account", "constraint") if options[name]]
    directives = [(name, values.directive(name, value)) for name, value in given]
    if values.seconds(values.directive("time", options["time"])) <= options["signal"]:
        raise click.UsageError(f"--signal {options['signal']}: expected fewer seconds than --time has")
    same = ("time", "setup", "launcher", "cpu_bind", "throttle", "max_requeues", "hostfile", "templates")
    return Settings(
        arguments=(spec, *overrides, "--out", str(options["out"]), *options["run_options"]),
        out=options["out"],
        folder=Path.cwd(),
        directives=(*directives, *map(values.free, options["directive"])),
        omitted=options["omit"],
        shape=shape,
        seconds=options["signal"],
        **{name: options[name] for name in same},
    )


def _show(jobs, scripts, settings):
    """Print one line a job: its cells, ranks, elements, and the core-hours that its time limit allows."""
    from rich.console import Console
    from rich.table import Table

    from pavg.slurm.script import processors
    from pavg.slurm.values import seconds

    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("script", "cells", "ranks", "elements", "core-hours at most"):
        table.add_column(heading, justify="left" if heading == "script" else "right")
    total = 0.0
    for job, (file, text) in zip(jobs, scripts.items(), strict=False):  # the last script merges
        hours = len(job.elements) * job.ranks * processors(text) * seconds(settings.time) / 3600
        total += hours
        cells = (len(job.cells), job.ranks, len(job.elements))
        table.add_row(file, *(f"{number:,}" for number in cells), f"{hours:,.2f}")
    cells = sum(len(job.cells) for job in jobs)
    table.add_row("together", f"{cells:,}", "", "", f"{total:,.2f}")
    Console(highlight=False).print(table)


def _submit(folder, files):
    """Submit all files, the last one to run behind the others; print job ids. Exit code."""
    from pavg.slurm.submission import SubmissionError, submit

    try:
        ids = submit(folder, files[:-1], files[-1])
    except SubmissionError as error:
        print(f"pavg: {error}", file=sys.stderr)
        return 1
    for file, job in ids.items():
        print(f"submitted: {job} ({file})")
    print(f"logs: in {folder}; how far it is: pavg status, with the same --set, --out and --repeat")
    return 0
