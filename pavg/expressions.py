"""Expressions of --where, as 'K < 64 and P == 8': parsed and walked here, never evaluated by Python.

Names of settings, numbers, texts, lists, comparisons, and, or, not. There is nothing in it to call.
"""

import ast
import operator
import warnings

from pavg import registry
from pavg.errors import InputError
from pavg.settings import named

LONGEST, DEEPEST = 2000, 40  # characters of an expression; operators within operators
WORDS = {"true": True, "false": False}  # as TOML writes them
ORDERS = {ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge}
EXPECTED = "expected comparisons of settings, joined by and, or, not: K < 64 and P == 8"


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
        raise InputError(f"--where {quoted(text)}: found {refused}") from None

    def fits(settings):
        try:
            return bool(_value(body, settings))
        except _Refused as refused:
            raise InputError(f"--where {quoted(text)}: {refused}") from None

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
    found = named(name, settings)
    if found is None:
        raise _Refused(f"{name!r} is no setting{registry.suggestion(name, settings)}")
    return settings[found]


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


def quoted(text):
    """A text of the user's in a message: quoted, on one line, not too long."""
    return repr(text if len(text) <= 80 else text[:77] + "…")
