"""One TOML file → many tables, one a cell: a product of lists (grid) and coupled lists (zip).

[grid]                       # every combination
seed = "0:3"                 # 0, 1, 2
method.K = [1, 16, "all"]

[[zip]]                      # the first values together, the second values together, …
P = [8, 1]
step_size = [0.1, 0.4]
"""

import copy
import itertools
import re
import tomllib
from pathlib import Path

from pavg import spec, tables
from pavg.errors import InputError

# keys whose paths are relative to the file they stand in
PATHS = ("data.path", "data.test_path", "method.replay", "clock.compute.trace", "clock.comm.trace")


def packaged():
    """Name → path of the benchmarks that come with pavg: `quickstart`, or `folder/file`."""
    here = Path(__file__).resolve().parent.parent
    root = (
        here / "benchmarks" if (here / "benchmarks").is_dir() else here.parent / "benchmarks"
    )  # wheel, checkout
    return {str(p.relative_to(root).with_suffix("")): p for p in sorted(root.rglob("*.toml"))}


def sources(name):
    """The TOML files that a name stands for: a file, a folder's files, or a packaged benchmark or folder."""
    path, known = Path(name), packaged()
    try:
        found = [path] if path.is_file() else sorted(path.glob("*.toml")) if path.is_dir() else []
    except OSError as error:
        raise InputError(f"{name}: cannot be looked for: {error.strerror}") from None
    if found:
        return found
    found = [known[key] for key in known if key == str(name) or key.startswith(f"{name}/")]
    if not found:
        benchmarks = ", ".join(known) or "none"
        raise InputError(f"{name}: no such file, folder or benchmark; benchmarks: {benchmarks}")
    return found


def cells(path, overrides=()):
    """All cells of a file as `Spec`s, checked. overrides : texts "key=value" (dotted key, TOML value)."""
    return [spec.build(table, source) for source, table in expand(path, overrides)]


def expand(path, overrides=()):
    """[(source, table)] of the cells of a file, not checked yet. source : for messages."""
    document = {"name": Path(path).stem} | tables.read(path)
    _check_sweep(document, path)
    _anchor(document, Path(path).resolve().parent)
    for text in overrides:
        override(document, text)
        _check_sweep(document, f"--set {text}")
    document.pop("description", None)
    grid = _leaves(document.pop("grid", {}), f"{path}: grid")
    zips = [_leaves(table, f"{path}: zip") for table in document.pop("zip", [])]
    _check_distinct([*grid, *itertools.chain(*zips)], path)
    axes = [[{key: value} for value in values] for key, values in grid.items()]
    axes += [_coupled(lists, path) for lists in zips]
    made = []
    for index, choice in enumerate(itertools.product(*axes)):
        table, chosen = copy.deepcopy(document), {}
        for part in choice:
            chosen |= part
        for key, value in chosen.items():
            _put(table, key, value, path)
        shown = ", ".join(f"{key} = {value}" for key, value in chosen.items())
        made.append((f"{path}: cell {index} ({shown})" if shown else str(path), table))
    return made


def _check_sweep(document, path):
    """InputError for a grid or zip of another shape than the module shows."""
    if not isinstance(document.get("grid", {}), dict):
        raise InputError(f"{path}: grid: expected one [grid] table")
    zips = document.get("zip", [])
    if not isinstance(zips, list) or not all(isinstance(table, dict) and table for table in zips):
        raise InputError(f"{path}: zip: expected [[zip]] tables of lists")


def _check_distinct(keys, path):
    """InputError for a key that is swept twice, by itself or within a table."""
    for one, other in itertools.combinations(keys, 2):
        if f"{one}.".startswith(f"{other}.") or f"{other}.".startswith(f"{one}."):
            raise InputError(
                f"{path}: {one} and {other} are swept apart; expected each key in one [grid] or [[zip]]"
            )


def _leaves(table, where, prefix=""):
    """Dotted key → list of values. A text "a:b" or "a:b:step" is the list of those integers."""
    found = {}
    for key, value in table.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            found |= _leaves(value, where, f"{name}.")
            continue
        if isinstance(value, str) and re.fullmatch(r"\d+:\d+(:[1-9]\d*)?", value):
            value = list(range(*map(int, value.split(":"))))
        if not isinstance(value, list) or not value:
            raise InputError(f"{where}.{name} = {value!r}: expected a list of values, or a range as '0:10'")
        found[name] = value
    return found


def _coupled(lists, path):
    lengths = {key: len(values) for key, values in lists.items()}
    if len(set(lengths.values())) > 1:
        shown = ", ".join(f"{key} {n}" for key, n in lengths.items())
        raise InputError(f"{path}: zip: lists of different lengths ({shown}); expected equal ones")
    return [dict(zip(lists, values, strict=True)) for values in zip(*lists.values(), strict=True)]


def _put(table, key, value, where):
    *parents, last = key.split(".")
    for parent in parents:
        table = table.setdefault(parent, {})
        if isinstance(table, str):
            raise InputError(f"{where}: {key}: {parent} is a name, not a table; write [{parent}] name = …")
        if not isinstance(table, dict):
            raise InputError(f"{where}: {key}: {parent} is not a table")
    table[last] = value


def override(document, text):
    """Apply "key=value" to the raw document; a key that the grid sweeps is fixed to the value."""
    key, sign, value = text.partition("=")
    key = key.strip()
    if not sign or not key or "\n" in text:
        raise InputError(f"--set {text}: expected key=value, as method.K=16")
    try:
        parsed = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        parsed = value.strip()
    if key in PATHS and parsed and isinstance(parsed, str):
        parsed = str(Path(parsed).expanduser().resolve())
    for table in document.get("zip", []):
        if any(f"{key}.".startswith(f"{swept}.") for swept in _leaves(table, "zip")):
            raise InputError(
                f"--set {text}: {key} is coupled with others in a [[zip]]; edit the file instead"
            )
    for swept in _leaves(document.get("grid", {}), "grid"):
        if key.startswith(f"{swept}."):
            raise InputError(f"--set {text}: the grid sweeps {swept} as a whole; edit the file instead")
    _drop(document.get("grid", {}), key.split("."))
    _put(document, key, parsed, f"--set {text}")


def _drop(table, path):
    table.pop(".".join(path), None)
    for part in path[:-1]:
        table = table.get(part, {})
        if not isinstance(table, dict):
            return
    table.pop(path[-1], None)


def _anchor(node, folder):
    """Make relative paths absolute, from the file's folder: of the runs, of [grid], of [[zip]]."""
    for table in (node, node.get("grid", {}), *node.get("zip", [])):
        for key in PATHS:
            for owner, last in _places(table, key.split(".")):
                owner[last] = _absolute(owner[last], folder)


def _places(table, parts):
    """(table, key) wherever a raw table has a dotted key: nested, in quotes, in each table of a list."""
    for n in range(1, len(parts) + 1 if isinstance(table, dict) else 0):
        key = ".".join(parts[:n])
        if key in table and n == len(parts):
            yield table, key
        elif key in table:
            for inner in table[key] if isinstance(table[key], list) else [table[key]]:
                yield from _places(inner, parts[n:])


def _absolute(value, folder):
    if isinstance(value, list):
        return [_absolute(v, folder) for v in value]
    if not isinstance(value, str) or value.startswith(("~", "$")):
        return value
    return str(folder / value) if value else value
