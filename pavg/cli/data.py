"""pavg data: sets by name, their files and stores."""

import os
import re
from pathlib import Path

import click

SET = click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="A key of [data], as scale=standardize."
)
CLASSES = 10  # at most so many labels are shown one by one
MARKS = "█░▓▒"
WIDTH = 40  # of the largest learner's bar


@click.group("data")
def command():
    """Data sets: what there is, download, convert, look at them.

    Files and stores are in $PAVG_DATA, or the user's cache folder. Sets of your own go into a file like
    pavg's catalogue, named by $PAVG_CATALOGUE.
    """


@command.command("list")
def list_():
    """List the sets that are known by name, and which are here."""
    from pavg.data import catalogue
    from pavg.data.bundled import BUNDLED
    from pavg.data.conversion import folder

    place = folder()
    rows = [
        (name, _rows(entry.n, entry.n_test), f"{entry.d:,}", entry.problem, _here(name, place), entry.title)
        for name, entry in catalogue.entries().items()
    ]
    rows += [(name, "", "", "", "bundled", text) for name, text in BUNDLED.items()]
    _table(("name", "rows", "features", "problem", "here", "what it is"), rows, right=("rows", "features"))
    print(f"folder: {place}")


@command.command("get")
@click.argument("name")
@SET
def get(name, overrides):
    """Download the set NAME, verify it, and convert it to a store.

    A download that was cut off is gone on with. Files that were brought by hand are verified.
    """
    from pavg.cli.stages import stages
    from pavg.data import catalogue
    from pavg.data.conversion import folder

    data, _ = _asked({"name": name}, overrides)
    with stages() as progress:
        catalogue.get(name, folder(), progress)
    _convert(data)


@command.command("convert")
@click.argument("file", required=False)
@SET
def convert(file, overrides):
    """Convert FILE, a folder or a pattern to a store.

    The keys are those of a specification's [data]. Without FILE, --set name=digits, or synthetic
    samples: --set synthetic.like=higgs.
    """
    data, _ = _asked({"path": os.path.abspath(file)} if file else {}, overrides)
    _convert(data)


@command.command("info")
@click.argument("what")
@SET
@click.option("--partition", help="Show what each learner gets; its parameters: --set partition.beta=0.1.")
@click.option("-P", "learners", type=click.IntRange(1), default=8, show_default=True, help="Learners.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the partition.")
def info(what, overrides, partition, learners, seed):
    """Show a set by name, a file, or a store.

    A file that is not converted yet is converted.
    """
    from pavg.data import catalogue
    from pavg.data.bundled import BUNDLED
    from pavg.data.conversion import folder
    from pavg.data.store import open_store
    from pavg.errors import InputError
    from pavg.registry import suggestion

    made = {"partition": {"name": partition}} if partition else {}
    if _is_store(what):
        _, component = _asked({"path": what}, overrides, made)
        store = open_store(what)
    else:
        source, known = {"path": os.path.abspath(what)}, [*catalogue.entries(), *BUNDLED]
        if not os.path.exists(what):
            source = {"name": what}
            if what not in known:
                raise InputError(f"{what}: no such file or set{suggestion(what, known, catalogue.LISTED)}")
        data, component = _asked(source, overrides, made)
        if data.name and data.name not in BUNDLED:
            _describe(what, catalogue.find(what))
            if not catalogue.is_here(what, folder()):
                print(f"not here yet: pavg data get {what}")
                return
        store = open_store(_prepared(data))
    _show(store)
    if component is not None:
        _picture(store.train.y, component.shards(store.train.y, learners, seed))


def _asked(source, overrides, made=None):
    """(`Data`, partition or None) of a [data] table, options, and a [partition] table. InputError."""
    from pavg import registry, spec
    from pavg.errors import InputError
    from pavg.sweep.grid import override
    from pavg.tables import checked

    document, problems = {"data": source} | (made or {}), []
    for text in overrides:
        override(document, text if text.startswith("partition.") else f"data.{text}")
    data = checked(spec.Data, document["data"], "data", problems)
    problems += spec.data_conflicts(data) if data is not None else []
    component = None
    if "partition" in document:
        if not made:
            raise InputError("--set partition…: expected --partition too, or no such key")
        table = dict(document["partition"])
        cls = registry.load("partitions", table.pop("name"))
        component = checked(cls, table, "partition", problems)
    if problems:
        raise InputError("\n".join(problems))
    return data, component


def _is_store(path):
    import h5py

    from pavg.data.store import FORMAT

    if not os.path.isfile(path) or not h5py.is_hdf5(path):
        return False
    with h5py.File(path, "r", locking=False) as file:
        return file.attrs.get("format") == FORMAT


def _prepared(data):
    from pavg.cli.stages import stages
    from pavg.data import prepare

    with stages() as progress:
        return prepare(data, progress)


def _convert(data):
    from pavg.data import open_store

    _show(open_store(_prepared(data)))


