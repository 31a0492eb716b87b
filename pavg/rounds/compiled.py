"""Many rounds in one compiled call: local steps, clock, average; `pavg.rounds.reference` makes them by hand.

One source for all families of kernels. MPI is called by address, with handles that are arguments too.
"""

import math

import numpy as np
from mpi4py import MPI
from numba import njit, types
from numba.extending import overload

from pavg.comm import addresses, network
from pavg.comm.clocks import COMM, COMPUTE, MARK, PHASES, TOTAL, WAIT
from pavg.kernels import ahead, columns, general, touched
from pavg.kernels.calls import borrowed, double_of, status_of
from pavg.kernels.choice import choose
from pavg.kernels.combine import gather, gather_models, scatter
from pavg.rounds.delayed import wait

ENTRIES, COLUMNS = 5, 3  # lengths of the tuples of averages by touched coordinates: of one model, of lanes
KEEP, AVERAGE, RESET = range(3)  # what an average does to the momentum
MOMENTUM = {"keep": KEEP, "average": AVERAGE, "reset": RESET}
SECONDS, LEAST, MOST, OPEN = (1 + row * len(PHASES) for row in range(4))  # rows of a clock's numbers


def steps(arguments, model, order, noise, schedule, n):
    """n local steps by the kernels that `arguments` belong to."""


@overload(steps, inline="always")
def _steps(arguments, model, order, noise, schedule, n):
    if isinstance(arguments[0], types.FunctionType):
        return lambda arguments, model, order, noise, schedule, n: general.steps(
            arguments, model, order, noise, schedule, n
        )
    return lambda arguments, model, order, noise, schedule, n: choose(
        arguments[0], arguments[1], arguments[2], model, order, schedule, n
    )


def ask(arguments, order):
    """Ask for the memory that the next local steps begin with."""


@overload(ask, inline="always")
def _ask(arguments, order):
    if isinstance(arguments[0], types.FunctionType):
        return lambda arguments, order: None
    return lambda arguments, order: ahead.ask(arguments[1], order)


def abreast(model):
    """The model with its lanes one after the other: W (L, width·lanes)."""


@overload(abreast, inline="always")
def _abreast(model):
    if model[0].ndim == 2:
        return lambda model: model
    return lambda model: (_rows(model[0]), model[1], model[2], model[3])


@njit(cache=True, nogil=True, forceinline=True)
def _rows(W):
    return W.reshape((W.shape[0], W.shape[1] * W.shape[2]))


@njit(cache=True, nogil=True, forceinline=True)
def lap(clock, wtime, phase):
    """`Clock.lap`."""
    now = double_of(wtime)
    spent, clock[MARK] = now - clock[MARK], now
    clock[TOTAL] += spent
    clock[SECONDS + phase] += spent
    clock[OPEN + phase] += spent


@njit(cache=True, nogil=True, forceinline=True)
def round_ends(clock, waits_known):
    """`Clock.round_ends`."""
    if not waits_known:
        clock[OPEN + WAIT] = math.nan
    for phase in range(3):
        spent, least, most = clock[OPEN + phase], clock[LEAST + phase], clock[MOST + phase]
        clock[LEAST + phase] = spent if spent < least or math.isnan(least) else least
        clock[MOST + phase] = spent if spent > most or math.isnan(most) else most
        clock[OPEN + phase] = 0.0


@njit(cache=True, nogil=True, forceinline=True)
def linger(began, slow, wtime):
    """The end of `pavg.comm.clocks.slowly`."""
    until = began + slow * (double_of(wtime) - began)
    while double_of(wtime) < until:
        pass


@njit(cache=True, nogil=True, forceinline=True)
def copy(model, before):
    """before ← the models."""
    W, _, _, S = model
    lanes = S.shape[1]
    for l in range(W.shape[0]):
        for j in range(0, W.shape[1], lanes):
            for k in range(lanes):
                before[l, j + k] = W[l, j + k] * S[l, k]


