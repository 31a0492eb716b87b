"""A delay injected into averages, as if ranks were joined by another network than they are.

A rank sleeps until shortly before the end of its delay, and is busy from then on: a sleep alone ends tens of
microseconds late, and a rank that were busy all the time would keep others from a core that they share.
"""

import ctypes
import time

from mpi4py import MPI

NEAR = 2e-4  # seconds before the end from which a rank is awake
LONGEST = 0.5  # seconds of one sleep


def of(network, ranks):
    """What rounds take of a `pavg.delays.Network`: (address of usleep, latency, seconds a byte).

    The address is 0 where there is none, and on one rank, which sends nothing.
    """
    if network is None or ranks == 1:
        return 0, 0.0, 0.0
    address = ctypes.cast(ctypes.CDLL(None).usleep, ctypes.c_void_p).value
    return address, float(network.latency), network.seconds(1) - network.latency


def wait(network, size):
    """Wait as long as an average of so many bytes takes longer. network : as `of` gives it."""
    usleep, latency, of_byte = network
    if usleep == 0:
        return
    until = MPI.Wtime() + latency + of_byte * size
    while (left := until - NEAR - MPI.Wtime()) > 0.0:
        time.sleep(min(left, LONGEST))
    while MPI.Wtime() < until:
        pass
