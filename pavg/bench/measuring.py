"""Times by turns: what is compared runs alternately, on one pinned core a rank."""

import os
import platform
import time

import numpy as np
from mpi4py import MPI

LONGEST = 2**40
TRIES = 3


def alternate(calls, times, comm=MPI.COMM_SELF):
    """name → seconds (times,) on this rank of each call, one after the other, backwards every second time.

    calls : name → function without arguments. Each is called once before, untimed. Collective over `comm`:
    ranks begin each call together.
    """
    for call in calls.values():
        call()
    names, seconds = list(calls), {name: np.empty(times) for name in calls}
    for k in range(times):
        for name in names if k % 2 == 0 else names[::-1]:
            comm.Barrier()
            began = time.perf_counter()
            calls[name]()
            seconds[name][k] = time.perf_counter() - began
    return seconds


def count_for(call, seconds, comm=MPI.COMM_SELF, unit=1):
    """A multiple n of `unit` for which call(n) takes about so many seconds on rank 0. Collective.

    The quickest of some tries counts: one that others disturb would make n far too small.
    """
    call(unit)
    n, spent = unit, 0.0
    while spent < seconds / 8 and n < LONGEST:
        spent = comm.bcast(min(_seconds(call, n) for _ in range(TRIES)))
        n *= 4 if spent < seconds / 8 else 1
    return max(1, round(n * seconds / spent / unit)) * unit


def _seconds(call, n):
    began = time.perf_counter()
    call(n)
    return time.perf_counter() - began


def pin(comm):
    """Bind this rank to one core of its own, of those that it may use, and return the core; collective.

    Where a launcher has bound ranks apart already, each takes its first. -1 where the system cannot.
    """
    if not hasattr(os, "sched_setaffinity"):
        return -1
    here, allowed = platform.node(), sorted(os.sched_getaffinity(0))  # MPI may tell apart ranks of one host
    there = [cores for host, cores in comm.allgather((here, allowed)) if host == here]
    same = all(cores == allowed for cores in there)
    place = [host for host in comm.allgather(here)[: comm.Get_rank()] if host == here]
    core = allowed[len(place) % len(allowed) if same else 0]
    os.sched_setaffinity(0, {core})
    return core
