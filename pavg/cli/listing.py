"""pavg list: what can be named in a specification."""

import click


@click.command("list")
@click.argument(
    "what", type=click.Choice(["problems", "methods", "partitions", "schedules", "datasets", "benchmarks"])
)
def command(what):
    """List problems, methods, schedules and all else that has a name.

    Each with its parameters and their defaults.
    """
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("name", "parameters", "what it is"):
        table.add_column(heading)
    for row in _rows(what):
        table.add_row(*row)
    Console().print(table)


def _rows(what):
    from pavg import registry

    if what == "datasets":
        from pavg.data import BUNDLED, catalogue

        titles = {name: entry.title for name, entry in catalogue.entries().items()}
        return [(name, "", text) for name, text in (BUNDLED | titles).items()]
    if what == "benchmarks":
        from pavg import tables
        from pavg.sweep.grid import packaged

        return [(name, "", tables.read(path).get("description", "")) for name, path in packaged().items()]
    groups = {"schedules": ("step_sizes", "batch_sizes")}.get(what, (what,))
    return [_row(group, name) for group in groups for name in registry.names(group)]


def _row(group, name):
    from pavg import registry
    from pavg.errors import InputError

    try:
        cls = registry.load(group, name)
    except InputError as error:  # of another package, which is no reason not to list the others
        return name, "", f"not usable: {error}"
    return name, _parameters(cls), cls.describe()


def _parameters(cls):
    import dataclasses

    def shown(f):
        missing = f.default is dataclasses.MISSING
        return f.name if missing else f"{f.name}={f.default}"

    return ", ".join(shown(f) for f in dataclasses.fields(cls))
