"""TOML tables become checked dataclasses: unknown keys, wrong types and values are said, each in one line.

A field whose type is a dataclass is a table within the table; a list of one, `[[tables]]`.
"""

import dataclasses
import json
import tomllib
from functools import cache
from pathlib import Path
from typing import get_args, get_origin, get_type_hints

from pydantic import ConfigDict, ValidationError, create_model

from pavg import registry
from pavg.errors import InputError

STRICT = ConfigDict(
    extra="forbid", strict=True, allow_inf_nan=False, arbitrary_types_allowed=True, protected_namespaces=()
)


def read(path):
    """The raw table of a TOML file. InputError for a file that cannot be read or parsed."""
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not a TOML file: {error}") from None


def checked(cls, table, where, problems):
    """`cls` made from a table; None if that fails, and what is wrong is appended to `problems`.

    cls : a dataclass; where : the table's dotted key, "" for a whole file.
    """
    if not isinstance(table, dict):
        problems.append(f"{where} = {shown(table)}: expected a table")
        return None
    prefix, known = f"{where}." if where else "", len(problems)
    table = table | {
        key: _inner(inner, many, table[key], f"{prefix}{key}", problems)
        for key, (inner, many) in _tables(cls).items()
        if table.get(key) is not None
    }
    names = [f.name for f in dataclasses.fields(cls)]
    try:
        made = _model(cls).model_validate(table)
    except ValidationError as error:
        by_key = {}
        for e in error.errors(include_url=False):
            by_key.setdefault(e["loc"][0], []).append(e)
        problems += [_sentence(names, prefix, key, errors) for key, errors in by_key.items()]
        return None
    values = {name: getattr(made, name) for name in names}
    problems += [
        f"{prefix}{key} = {shown(value)}: expected 64-bit integers, no NUL"
        for key, value in values.items()
        if not _fits(value)
    ]
    return cls(**values) if len(problems) == known else None


def _inner(cls, many, value, where, problems):
    """A table within a table, made; what is wrong has a stand-in, so that it is said once."""
    if many:
        rows = value if isinstance(value, list) else [value]
        return [_inner(cls, False, row, f"{where}[{k}]", problems) for k, row in enumerate(rows)]
    if isinstance(value, cls):
        return value
    made = checked(cls, value, where, problems)
    return object.__new__(cls) if made is None else made


@cache
def _tables(cls):
    """Key → (dataclass, whether there is a list of them) of the tables within one."""
    found = {}
    for key, hint in get_type_hints(cls).items():
        many = get_origin(hint) is list
        for inner in get_args(hint) or (hint,):
            if dataclasses.is_dataclass(inner) and not issubclass(inner, registry.Component):
                found[key] = inner, many
    return found


@cache
def _model(cls):
    """The pydantic model that checks a dataclass's fields: strict types, finite numbers, no other keys."""
    hints = get_type_hints(cls, include_extras=True)
    fields = {f.name: (hints[f.name], default(f)) for f in dataclasses.fields(cls)}
    return create_model(cls.__name__, __config__=STRICT, **fields)


def default(f):
    """The default of a dataclass's field, `...` where it has none."""
    if f.default_factory is not dataclasses.MISSING:
        return f.default_factory()
    return ... if f.default is dataclasses.MISSING else f.default


def _fits(value):
    """Whether counters, kernels and HDF5 attributes can hold a value."""
    if isinstance(value, list):
        return all(map(_fits, value))
    if isinstance(value, str):
        return "\0" not in value
    return not isinstance(value, int) or abs(value) < 2**62


def _sentence(names, prefix, key, errors):
    """One line for one key: what was found, what is expected."""
    kind, found = errors[0]["type"], errors[0].get("input")
    if kind == "extra_forbidden":
        return f"{prefix}{key}: unknown key{registry.suggestion(key, names)}"
    if kind == "missing":
        return f"{prefix}{key}: missing"
    expected = " or ".join(dict.fromkeys(e["msg"].replace("Input should be ", "") for e in errors))
    return f"{prefix}{key} = {shown(found)}: expected {expected}"


def shown(value):
    """A value of the user's in a message."""
    return json.dumps(value, default=str)
