"""Names in a specification resolved to classes, by entry points.

pavg's own problems, methods, partitions and schedules are declared in ``setup.cfg``; those of
a user's package are declared in the same way, and are found in the same way.
"""

import difflib
from collections.abc import Iterable
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, ClassVar

from pavg.errors import InputError

if TYPE_CHECKING:
    from pavg.spec import Spec


class Component:
    """Base of everything that a specification names: a frozen dataclass of its parameters.

    The fields are checked when a specification is read: unknown keys and wrong types are
    refused. The class variable `name` is set by the registry when the class is loaded.
    """

    name: ClassVar[str] = ""

    def conflicts(self, spec: "Spec") -> list[str]:
        """What in the rest of the specification this component cannot work with: a list of sentences."""
        return []

    @classmethod
    def describe(cls) -> str:
        """The first sentence of the class's docstring, for `pavg list`."""
        return (cls.__doc__ or "").strip().split("\n\n")[0].replace("\n", " ").strip()


@cache
def _entry_points():
    return entry_points()  # reads a file of every package that is installed


@cache
def names(group: str) -> dict[str, EntryPoint]:
    """The entry points of one group, by name. group : a value of `pavg.spec.COMPONENTS`."""
    points = _entry_points().select(group=f"pavg.{group}")
    return {point.name: point for point in sorted(points, key=lambda p: p.name)}


@cache
def load(group: str, name: str) -> type[Component]:
    """The class registered as `name`. InputError names what is there."""
    known = names(group)
    if name not in known:
        raise InputError(f"{name!r} is none of the {group.replace('_', ' ')}{suggestion(name, known)}")
    try:
        cls = known[name].load()
    except Exception as error:
        raise InputError(
            f"{name!r} of the {group.replace('_', ' ')} ({known[name].value}) cannot be imported: {error}"
        ) from error
    cls.name = name
    return cls


def suggestion(word: str, allowed: Iterable[str]) -> str:
    """'; did you mean …? allowed: …' for a word that is not among the allowed ones."""
    near = difflib.get_close_matches(str(word), list(allowed), n=1)
    mean = f"; did you mean {near[0]!r}?" if near else ";"
    return f"{mean} allowed: {', '.join(map(str, allowed))}"
