"""pavg bench: what this machine does, measured."""

import dataclasses
import platform
from pathlib import Path

import click

TYPES = {bool: click.BOOL, int: click.IntRange(1), str: click.STRING}


class Benchmarks(click.Group):
    """A command for each benchmark, made of the options that it declares, when it is asked for."""

    def list_commands(self, context):
        from pavg.bench import BENCHMARKS

        return list(BENCHMARKS)

    def get_command(self, context, name):
        from pavg.bench import BENCHMARKS, load

        return _command(name, load(name)) if name in BENCHMARKS else None


@click.group("bench", cls=Benchmarks)
def command():
    """Measure pavg itself and the machine, and what others use.

    Kernels, averaging, roofline, scikit-learn and PyTorch. Everything is told by ratios of alternating
    runs, each rank on one core of its own. Prints a table and writes OUT/bench/….bench.h5.
    """


def _command(name, cls):
    def run(ranks, out, figure, **options):
        from pavg.cli.guard import guarded
        from pavg.comm import launch

        if ranks is not None:
            written = ["bench", name, "--out", str(out), *(["--figure", str(figure)] if figure else [])]
            return launch.start(ranks, lambda again: written + _written(cls, options))
        given = {key: value for key, value in options.items() if value != ()}
        return guarded(lambda comm: _run(comm, name, cls(**given), out, figure))

    shared = [
        click.Option(["-n", "ranks"], type=click.IntRange(1), help="Start mpirun with so many ranks."),
        click.Option(["--out"], type=click.Path(path_type=Path), default=Path("results"), show_default=True),
        click.Option(["--figure"], type=click.Path(path_type=Path), help="Draw a figure, as kernels.png."),
    ]
    return click.Command(
        name, params=[*map(_option, dataclasses.fields(cls)), *shared], callback=run, help=cls.__doc__
    )


def _option(field):
    several = isinstance(field.default, tuple)
    choices = field.metadata["choices"]
    one = next(iter(field.default), "") if several else field.default
    kind = click.Choice(choices) if choices else TYPES[type(one)]
    names, told = [field.name, _flag(field)], {"help": field.metadata["help"], "show_default": True}
    if several:
        shown = ", ".join(map(str, field.default))
        return click.Option(names, multiple=True, type=kind, **told | {"show_default": shown})
    if isinstance(field.default, bool):
        names[1] += f"/--no-{names[1][2:]}" if field.default else ""
        return click.Option(names, is_flag=True, default=field.default, help=told["help"])
    return click.Option(names, type=kind, default=field.default, **told)


def _flag(field):
    """A field's name as an option; that of several values in the singular."""
    name = field.name.removesuffix("s") if isinstance(field.default, tuple) else field.name
    return f"--{name.replace('_', '-')}"


def _written(cls, options):
    """Options as words of a command line."""
    words = []
    for field in dataclasses.fields(cls):
        value = options[field.name]
        if isinstance(field.default, bool):
            words += [_flag(field) if value else f"--no-{_flag(field)[2:]}"] if value != field.default else []
        elif isinstance(value, tuple):
            words += [f"{_flag(field)}={one}" for one in value]
        else:
            words.append(f"{_flag(field)}={value}")
    return words


def _run(comm, name, benchmark, out, figure):
    from pavg.bench import files, tables
    from pavg.bench.measuring import pin
    from pavg.cli.stages import stages
    from pavg.comm.agreement import once
    from pavg.records.writing import check_writable

    once(comm, check_writable, out / "bench")
    if figure is not None:
        once(comm, tables.check_drawing)
    cores, hosts = comm.allgather(pin(comm)), len(set(comm.allgather(platform.node())))
    if comm.Get_rank() == 0:
        with stages() as progress:
            rows = list(benchmark.rows(comm, progress))
    else:
        rows = list(benchmark.rows(comm, lambda stage, done, total: None))

    def tell():
        facts = dataclasses.asdict(benchmark) | {"ranks": comm.Get_size(), "hosts": hosts, "cores": cores}
        tables.show(benchmark.columns, rows)
        print(f"file: {files.write(out / 'bench', name, facts, benchmark.columns, rows)}")
        if figure is not None:
            tables.figure(benchmark, rows, figure)
            print(f"figure: {figure}")

    once(comm, tell)
    return 0
