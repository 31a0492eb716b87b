"""A run's parameters as names and values: nested as in TOML, or flat as attributes and columns have them."""

import dataclasses
import re

from pavg import registry
from pavg.tables import default


def nested(value):
    """A dataclass as a dictionary that JSON can hold; a registered one has its name in it."""
    if not dataclasses.is_dataclass(value):
        return value
    named = {"name": value.name} if isinstance(value, registry.Component) else {}
    return named | {f.name: nested(getattr(value, f.name)) for f in dataclasses.fields(value)}


def changes(value):
    """As `nested`, keeping only what differs from its default."""
    if not dataclasses.is_dataclass(value):
        return value
    kept = {"name": value.name} if isinstance(value, registry.Component) else {}
    for f in dataclasses.fields(value):
        if getattr(value, f.name) != default(f):
            kept[f.name] = changes(getattr(value, f.name))
    return kept


def flat(settings, prefix=""):
    """Nested settings as scalars: stop_steps …; a component's name stands under its key, K by itself.

    Of a constant, the value alone is left.
    """
    found = {}
    for key, value in settings.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            if value.get("name") == "constant":
                found[name] = value["value"]
                continue
            found |= {name: value["name"]} if "name" in value else {}
            found |= flat({k: v for k, v in value.items() if k != "name"}, f"{name}_")
        else:
            found[name] = value
    if "method_K" in found:
        found["K"] = found.pop("method_K")
    return found


def named(name, known):
    """The known flat name that a name means, dotted (method.zeta, method.K) or flat, or None."""
    name = name.replace(".", "_")
    short = "K" if name == "method_K" else re.sub(r"_(name|value)$", "", name)  # as `flat` has it
    return next((one for one in (name, short) if one in known), None)
