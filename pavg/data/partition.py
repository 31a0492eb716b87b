"""Which samples a learner draws from: functions of (y, P, seed) alone.

Except with `Pool`, every row belongs to exactly one learner, and every learner has at least one.
"""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Ge, Le
from numpy.typing import NDArray

from pavg import registry, streams
from pavg.errors import InputError


@dataclass(frozen=True)
class Shards:
    """The rows of P learners: position j of learner p is ``rows[starts[p] + j]``.

    rows : int64, shape (n,), or empty, which means that position j is the row
    ``starts[p] + j`` itself; starts, counts : int64, shape (P,).
    """

    rows: NDArray[np.int64]
    starts: NDArray[np.int64]
    counts: NDArray[np.int64]

    def of(self, begin, end):
        """Those of learners begin … end − 1 alone, as arrays of their own."""
        starts, counts = self.starts[begin:end].copy(), self.counts[begin:end].copy()
        if not self.rows.size:
            return Shards(self.rows, starts, counts)
        first, last = starts[0], starts[-1] + counts[-1]
        return Shards(self.rows[first:last].copy(), starts - first, counts)


class Partition(registry.Component):
    """Base of the partitions."""

    def shards(self, y: NDArray[np.float64], P: int, seed: int) -> Shards:
        """The rows of each learner.

        Parameters
        ----------
        y : numpy.ndarray, float64, shape (n,)
        P : int
        seed : int

        Returns
        -------
        Shards

        Raises
        ------
        InputError
            More learners than samples, for all but `Pool`.
        """
        raise NotImplementedError


@dataclass(frozen=True)
class Pool(Partition):
    """Every learner draws from all rows."""

    def shards(self, y, P, seed):
        return Shards(np.empty(0, np.int64), np.zeros(P, np.int64), np.full(P, len(y), np.int64))

    def conflicts(self, spec):
        if spec.sampling == "order" and spec.P > 1:
            return [
                "sampling = 'order': all learners of a pool would draw the same; expected another partition"
            ]
        return []


@dataclass(frozen=True)
class IID(Partition):
    """The rows are shuffled and dealt out; sizes differ by at most one."""

    def shards(self, y, P, seed):
        rows = streams.generator(seed, "partition").permutation(len(y))
        return Shards(rows, *_equal(len(y), P))


@dataclass(frozen=True)
class Contiguous(Partition):
    """The rows are cut in the order of the file; sizes differ by at most one."""

    def shards(self, y, P, seed):
        return Shards(np.empty(0, np.int64), *_equal(len(y), P))


@dataclass(frozen=True)
class ByLabel(Partition):
    """The rows are sorted by label (stably) and cut; sizes differ by at most one."""

    def shards(self, y, P, seed):
        return Shards(np.argsort(y, kind="stable"), *_equal(len(y), P))


@dataclass(frozen=True)
class Dirichlet(Partition):
    """Each label's rows are shared out at random, by shares that are Dirichlet(β, …, β) over learners.

    Small β: a label goes to few learners; large β: as `IID`. For each label, its rows are
    shuffled and cut at the rounded cumulative shares. A learner that is then left without a row
    gets the last row of the largest shard (of the first such, one learner after the other).
    """

    beta: Annotated[float, Ge(1e-6), Le(1e6)] = 0.5

    def shards(self, y, P, seed):
        n = len(y)
        _check(n, P)
        labels, codes, sizes = np.unique(y, return_inverse=True, return_counts=True)
        if len(labels) > n / 2:
            raise InputError(
                f"partition dirichlet: found {len(labels)} different labels in {n} samples; "
                "expected classes, at most half as many as samples"
            )
        generator = streams.generator(seed, "partition")
        order = generator.permutation(n)
        order = order[_stable_order(codes[order], len(labels))]
        shares = generator.dirichlet(np.full(P, self.beta), len(labels))
        # the shares add up to 1 to rounding only: rint mends that
        cuts = np.rint(np.cumsum(shares, axis=1) * sizes[:, None]).astype(np.int64)
        amounts = np.diff(cuts, axis=1, prepend=0)
        owners = np.repeat(np.tile(np.arange(P), len(labels)), amounts.ravel())
        rows = order[_stable_order(owners, P)]
        return _filled(rows, amounts.sum(axis=0))


def _filled(rows, counts):
    """`Shards` of rows grouped by learner, once every learner without a row has been given one."""
    P, starts = len(counts), _starts(counts)
    empty = np.flatnonzero(counts == 0)
    if empty.size:
        owners = np.repeat(np.arange(P), counts)
        for learner in empty:
            largest = np.argmax(counts)
            counts[largest] -= 1
            owners[starts[largest] + counts[largest]] = learner
            counts[learner] = 1
        rows, starts = rows[_stable_order(owners, P)], _starts(counts)
    return Shards(rows, starts, counts)


def _equal(n, P):
    """Starts and counts of P contiguous shards whose sizes differ by at most one."""
    _check(n, P)
    counts = n // P + (np.arange(P) < n % P)
    return _starts(counts), counts


def _starts(counts):
    return np.cumsum(counts) - counts


def _stable_order(codes, bound):
    """The stable sorting order of whole numbers below `bound`: by radix, if they fit 16 bits."""
    return np.argsort(codes.astype(np.min_scalar_type(bound)), kind="stable")


def _check(n, P):
    if P > n:
        raise InputError(
            f"partition: shards for more learners than samples: found P = {P} learners and n = {n} samples; "
            "expected P ≤ n, or partition = 'pool'"
        )
