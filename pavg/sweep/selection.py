"""Which cells of a sweep are meant: by index (--cells 3:9), or by what they are (--where 'K < 64')."""

import re

from pavg.errors import InputError
from pavg.expressions import quoted, where


def chosen(settings, cells=None, expression=None):
    """Indices of the cells that are meant by --cells and --where together: sorted.

    settings : the flat settings of every cell. A name that only other cells have (`method.zeta`, where
    methods are swept) is None. InputError where the texts are wrong, or mean no cell.
    """
    found = range(len(settings)) if cells is None else indices(cells, len(settings))
    if expression is None:
        return list(found)
    fits, unset = where(expression), {name: None for one in settings for name in one}
    found = [index for index in found if fits(unset | settings[index])]
    if not found:
        raise InputError(f"--where {quoted(expression)}: true for none of the cells that are left to choose")
    return found


def indices(text, n):
    """The indices that "3:9", "7" or "0,4,8:12:2" stand for, of n cells: sorted, each once."""
    found = set()
    for part in text.split(","):
        match = re.fullmatch(r"\s*([0-9]{1,15})(?::([0-9]{1,15})(?::([1-9][0-9]{0,14}))?)?\s*", part)
        if not match:
            raise InputError(
                f"--cells {quoted(text)}: found {quoted(part)}; "
                "expected indices and ranges, as 7 or 3:9 or 0,4,8:12:2"
            )
        first = int(match[1])
        stop, step = int(match[2] or first + 1), int(match[3] or 1)
        if not first < stop <= n:
            raise InputError(
                f"--cells {quoted(text)}: found {quoted(part)}; "
                f"expected cells 0 to {n - 1}, or a range a:b with a < b ≤ {n}"
            )
        found.update(range(first, stop, step))
    return sorted(found)


def text(indices):
    """Sorted indices as a text for --cells: "0:12:3,13,20:25"."""
    parts, left = [], list(indices)
    while left:
        step = left[1] - left[0] if len(left) > 1 else 1
        n = next((i for i, at in enumerate(left) if at != left[0] + i * step), len(left))
        if n < 3:
            parts.append(str(left.pop(0)))
            continue
        parts.append(f"{left[0]}:{left[n - 1] + 1}" + (f":{step}" if step > 1 else ""))
        left = left[n:]
    return ",".join(parts)
