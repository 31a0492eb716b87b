"""Ranks agree: work done once and shared, errors shared, collectives that pair as they should."""

import os
import time
import zlib

import numpy as np
from mpi4py import MPI

from pavg.errors import InputError

SHORTEST, LONGEST = 1e-5, 1e-3  # seconds between two looks of a rank that waits


class AgreedError(InputError):
    """An InputError that `ranks` ranks raise together: if that is all, they can end in order."""

    def __init__(self, message, ranks):
        super().__init__(message)
        self.ranks = ranks


class MismatchError(RuntimeError):
    """Ranks are about to enter different collectives (found under PAVG_CHECK=1)."""


def rest(comm):
    """A barrier in which waiting ranks sleep, ever longer: what is waited for may take minutes."""
    request, nap = comm.Ibarrier(), SHORTEST
    while not request.Test():
        time.sleep(nap)
        nap = min(2 * nap, LONGEST)


def all_come(comm, seconds):
    """Whether all ranks come here within so many seconds: for ranks that cannot know where the others are."""
    request, end = comm.Ibarrier(), time.monotonic() + seconds
    while not request.Test():
        if time.monotonic() > end:
            return False
        time.sleep(LONGEST)
    return True


def once(comm, function, *args):
    """`function(*args)` on rank 0, its result on all ranks. An InputError there is raised on all."""
    check(comm, f"once {getattr(function, '__name__', function)}")
    outcome = None
    if comm.Get_rank() == 0:
        try:
            outcome = function(*args), None
        except InputError as error:
            outcome = None, str(error)
    rest(comm)
    result, message = comm.bcast(outcome)
    if message is not None:
        raise AgreedError(message, comm.Get_size())
    return result


def first_of_node(comm, function):
    """`function()` of each rank, called on the first of a node first; the others sleep meanwhile.

    An InputError on any rank is raised on all, the first rank's first.
    """
    node = comm.Split_type(MPI.COMM_TYPE_SHARED)
    first, outcome = node.Get_rank() == 0, None
    for turn in (True, False):
        if turn == first:
            outcome = _tried(function)
        rest(node)
    node.Free()
    return _agreed(comm, *outcome)


def together(comm, function):
    """`function()` of each rank, called on all at once. An InputError on any rank is raised on all."""
    return _agreed(comm, *_tried(function))


def _tried(function):
    """(Result, None), or (None, the message of an InputError)."""
    try:
        return function(), None
    except InputError as error:
        return None, str(error)


def _agreed(comm, made, message):
    messages = [m for m in comm.allgather(message) if m is not None]
    if messages:
        raise AgreedError(messages[0], comm.Get_size())
    return made


def check(comm, tag):
    """With PAVG_CHECK=1: raise MismatchError unless all ranks of `comm` are here with the same tag."""
    if os.environ.get("PAVG_CHECK") != "1":
        return
    code = zlib.crc32(tag.encode())
    extremes = np.array([code, -code], np.int64)
    comm.Allreduce(MPI.IN_PLACE, extremes, MPI.MAX)
    if extremes[0] != -extremes[1]:
        raise MismatchError(f"rank {comm.Get_rank()} is at {tag!r}, another rank is elsewhere")