@njit(cache=True, nogil=True, forceinline=True)
def dense(model, momentum, combination, mpi):
    """The models' average by all their coordinates: an MPI status."""
    W, V, _, S = model
    flat, weights, total, d = combination
    ranks, _, _, allreduce, _, comm, place, double, _, sum_ = mpi
    gather_models(W, S, weights, flat, d)
    if momentum == AVERAGE:
        gather(V, weights, flat, d, d)
    status = 0
    if ranks > 1:
        status = status_of(allreduce, (place, types.int64(flat.ctypes.data), flat.size, double, sum_, comm))
    scatter(flat, 0, d, total, W)
    S[:] = 1.0
    if momentum == AVERAGE:
        scatter(flat, d, d, total, V)
    elif momentum == RESET:
        V[:] = 0.0
    return status


@njit(cache=True, nogil=True, forceinline=True)
def sparse(sparsely, model, order, combination, mpi):
    """The models' average by the entries that were touched: an MPI status."""
    csr, everyone, room, open, rank = sparsely
    _, weights, total, _ = combination
    ranks, _, _, _, allgatherv, comm, place, _, byte, _ = mpi
    touched.collect(csr, everyone, room, open, model, order, weights, total, rank)
    status = 0
    if ranks > 1:
        _, _, values, _, sizes, offsets = room
        into, counts, places = values.ctypes.data, sizes.ctypes.data, offsets.ctypes.data
        arguments = (place, 0, byte, types.int64(into), types.int64(counts), types.int64(places), byte, comm)
        status = status_of(allgatherv, arguments)
    touched.spread(room, model)
    return status


@njit(cache=True, nogil=True, forceinline=True)
def by_columns(sparsely, model, order, combination, mpi):
    """The models' average by the columns that were touched: (MPI status, bytes of what ranks combine)."""
    csr, everyone, room = sparsely
    flat, weights, total, _ = combination
    ranks, _, _, allreduce, _, comm, place, double, _, sum_ = mpi
    lanes, places = model[3].shape[1], room[1]
    n = columns.touch(csr, everyone, room, order[2][0])
    columns.gather(model[0], weights, places, n, lanes, flat)
    status = 0
    if ranks > 1:
        arguments = (place, types.int64(flat.ctypes.data), n * lanes, double, sum_, comm)
        status = status_of(allreduce, arguments)
    columns.scatter(flat, places, n, lanes, total, model[0])
    return status, 8 * n * lanes


@njit(cache=True, nogil=True, forceinline=True)
def average(model, order, momentum, combination, sparsely, mpi):
    """The models' average: (MPI status, bytes of what ranks combine)."""
    if len(sparsely) == COLUMNS:
        return by_columns(sparsely, model, order, combination, mpi)
    if len(sparsely) == ENTRIES:
        open = sparsely[3]
        if open[touched.ENTRIES] >= 0:
            return sparse(sparsely, model, order, combination, mpi), touched.BYTES * open[touched.ENTRIES]
    return dense(model, momentum, combination, mpi), 8 * combination[0].size


@njit(cache=True, nogil=True, forceinline=True)
def prepare(sparsely, model, schedule, order, n):
    """`pavg.kernels.touched.prepare`, where averages may be of entries."""
    if len(sparsely) == ENTRIES:
        csr, everyone, room, open, _ = sparsely
        touched.prepare(csr, everyone, room, open, model, schedule, order[2][0], n)


@njit(cache=True, nogil=True, forceinline=True)
def close(sparsely, order):
    """The open round ends, where averages may be of entries or are of columns."""
    if len(sparsely) == ENTRIES:
        touched.close(sparsely[3])
    if len(sparsely) == COLUMNS:
        columns.close(sparsely[2], order[2][0])


