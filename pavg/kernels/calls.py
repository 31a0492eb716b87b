"""C functions called by their addresses, which are arguments: numba's disk cache would freeze globals."""

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic


@intrinsic
def status_of(context, address, arguments):
    """int f(…) at an address, given a tuple of int64: pointers, integers and handles alike, as int64.

    A C int takes the low half of its register on x86-64 and aarch64, so wider ones serve.
    """

    def build(context, builder, signature, values):
        given = cgutils.unpack_tuple(builder, values[1])
        function = ir.FunctionType(ir.IntType(32), [value.type for value in given])
        status = builder.call(builder.inttoptr(values[0], function.as_pointer()), given)
        return builder.sext(status, ir.IntType(64))

    return types.int64(types.int64, arguments), build


@intrinsic
def double_of(context, address):
    """double f(void) at an address."""

    def build(context, builder, signature, values):
        function = ir.FunctionType(ir.DoubleType(), [])
        return builder.call(builder.inttoptr(values[0], function.as_pointer()), [])

    return types.float64(types.int64), build


@intrinsic
def borrowed(context, value):
    """The same arrays (in tuples, too) without an owner: passed on, they are not counted.

    numba counts references to each array at each call of a function that is not inlined, by atomic
    additions: 0.4 µs a call for a tuple of twenty. Whoever gave them holds them meanwhile.
    """

    def build(context, builder, signature, values):
        return _disowned(context, builder, signature.args[0], values[0])

    return value(value), build


def _disowned(context, builder, kind, value):
    if isinstance(kind, types.Array):
        array = context.make_array(kind)(context, builder, value)
        array.meminfo = cgutils.get_null_value(array.meminfo.type)
        return array._getvalue()
    if isinstance(kind, types.BaseTuple):
        items = [builder.extract_value(value, k) for k in range(len(kind))]
        items = [_disowned(context, builder, *item) for item in zip(kind.types, items, strict=True)]
        return context.make_tuple(builder, kind, items)
    return value
