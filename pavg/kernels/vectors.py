"""Vectors of doubles in registers, and memory without checks: what plain numba source lacks.

A `Vector` of n doubles is n/8 of LLVM's <8 x double>, which LLVM splits into what the CPU has (AVX-512, AVX,
SSE, NEON). Its size comes from a tag, a tuple of n/8 zeros: the length of a tuple is known when a kernel is
compiled. Everything here is one LLVM instruction or a handful; positions count elements from an
array's start, whatever its shape, and nothing checks them.
"""

import math
import operator
from functools import partial

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic, models, overload, register_model

DOUBLE, INT64, INT32 = ir.DoubleType(), ir.IntType(64), ir.IntType(32)
# for what is called once a sample: never a call, no tests for division by zero
inlined = partial(njit, cache=True, nogil=True, forceinline=True, error_model="numpy")

LINE = 64  # bytes of a cache line
GROUP = 8  # doubles that one element of a tag stands for
EIGHT = ir.VectorType(DOUBLE, GROUP)
SHIFT = 6755399441055744.0  # 1.5·2⁵²: added to a number, it rounds that to an integer in the lowest bits
SHIFT_BITS = 0x4338000000000000


class Vector(types.Type):
    """n doubles in registers."""

    def __init__(self, n):
        self.n = n
        super().__init__(name=f"Vector({n})")


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager, vector):
        super().__init__(manager, vector, ir.LiteralStructType([EIGHT] * (vector.n // GROUP)))


def tag(n):
    """The tag of vectors of n doubles, n a multiple of 8."""
    return (0,) * (n // GROUP)


def aligned_zeros(shape):
    """float64 zeros that begin with a cache line: a Vector then lies in as few of them as it can."""
    size = math.prod(shape)
    room = np.zeros(size + LINE // 8)
    begin = -room.ctypes.data % LINE // 8
    return room[begin : begin + size].reshape(shape)


def _place(context, builder, array, values, position):
    """The address of an array's element number `position`."""
    data = context.make_array(array)(context, builder, values).data
    return builder.gep(data, [position])


def _parts(builder, value):
    """The <8 x double> of a Vector, as a list."""
    return [builder.extract_value(value, k) for k in range(len(value.type.elements))]


def _whole(builder, parts):
    """The Vector of a list of <8 x double>."""
    value = ir.Constant(ir.LiteralStructType([EIGHT] * len(parts)), ir.Undefined)
    for k, part in enumerate(parts):
        value = builder.insert_value(value, part, k)
    return value


def _each(builder, function, *values):
    """A function of <8 x double> on the parts of Vectors, side by side."""
    return _whole(builder, [function(*p) for p in zip(*(_parts(builder, v) for v in values), strict=True)])


# --- memory ----------------------------------------------------------------------------------


@intrinsic
def load(typing, lanes, array, position):
    """The Vector of the elements from a position on; float32 is widened."""
    vector = Vector(GROUP * len(lanes))
    size = array.dtype.bitwidth // 8

    def generate(context, builder, signature, arguments):
        _, values, position = arguments
        place = _place(context, builder, array, values, position)
        kind = ir.VectorType(context.get_data_type(array.dtype), GROUP)
        place = builder.bitcast(place, kind.as_pointer())

        def part(k):
            loaded = builder.load(builder.gep(place, [ir.Constant(INT64, k)]), align=size)
            return loaded if kind == EIGHT else builder.fpext(loaded, EIGHT)

        return _whole(builder, [part(k) for k in range(vector.n // GROUP)])

    return vector(lanes, array, types.int64), generate


@intrinsic
def store(typing, array, position, vector):
    """Write a Vector to the elements (float64) from a position on."""

    def generate(context, builder, signature, arguments):
        values, position, value = arguments
        place = builder.bitcast(_place(context, builder, array, values, position), EIGHT.as_pointer())
        for k, part in enumerate(_parts(builder, value)):
            builder.store(part, builder.gep(place, [ir.Constant(INT64, k)]), align=8)

    return types.void(array, types.int64, vector), generate


@intrinsic
def stream(typing, array, position, vector):
    """As `store`, past the caches, to elements that begin a cache line: for much that is not read soon."""

    def generate(context, builder, signature, arguments):
        values, position, value = arguments
        place = builder.bitcast(_place(context, builder, array, values, position), EIGHT.as_pointer())
        mark = builder.module.add_metadata([ir.Constant(INT32, 1)])
        for k, part in enumerate(_parts(builder, value)):
            stored = builder.store(part, builder.gep(place, [ir.Constant(INT64, k)]), align=LINE)
            stored.set_metadata("nontemporal", mark)

    return types.void(array, types.int64, vector), generate


@intrinsic
def peek(typing, array, position):
    """The element at a position; float32 is widened to float64, integers to int64."""
    result = types.float64 if isinstance(array.dtype, types.Float) else types.int64

    def generate(context, builder, signature, arguments):
        element = builder.load(_place(context, builder, array, *arguments))
        return context.cast(builder, element, array.dtype, result)

    return result(array, types.int64), generate


@intrinsic
def poke(typing, array, position, number):
    """Write a float64 to the element at a position."""

    def generate(context, builder, signature, arguments):
        values, position, value = arguments
        builder.store(value, _place(context, builder, array, values, position))

    return types.void(array, types.int64, types.float64), generate


@intrinsic
def prefetch(typing, array, position):
    """Ask for the cache line of the element at a position, which need not exist."""

    def generate(context, builder, signature, arguments):
        place = builder.bitcast(_place(context, builder, array, *arguments), ir.IntType(8).as_pointer())
        hints = [ir.Constant(INT32, value) for value in (0, 3, 1)]  # to read, keep it, data
        kinds = [place.type, INT32, INT32, INT32]
        function = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(ir.VoidType(), kinds), "llvm.prefetch.p0"
        )
        builder.call(function, [place, *hints])

    return types.void(array, types.int64), generate


# --- arithmetic ------------------------------------------------------------------------------


@intrinsic
def spread(typing, lanes, number):
    """The Vector whose elements are all one float64."""
    vector = Vector(GROUP * len(lanes))

    def generate(context, builder, signature, arguments):
        nothing = ir.Constant(EIGHT, ir.Undefined)
        first = builder.insert_element(nothing, arguments[1], ir.Constant(INT32, 0))
        part = builder.shuffle_vector(first, nothing, _indices([0] * GROUP))
        return _whole(builder, [part] * len(lanes))

    return vector(lanes, types.float64), generate


@intrinsic
def fma(typing, a, b, c):
    """a·b + c of float64 or of Vectors, rounded once where the CPU can."""

    def generate(context, builder, signature, arguments):
        kind, name = (EIGHT, "v8f64") if isinstance(a, Vector) else (DOUBLE, "f64")
        function = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(kind, [kind] * 3), f"llvm.fmuladd.{name}"
        )
        if kind == DOUBLE:
            return builder.call(function, arguments)
        return _each(builder, lambda *parts: builder.call(function, parts), *arguments)

    return a(a, a, a), generate


@intrinsic
def total(typing, vector):
    """The sum of a Vector's elements: groups of 8 in pairs, then halves."""

    def generate(context, builder, signature, arguments):
        groups = _parts(builder, arguments[0])
        while len(groups) > 1:
            pairs = zip(groups[::2], groups[1::2], strict=False)
            groups = [builder.fadd(*pair) for pair in pairs] + groups[len(groups) // 2 * 2 :]
        [value], n = groups, GROUP
        while n > 1:
            n //= 2
            halves = [builder.shuffle_vector(value, value, _indices(range(k, k + n))) for k in (0, n)]
            value = builder.fadd(*halves)
        return builder.extract_element(value, ir.Constant(INT32, 0))

    return types.float64(vector), generate


@intrinsic
def clip(typing, vector, least, most):
    """A Vector with its elements put between those of two others; NaN stays NaN."""

    def generate(context, builder, signature, arguments):
        def part(value, least, most):
            value = builder.select(builder.fcmp_ordered("<", value, least), least, value)
            return builder.select(builder.fcmp_ordered(">", value, most), most, value)

        return _each(builder, part, *arguments)

    return vector(vector, vector, vector), generate


@intrinsic
def positive(typing, vector):
    """1 for the elements of a Vector that are greater than 0, 0 for others and NaN."""

    def generate(context, builder, signature, arguments):
        zero = ir.Constant(EIGHT, [0.0] * GROUP)
        return _each(builder, lambda a: builder.uitofp(builder.fcmp_ordered(">", a, zero), EIGHT), *arguments)

    return vector(vector), generate


@intrinsic
def times_power_of_two(typing, vector, shifted):
    """a·2^k, where `shifted` is k + SHIFT: its lowest bits are those of the integer k (a·2^k is normal)."""

    def generate(context, builder, signature, arguments):
        kind = ir.VectorType(INT64, GROUP)

        def part(value, shifted):
            exponent = builder.shl(builder.bitcast(shifted, kind), ir.Constant(kind, [52] * GROUP))
            return builder.bitcast(builder.add(builder.bitcast(value, kind), exponent), EIGHT)

        return _each(builder, part, *arguments)

    return vector(vector, vector), generate


@intrinsic
def integer_of(typing, shifted):
    """The integer k of a float64 k + SHIFT."""

    def generate(context, builder, signature, arguments):
        bits = builder.bitcast(arguments[0], INT64)
        return builder.sub(bits, ir.Constant(INT64, SHIFT_BITS))

    return types.int64(types.float64), generate


def _indices(numbers):
    numbers = list(numbers)
    return ir.Constant(ir.VectorType(INT32, len(numbers)), numbers)


def _operation(symbol, name):
    """`Vector symbol Vector` by an instruction of LLVM."""

    @intrinsic
    def instruction(typing, a, b):
        def generate(context, builder, signature, arguments):
            return _each(builder, getattr(builder, name), *arguments)

        return a(a, b), generate

    def typed(a, b):
        if isinstance(a, Vector) and a == b:
            return lambda a, b: instruction(a, b)

    overload(symbol)(typed)


for _symbol, _name in {"add": "fadd", "sub": "fsub", "mul": "fmul", "truediv": "fdiv"}.items():
    _operation(getattr(operator, _symbol), _name)
