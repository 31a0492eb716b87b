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


def suggestion(word: str, allowed: Iterable[str], listed: str = "") -> str:
    """'; did you mean …? allowed: …' for a word that is not among the allowed ones.

    Names that begin with it come first; capitals and small letters are one.
    listed : the command that lists what is allowed, where that is much.
    """
    known, word = {str(one).casefold(): str(one) for one in allowed}, str(word).casefold()
    near = [one for one in known if one.startswith(word) and len(word) > 2][:3]
    near = near or difflib.get_close_matches(word, known, n=1)
    mean = f"; did you mean {' or '.join(repr(known[one]) for one in near)}?" if near else ";"
    return f"{mean} {listed} lists them" if listed else f"{mean} allowed: {', '.join(known.values())}"
