"""Averaging by the columns that any learner has touched: for lanes on CSR samples.

Between two averages the models S·W of a lane differ in the columns of rows that some learner has drawn, and
in the intercept; S follows from step sizes alone and is the same for all learners. So an average is one of
these columns of W, and S stays as it is. All ranks know the columns from the draws, without a word; more of
them do no harm: after as many draws as there are rows, they are those of all rows.

The tuples:

- csr, everyone: as in `pavg.kernels.touched`;
- room: (seen (width,) uint8: 1 for each column that has been marked; places (width,): the columns, in order;
  open (3,): the first draw of the open round, how many draws have been marked, and how many columns that is).

W is (L, width·lanes), lanes innermost, and begins with a cache line; lanes are a multiple of 8.
"""

from numba import njit

from pavg.kernels.combine import MANY
from pavg.kernels.streams import draw
from pavg.kernels.vectors import fma, load, prefetch, spread, store, stream

BEGAN, MARKED, FOUND = 0, 1, 2
EIGHT = (0,)  # the tag of eight lanes of a column
SOON = 4  # columns between asking for one and using it


@njit(cache=True, nogil=True)
def touch(csr, everyone, room, drawn):
    """How many columns learners have touched in the open round, by draw number `drawn`: they are `places`."""
    columns, indptr, d, intercept, _ = csr
    rule, keys, rows, starts, counts, _ = everyone
    seen, places, open = room
    if open[MARKED] == drawn:
        return open[FOUND]
    if (drawn - open[BEGAN]) * keys.size >= indptr.size - 1:
        if (open[MARKED] - open[BEGAN]) * keys.size < indptr.size - 1:
            for k in range(columns.size):
                seen[columns[k]] = 1
    else:
        for p in range(keys.size):
            for m in range(open[MARKED], drawn):
                i = draw(rule, keys[p], m, rows, starts[p], counts[p])
                for k in range(indptr[i], indptr[i + 1]):
                    seen[columns[k]] = 1
    found = 0
    for j in range(d):
        places[found] = j
        found += seen[j]
    if intercept:
        places[found] = d
        found += 1
    open[MARKED], open[FOUND] = drawn, found
    return found


@njit(cache=True, nogil=True)
def close(room, drawn):
    """An average ends the open round; the next one begins with draw number `drawn`."""
    seen, _, open = room
    seen[:] = 0
    open[BEGAN] = open[MARKED] = drawn
    open[FOUND] = 0


@njit(cache=True, nogil=True)
def gather(W, weights, places, n, lanes, flat):
    """flat[k] ← Σ weights[l]·W[l, places[k]] of every lane, k < n, in the order of the learners."""
    width = W.shape[1]
    for k in range(n):
        soon, at = places[min(k + SOON, n - 1)] * lanes, places[k] * lanes
        for l in range(W.shape[0]):
            for lane in range(0, lanes, 8):
                prefetch(W, l * width + soon + lane)
        for lane in range(0, lanes, 8):
            sum_ = spread(EIGHT, weights[0]) * load(EIGHT, W, at + lane)
            for l in range(1, W.shape[0]):
                sum_ = fma(spread(EIGHT, weights[l]), load(EIGHT, W, l * width + at + lane), sum_)
            store(flat, k * lanes + lane, sum_)


@njit(cache=True, nogil=True)
def scatter(flat, places, n, lanes, total, W):
    """W[l, places[k]] ← flat[k]/total in every lane, k < n, for every learner."""
    width, far = W.shape[1], W.size > MANY
    for k in range(n):
        for lane in range(0, lanes, 8):
            average = load(EIGHT, flat, k * lanes + lane) / spread(EIGHT, total)
            for l in range(W.shape[0]):
                if far:
                    stream(W, l * width + places[k] * lanes + lane, average)
                else:
                    store(W, l * width + places[k] * lanes + lane, average)


@njit(cache=True, nogil=True)
def put(flat, places, n, factors, total, w):
    """w[places[k]] ← factors·(flat[k]/total) in every lane, k < n: of one model (d, lanes)."""
    lanes = factors.size
    for k in range(n):
        for lane in range(lanes):
            w[places[k], lane] = factors[lane] * (flat[k * lanes + lane] / total)
