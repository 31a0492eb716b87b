"""Averaging by the coordinates that local steps have touched: for CSR samples, without momentum.

A local step changes w only in the columns of the rows that it draws (and the intercept). Between two
averages each learner's entries are therefore known from its draws: for each drawn row, in order, its
columns as they are stored. A column that comes again has nothing left to say: its entry is 0. So the
number of entries is known to all ranks without a word, and an average is a sum in the order of learners
and draws, the same to the bit on every rank and for any number of ranks.

The tuples:

- csr: (columns, indptr, d, intercept, λ) of the samples and the formula (`pavg.kernels.linear`);
- everyone: (rule, keys, rows, starts, counts) of all P learners, and firsts (R + 1,): learners of rank r are
  firsts[r] … firsts[r + 1] − 1;
- room: (origin (width,), entries (P,), values, places, sizes (R,), offsets (R,)): the common model before the
  open round; the number of entries of each learner; one buffer seen as float64 and as uint32, into which each
  rank's entries go, values first, then columns; bytes of each rank's part and where it begins (int32: MPI's);
- open: int64 (4,), the open round: its first draw (−1: none is open), its entries (−1: too many, so that the
  average will be dense), whether origin holds the model, and the most entries (−1: always dense).
"""

from numba import njit

from pavg.kernels.reference import TINY
from pavg.kernels.streams import draw

BEGAN, ENTRIES, KNOWN, MOST = 0, 1, 2, 3
BYTES = 12  # of an entry
FREE = 2  # entries of a learner for the intercept: the second is empty, blocks stay multiples of 8 bytes


@njit(cache=True, nogil=True)
def prepare(csr, everyone, room, open, model, schedule, drawn, n):
    """The open round goes on, or begins, with n local steps from draw number `drawn`: count their entries."""
    free = FREE * csr[3]
    origin, entries = room[0], room[1]
    W, _, _, S = model
    if open[BEGAN] < 0:
        open[BEGAN], open[ENTRIES] = drawn, free * entries.size
        entries[:] = free
    if open[ENTRIES] >= 0:
        open[ENTRIES] = _counted(csr, everyone, entries, open, S[0, 0], schedule, drawn, n)
        if open[ENTRIES] < 0:
            open[KNOWN] = 0  # the average will be dense, and origin holds the model no more
        elif open[KNOWN] == 0:
            for j in range(origin.size):
                origin[j] = W[0, j]
            open[KNOWN] = 1


@njit(cache=True, nogil=True)
def _counted(csr, everyone, entries, open, factor, schedule, drawn, n):
    """Entries of the open round with n steps more, −1 if they are too many; `entries` grow."""
    _, indptr, _, _, l2 = csr
    rule, keys, rows, starts, counts, _ = everyone
    gammas, batches, first = schedule
    gammas = gammas.ravel()  # there is one lane
    last, total = drawn, open[ENTRIES]
    for s in range(first, first + n):
        last += batches[s]
        factor *= 1.0 - gammas[s] * l2
        if (last - open[BEGAN]) * keys.size > open[MOST] or abs(factor) < TINY:  # then a step scales W itself
            return -1
    for p in range(keys.size):
        for m in range(drawn, last):
            i = draw(rule, keys[p], m, rows, starts[p], counts[p])
            size = indptr[i + 1] - indptr[i]
            entries[p] += size
            total += size
            if total > open[MOST]:
                return -1
    return total


@njit(cache=True, nogil=True)
def collect(csr, everyone, room, open, model, order, weights, total, rank):
    """This rank's entries: weights[l]/total times what each learner's model has moved since the origin.

    The touched coordinates of its models go back to the origin. Sizes and offsets of all ranks are set.
    """
    columns, indptr, d, intercept, _ = csr
    firsts = everyone[5]
    origin, entries, values, places, sizes, offsets = room
    W, _, _, _ = model
    rule, keys, draws, rows, starts, counts = order
    begin = 0
    for r in range(sizes.size):
        offsets[r], sizes[r] = begin, 0
        for p in range(firsts[r], firsts[r + 1]):
            sizes[r] += BYTES * entries[p]
        begin += sizes[r]
    moved, at = _part(values, places, offsets[rank], sizes[rank])
    e = 0
    for l in range(W.shape[0]):
        share = weights[l] / total
        for m in range(open[BEGAN], draws[l]):
            i = draw(rule, keys[l], m, rows, starts[l], counts[l])
            row = columns[indptr[i] : indptr[i + 1]]
            for k in range(row.size):
                j = row[k]
                moved[e + k] = share * (W[l, j] - origin[j])
                W[l, j] = origin[j]
                at[e + k] = j
            e += row.size
        if intercept:
            moved[e], moved[e + 1] = share * (W[l, d] - origin[d]), 0.0
            at[e], at[e + 1] = d, d
            e += FREE


@njit(cache=True, nogil=True)
def _part(values, places, offset, size):
    """A rank's part: values and columns of its entries."""
    entries, v = size // BYTES, offset // 8
    c = 2 * (v + entries)
    return values[v : v + entries], places[c : c + entries]


@njit(cache=True, nogil=True)
def spread(room, model):
    """Add all ranks' entries to the origin, one after the other, and set the models there."""
    origin, _, values, places, sizes, offsets = room
    W, _, _, _ = model
    for r in range(sizes.size):
        moved, at = _part(values, places, offsets[r], sizes[r])
        for k in range(at.size):
            origin[at[k]] += moved[k]
            W[0, at[k]] = origin[at[k]]
        for l in range(1, W.shape[0]):
            for k in range(at.size):
                W[l, at[k]] = origin[at[k]]


@njit(cache=True, nogil=True)
def close(open):
    """An average ends the open round."""
    open[BEGAN] = open[ENTRIES] = -1
