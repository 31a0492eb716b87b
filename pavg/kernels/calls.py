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
