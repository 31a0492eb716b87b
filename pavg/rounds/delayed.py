"""A delay injected into averages of compiled rounds: `pavg.comm.network.wait`."""

from numba import njit, types

from pavg.comm.network import LONGEST, NEAR
from pavg.kernels.calls import double_of, status_of


@njit(cache=True, nogil=True)
def wait(network, size, wtime):
    usleep, latency, of_byte = network
    if usleep == 0:
        return
    until = double_of(wtime) + latency + of_byte * size
    while True:
        left = until - NEAR - double_of(wtime)
        if left <= 0.0:
            break
        status_of(usleep, (types.int64(1e6 * min(left, LONGEST)),))
    while double_of(wtime) < until:
        pass
