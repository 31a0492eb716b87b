"""Messages between two ranks, waited for without holding a core that others need."""

import os
import time

from mpi4py import MPI

EAGER = 50  # looks with nothing but a word to the scheduler between them
SHORTEST, LONGEST = 1e-6, 1e-4  # seconds between two looks after that, ever longer


def patiently(ready):
    """Wait until `ready()` is true: eagerly at first, then asleep between two looks."""
    looks, nap = 0, SHORTEST
    while not ready():
        if looks < EAGER:
            looks += 1
            os.sched_yield()
        else:
            time.sleep(nap)
            nap = min(2 * nap, LONGEST)


def complete(requests, statuses=None):
    """Wait for all of these requests. statuses : a `MPI.Status` each, filled."""
    patiently(lambda: MPI.Request.Testall(requests, statuses))


def next_message(comm):
    """(source, tag) of a message that has come, from anybody."""
    status = MPI.Status()
    patiently(lambda: comm.Iprobe(MPI.ANY_SOURCE, MPI.ANY_TAG, status))
    return status.Get_source(), status.Get_tag()