@njit(cache=True, nogil=True)
def many(
    problem, schedule, available, lengths, ends, kept, slow, momentum, combination, sparsely, mpi, lag, clock
):
    """Rounds of so many local steps each, as far as the schedule reaches: (rounds, steps, status, bytes).

    A status of MPI other than 0 ends it.

    problem : (arguments, model, order, noise) of the kernels, of one lane or several;
    available : entries of the schedule;
    ends : whether an average ends each round; else there is one, and it is left open;
    kept : (the round before whose average models are copied, off the clock, or −1: none; where to);
    slow : local steps take so many times as long;
    momentum : what an average does to it;
    combination : (flat, weights, their total, d); sparsely : () where averages are always dense, else
    (csr, everyone, room, open, rank) of `pavg.kernels.touched`, or with lanes (csr, everyone, room) of
    `pavg.kernels.columns`; mpi : what `pavg.comm.addresses` gives; lag : `pavg.comm.network.of`;
    clock : the numbers of a `Clock`.
    """
    arguments, models, order, noise = borrowed(problem)
    model = abreast(models)
    gammas, batches, first = borrowed(schedule)
    keep, (lengths, before, clock) = kept[0], borrowed((lengths, kept[1], clock))
    combination, touching = borrowed(combination), borrowed(sparsely)
    ranks, wtime, barrier, comm = mpi[0], mpi[1], mpi[2], mpi[5]
    begin, end, sent, status, k = first, first + available, np.int64(0), 0, 0
    ready = False  # the steps of round k have been counted
    while status == 0 and k < lengths.size and first + lengths[k] <= end:
        n = lengths[k]
        if not ready:
            prepare(touching, model, (gammas, batches, first), order, n)
        if n > 0:
            began = double_of(wtime) if slow > 1.0 else 0.0
            steps(arguments, models, order, noise, (gammas, batches, first), n)
            first += n
            if slow > 1.0:
                linger(began, slow, wtime)
        if not ends:
            break
        ask(arguments, order)
        if k == keep:
            lap(clock, wtime, COMPUTE)
            copy(model, before)
            clock[MARK] = double_of(wtime)
        lap(clock, wtime, COMPUTE)
        if barrier != 0:
            if ranks > 1:
                status = status_of(barrier, (comm,))
            lap(clock, wtime, WAIT)
        done, bytes = average(model, order, momentum, combination, touching, mpi)
        wait(lag, bytes, wtime)
        status, sent = status | done, sent + bytes
        k += 1
        close(touching, order)
        ready = k < lengths.size and first + lengths[k] <= end
        if ready:
            prepare(touching, model, (gammas, batches, first), order, lengths[k])
        lap(clock, wtime, COMM)
        round_ends(clock, barrier != 0)
    return k, first - begin, status, sent


class Compiled:
    """`many` for the learners of one rank: what stays the same from call to call.

    problem : (arguments, model, order, noise) of the kernels; combination : (weights, their total, d);
    at : what an average does to the momentum; touching : `pavg.rounds.sparse.Touched`, or with lanes
    `pavg.rounds.columns.Columns`; slow : local steps take so many times as long; delay : a
    `pavg.delays.Network` that is injected, or None.
    """

    loop = "compiled"

    def __init__(self, comm, problem, combination, at, touching, barrier, clock, slow, delay):
        self._slow, self._network = slow, network.of(delay, comm.Get_size())
        weights, total, d = combination
        flat = np.zeros(d * (2 if at == "average" else 1))
        self._most = problem, (flat, weights, total, d), touching.all
        self._momentum, self.mpi, self._clock = MOMENTUM[at], addresses.of(comm, barrier), clock.numbers
        self._rows = problem[1][0].shape[0], -1
        self._nothing = np.empty((0, 0))

    def run(self, schedule, available, lengths, keep=-1, before=None):
        """(rounds, steps, bytes) that were done, as `many` says. mpi4py.MPI.Exception if MPI fails."""
        return self._many(schedule, available, lengths, True, keep, before)

    def step(self, schedule, n):
        """n local steps, which the schedule reaches."""
        self._many(schedule, n, np.array([n]), False, -1, None)

    def warm_up(self, schedule):
        """Compile or load all of it, with nothing to do."""
        self.step(schedule, 0)

    def _many(self, schedule, available, lengths, ends, keep, before):
        problem, combination, sparsely = self._most
        before = self._nothing if before is None else before.reshape(self._rows)
        done, steps, status, sent = many(
            *(problem, schedule, available, lengths, ends, (keep, before), self._slow, self._momentum),
            *(combination, sparsely, self.mpi, self._network, self._clock),
        )
        if status != 0:
            raise MPI.Exception(status)
        return done, steps, sent
