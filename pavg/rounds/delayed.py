"""A delay injected into averages of compiled rounds: `pavg.comm.network.wait`."""

from numba import njit, types
from numba.extending import overload

from pavg.comm.network import LONGEST, NEAR
from pavg.kernels.calls import double_of, status_of


def delayed(network, bytes, wtime):
    """`pavg.comm.network.wait`."""


@overload(delayed, inline="always")
def _delayed(network, bytes, wtime):
    if len(network) == 0:
        return lambda network, bytes, wtime: None
    return lambda network, bytes, wtime: pause(network[0], network[1] + network[2] * bytes, wtime)


@njit(cache=True, nogil=True)
def pause(usleep, seconds, wtime):
    until = double_of(wtime) + seconds
    while True:
        left = until - NEAR - double_of(wtime)
        if left <= 0.0:
            break
        status_of(usleep, (types.int64(1e6 * min(left, LONGEST)),))
    while double_of(wtime) < until:
        pass
