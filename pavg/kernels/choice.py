"""Which kernel runs: chosen here, by the shape of the samples, when a kernel is compiled.

`path(X, lanes, momentum)` makes a tag of the shape, (row, side), which numba sees as a type:

- row () : the plain loops; (0,) · v : dense rows of v groups of eight numbers, held in registers if there
  is one model; (0.0,) : CSR, and all rows beside many models;
- side () : one model; (0,) · v : 8·v models side by side.
"""

import os

from numba import types
from numba.extending import overload

from pavg.errors import InputError
from pavg.kernels import abreast, dense, lanes, reference, sparse
from pavg.kernels.vectors import tag

LONGEST = 128  # numbers of a dense row that are held in registers; beyond, LLVM's own loops do as well
KINDS = ("fast", "reference")


def path(X, lanes, momentum):
    """The tag for samples X (dense, or the values of CSR), so many lanes, with momentum or without.

    PAVG_KERNELS=reference forces the plain loops. InputError for another value than fast or reference.
    """
    kind = os.environ.get("PAVG_KERNELS", "fast")
    if kind not in KINDS:
        raise InputError(f"PAVG_KERNELS = {kind!r}: expected one of {', '.join(KINDS)}")
    side = tag(lanes) if lanes > 1 else ()
    if kind == "reference" or momentum:  # momentum moves the whole model at every step
        return (), side
    if X.ndim == 1 or side:
        return (0.0,), side
    return (tag(X.shape[1]) if X.shape[1] <= LONGEST else ()), side


def choose(path, samples, formula, model, order, schedule, n):
    """`steps` of the kernel for a path; for compiled callers only."""
    raise NotImplementedError


@overload(choose, inline="always")
def _choose(path, samples, formula, model, order, schedule, n):
    row, side = (tuple(part) for part in path)
    if side and not row:

        def plain_lanes(path, samples, formula, model, order, schedule, n):
            lanes.steps(samples, formula, model, order, schedule, n)

        return plain_lanes
    if side:

        def fast_lanes(path, samples, formula, model, order, schedule, n):
            abreast.steps(path[1], samples, formula, model, order, schedule, n)

        return fast_lanes
    if not row:

        def plain(path, samples, formula, model, order, schedule, n):
            reference.steps(samples, formula, model, order, schedule, n)

        return plain
    if row[0] == types.float64:

        def rows_of_csr(path, samples, formula, model, order, schedule, n):
            sparse.steps(samples, formula, model, order, schedule, n)

        return rows_of_csr

    def rows_in_registers(path, samples, formula, model, order, schedule, n):
        dense.steps(path[0], samples, formula, model, order, schedule, n)

    return rows_in_registers
