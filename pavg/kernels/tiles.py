"""A tile of float32 in registers: the innermost part of products of matrices.

A `Tile` is m rows of 16n numbers. What plain numba source lacks is an array that stays in registers; with
it, a product runs at the speed of the CPU's multiply-adds, and a convolution needs no copy of its images
(im2col). 14 rows of 32 fill the 32 registers of AVX-512; where there are fewer, LLVM spills them, which is
slow but right. Positions count numbers from an array's start, whatever its shape; nothing checks them.
"""

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, models, register_model

FLOAT, INT64, INT32 = ir.FloatType(), ir.IntType(64), ir.IntType(32)
LANES = 16
PART = ir.VectorType(FLOAT, LANES)


class Tile(types.Type):
    """m rows of 16n numbers of 32 bits, in registers."""

    def __init__(self, m, n):
        self.m, self.n = m, n
        super().__init__(name=f"Tile({m}, {n})")


@register_model(Tile)
class _TileModel(models.PrimitiveModel):
    def __init__(self, manager, tile):
        super().__init__(manager, tile, ir.LiteralStructType([PART] * (tile.m * tile.n)))


def tag(m):
    """The tag of tiles of m rows of 32 numbers: the length of a tuple is known when a kernel is compiled."""
    return (0,) * m


def _place(context, builder, array, values, position):
    """The address of an array's number at a position."""
    data = context.make_array(array)(context, builder, values).data
    return builder.gep(data, [position])


def _parts(context, builder, array, values, position, n):
    """The addresses of n times 16 numbers from a position on."""
    place = _place(context, builder, array, values, position)
    place = builder.bitcast(place, PART.as_pointer())
    return [builder.gep(place, [ir.Constant(INT64, k)]) for k in range(n)]


@intrinsic
def zeros(typing, rows):
    """The tile of as many rows of 32 zeros as `rows` has entries."""
    tile = Tile(len(rows), 2)

    def generate(context, builder, signature, arguments):
        return ir.Constant(ir.LiteralStructType([PART] * (2 * tile.m)), None)

    return tile(rows), generate


@intrinsic
def multiply_add(typing, tile, a, place, step, b, row):
    """tile[i, j] + a[place + i·step]·b[row + j]."""

    def generate(context, builder, signature, arguments):
        value, a_values, place, step, b_values, row = arguments
        fma = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(PART, [PART] * 3), "llvm.fmuladd.v16f32"
        )
        parts = [builder.load(p, align=4) for p in _parts(context, builder, b, b_values, row, tile.n)]
        nothing, first = ir.Constant(PART, ir.Undefined), ir.Constant(INT32, 0)
        same = ir.Constant(ir.VectorType(INT32, LANES), [0] * LANES)
        for i in range(tile.m):
            offset = builder.add(place, builder.mul(step, ir.Constant(INT64, i)))
            number = builder.load(_place(context, builder, a, a_values, offset))
            many = builder.shuffle_vector(builder.insert_element(nothing, number, first), nothing, same)
            for j in range(tile.n):
                k = i * tile.n + j
                sum_ = builder.call(fma, [many, parts[j], builder.extract_value(value, k)])
                value = builder.insert_value(value, sum_, k)
        return value

    return tile(tile, a, types.int64, types.int64, b, types.int64), generate


def _write(add):
    @intrinsic
    def write(typing, array, place, step, tile):
        def generate(context, builder, signature, arguments):
            values, place, step, value = arguments
            for i in range(tile.m):
                offset = builder.add(place, builder.mul(step, ir.Constant(INT64, i)))
                for j, part in enumerate(_parts(context, builder, array, values, offset, tile.n)):
                    row = builder.extract_value(value, i * tile.n + j)
                    if add:
                        row = builder.fadd(builder.load(part, align=4), row)
                    builder.store(row, part, align=4)

        return types.void(array, types.int64, types.int64, tile), generate

    return write


store, add = _write(False), _write(True)  # array[place + i·step + j] ← or += tile[i, j]