def _here(name, place):
    from pavg.data.catalogue import is_here

    found = place.iterdir() if place.is_dir() else ()
    if any(re.fullmatch(re.escape(name) + r"-[0-9a-f]{12}\.h5", path.name) for path in found):
        return "converted"
    return "downloaded" if is_here(name, place) else ""


def _describe(name, entry):
    """What the catalogue says."""
    rows = [(name, entry.title), ("rows", _rows(entry.n, entry.n_test)), ("features", f"{entry.d:,}")]
    rows += [("published", page) for page in entry.pages]
    rows += [("file", file.url) for file in entry.files]
    rows += [("terms", entry.terms)] if entry.terms else []
    rows += [("paper", text) for text in entry.papers]
    rows += [("note", entry.note)] if entry.note else []
    _pairs(rows)


def _show(store):
    """A store: what is in it, what padding costs, where it is from."""
    attrs, d = store.attrs, store.n_features
    n, nnz = store.train.n, attrs["nnz"]
    kind = "  (synthetic: made up, no measurement)" if attrs.get("synthetic") else ""
    rows = [
        ("store", str(store.path)),
        ("name", f"{store.name}{kind}"),
        ("rows", _rows(n, store.test.n if store.test else 0)),
        ("features", f"{d:,}"),
        ("nonzeros", f"{nnz:,} of the training part: {nnz / (n * d):.3%}, {nnz / n:.1f} a row"),
        ("layout", f"{store.layout} {store.dtype}, {_bytes(Path(store.path).stat().st_size)}"),
        ("padding", _padding(store)),
        (
            "scale",
            attrs["scale"] + (" (means and scales are kept)" if attrs["scale"] == "standardize" else ""),
        ),
        ("labels", _labels(store.train.y)),
    ]
    told = {"name", "n_features", "layout", "nnz", "scale", "format", "synthetic"}
    rows += [
        (key.replace("_", " "), str(value)) for key, value in attrs.items() if key not in told and value != ""
    ]
    _pairs(rows)


def _padding(store):
    """Bytes that fill rows up to whole cache lines, of both parts."""
    import numpy as np

    filled = whole = 0
    for part in filter(None, (store.train, store.test)):
        if store.layout == "dense":
            filled += part.X.itemsize * part.n * (part.X.shape[1] - store.n_features)
            whole += part.X.nbytes
        else:
            each = part.values.itemsize + part.columns.itemsize
            filled += each * int(np.count_nonzero(part.columns == store.n_features))
            whole += part.values.nbytes + part.columns.nbytes
    return f"{_bytes(filled)}: {filled / max(whole, 1):.1%} of X"


def _labels(y):
    import numpy as np

    values, counts = np.unique(y, return_counts=True)
    if len(values) > CLASSES:
        return f"{len(values):,} values from {values[0]:g} to {values[-1]:g}, mean {y.mean():.6g}"
    return ", ".join(f"{v:g}: {c:,} ({c / len(y):.1%})" for v, c in zip(values, counts, strict=True))


def _picture(y, shards):
    """A line a learner: its rows, labels, and a bar in which each label has a mark."""
    import numpy as np

    values, codes = np.unique(y, return_inverse=True)
    few = len(values) <= CLASSES
    marks = MARKS if len(values) <= len(MARKS) else "0123456789"
    heads = [f"{v:g} {marks[k]}" for k, v in enumerate(values)] if few else ["mean"]
    lines, longest = [], shards.counts.max()
    for p, (start, count) in enumerate(zip(shards.starts, shards.counts, strict=True)):
        rows = shards.rows[start : start + count] if shards.rows.size else slice(start, start + count)
        if few:
            amounts = np.bincount(codes[rows], minlength=len(values))
            cuts = np.rint(np.cumsum(amounts) * WIDTH / longest).astype(int)
            bar = "".join(marks[k] * size for k, size in enumerate(np.diff(cuts, prepend=0)))
            shown = [f"{amount:,}" for amount in amounts]
        else:
            bar, shown = MARKS[0] * round(WIDTH * count / longest), [f"{y[rows].mean():.6g}"]
        lines.append((str(p), f"{count:,}", *shown, bar))
    _table(("learner", "rows", *heads, ""), lines, right=("learner", "rows", *heads))


def _rows(n, n_test):
    return f"{n:,} + {n_test:,}" if n_test else f"{n:,}"


def _bytes(count):
    for unit in ("bytes", "kB", "MB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.4g} GB"


def _print(table):
    """On a terminal, texts are folded to its width; elsewhere each line is whole."""
    from rich.console import Console

    from pavg.bench.tables import print_whole

    console = Console(highlight=False)
    console.print(table) if console.is_terminal else print_whole(table, console)


def _table(heads, rows, right=()):
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", pad_edge=False)
    for head in heads:
        table.add_column(head, justify="right" if head in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    _print(table)


def _pairs(rows):
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for key, value in rows:
        table.add_row(Text(key), Text(value))
    _print(table)
