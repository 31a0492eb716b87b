"""Which cells of a sweep are meant: by index (--cells 3:9), or by what they are (--where 'K < 64').

An expression of --where is parsed and walked here, never evaluated by Python: names of settings, numbers,
texts, lists, comparisons, and, or, not. There is nothing in it to call.
"""

import ast
import operator
import re
import warnings

from pavg import registry
from pavg.errors import InputError

LONGEST, DEEPEST = 2000, 40  # characters of an expression; operators within operators
WORDS = {"true": True, "false": False}  # as TOML writes them
ORDERS = {ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge}
EXPECTED = "expected comparisons of settings, joined by and, or, not: K < 64 and P == 8"


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
        raise InputError(f"--where {_shown(expression)}: true for none of the cells that are left to choose")
    return found


def indices(text, n):
    """The indices that "3:9", "7" or "0,4,8:12:2" stand for, of n cells: sorted, each once."""
    found = set()
    for part in text.split(","):
        match = re.fullmatch(r"\s*([0-9]{1,15})(?::([0-9]{1,15})(?::([1-9][0-9]{0,14}))?)?\s*", part)
        if not match:
            raise InputError(
                f"--cells {_shown(text)}: found {_shown(part)}; "
                "expected indices and ranges, as 7 or 3:9 or 0,4,8:12:2"
            )
        first = int(match[1])
        stop, step = int(match[2] or first + 1), int(match[3] or 1)
        if not first < stop <= n:
            raise InputError(
                f"--cells {_shown(text)}: found {_shown(part)}; "
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


def where(text):
    """A predicate over the flat settings of a cell. InputError, here or by the predicate, for bad text.

    A dotted name is the flat one (method.zeta: method_zeta; method.K: K). Values of different kinds
    are not equal, and neither of them is less: K = "all" is not below 64, nor above.
    """
    try:
        if len(text) > LONGEST:
            raise _Refused(f"{len(text)} characters; expected at most {LONGEST}")
        body = _parsed(text.strip())
        _check(body, 0)
    except _Refused as refused:
        raise InputError(f"--where {_shown(text)}: found {refused}") from None

    def fits(settings):
        try:
            return bool(_value(body, settings))
        except _Refused as refused:
            raise InputError(f"--where {_shown(text)}: {refused}") from None

    return fits


class _Refused(Exception):
    """What is wrong with an expression; `where` says in which."""


def _parsed(text):
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python's own opinion of '1 is 2' and the like
            return ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        reason = getattr(error, "msg", None) or str(error) or "nested too deeply"
        raise _Refused(f"no expression ({reason}); {EXPECTED}") from None


def _check(node, depth):
    """Refuse all but names, constants, lists, comparisons, and, or, not."""
    if depth > DEEPEST:
        raise _Refused(f"an expression nested more than {DEEPEST} deep")
    match node:
        case ast.BoolOp(values=parts) | ast.List(elts=parts) | ast.Tuple(elts=parts):
            inner = parts
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            inner = [operand]
        case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=ast.Constant(value=value)) if _number(value):
            inner = []
        case ast.Compare(left=left, ops=ops, comparators=others):
            inner = [left, *others]
            for op, other in zip(ops, others, strict=True):
                _check_operator(op, other)
        case ast.Constant(value=value) if value is None or isinstance(value, str) or _number(value):
            inner = []
        case ast.Name() | ast.Attribute():
            _name(node, depth)
            inner = []
        case _:
            raise _Refused(f"{_kind(node)}; {EXPECTED}")
    for part in inner:
        _check(part, depth + 1)


def _check_operator(op, other):
    if isinstance(op, ast.Is | ast.IsNot):
        raise _Refused(f"is; {EXPECTED}")
    if isinstance(op, ast.In | ast.NotIn) and not isinstance(
        other, ast.List | ast.Tuple | ast.Name | ast.Attribute
    ):
        raise _Refused(f"'in' before something that is no list; {EXPECTED}, or K in [1, 8]")


def _name(node, depth=0):
    """The flat name of a name or a dotted one."""
    parts = []
    while isinstance(node, ast.Attribute) and depth <= DEEPEST:
        parts.append(node.attr)
        node, depth = node.value, depth + 1
    if not isinstance(node, ast.Name) or any(part.startswith("_") for part in [*parts, node.id]):
        raise _Refused(f"{_kind(node)} where a name should be; {EXPECTED}")
    return "_".join([node.id, *reversed(parts)])


def _kind(node):
    """What a node is, for people: 'a call', 'a lambda'."""
    names = {"Call": "a call", "Attribute": "an attribute", "BinOp": "arithmetic", "Name": "a hidden name"}
    return names.get(type(node).__name__, type(node).__name__.lower())


def _value(node, settings):
    match node:
        case ast.BoolOp(op=ast.And(), values=parts):
            return all(_value(part, settings) for part in parts)
        case ast.BoolOp(values=parts):
            return any(_value(part, settings) for part in parts)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return not _value(operand, settings)
        case ast.UnaryOp(op=op, operand=operand):
            return -operand.value if isinstance(op, ast.USub) else operand.value
        case ast.Compare(left=left, ops=ops, comparators=others):
            values = [_value(part, settings) for part in (left, *others)]
            return all(map(_holds, ops, values, values[1:]))
        case ast.List(elts=parts) | ast.Tuple(elts=parts):
            return [_value(part, settings) for part in parts]
        case ast.Constant(value=value):
            return value
        case _:
            return _looked_up(_name(node), settings)


def _looked_up(name, settings):
    if name in WORDS:
        return WORDS[name]
    found = key(name, settings)
    if found is None:
        raise _Refused(f"{name!r} is no setting{registry.suggestion(name, settings)}")
    return settings[found]


def key(name, settings):
    """Under which key of flat settings a name stands, dotted (method.zeta) or flat; None if it does not."""
    name = name.replace(".", "_")
    short = "K" if name == "method_K" else re.sub(r"_(name|value)$", "", name)  # as in flat settings
    return next((key for key in (name, short) if key in settings), None)


def _holds(op, a, b):
    """One comparison, of two values. Only what is of one kind has an order."""
    match op:
        case ast.Eq() | ast.NotEq():
            return (a == b) == isinstance(op, ast.Eq)
        case ast.In() | ast.NotIn():
            within = a in b if isinstance(b, list) or (isinstance(a, str) and isinstance(b, str)) else False
            return within == isinstance(op, ast.In)
        case _:
            alike = (_number(a) and _number(b)) or (isinstance(a, str) and isinstance(b, str))
            return alike and ORDERS[type(op)](a, b)


def _number(value):
    return isinstance(value, int | float)


def _shown(text):
    """A text of the user's in a message: quoted, on one line, not too long."""
    return repr(text if len(text) <= 80 else text[:77] + "…")
