"""What a rank keeps for averaging lanes by touched columns (`pavg.kernels.columns`)."""

import numpy as np

from pavg.kernels import columns
from pavg.rounds.sparse import everyone


class Columns:
    """The tuples of `pavg.kernels.columns` for the learners of one rank.

    Averages are of columns wherever they can be: on CSR samples, unless the specification wants them dense or
    in a fixed order of additions, or learners draw unequally.

    Parameters
    ----------
    comm : their communicator
    spec : pavg.spec.Spec
    objective : pavg.problems.base.Objective
    shards : pavg.data.partition.Shards of all P learners, or None without samples
    lanes : models of each learner, a multiple of 8
    """

    def __init__(self, comm, spec, objective, shards, lanes):
        sparse = objective.csr is not None and spec.averaging != "dense" and spec.reduction == "mpi"
        self.on = sparse and spec.method.alike  # whose learners have made the same number of draws
        self.lanes, self._csr, width = lanes, objective.csr, objective.width if self.on else 0
        self._places, self._open = np.zeros(width, np.int64), np.zeros(3, np.int64)
        self._room = np.zeros(width, np.uint8), self._places, self._open
        self._everyone = everyone(comm, spec, shards) if self.on else ()
        self._flat = np.zeros(width * lanes)
        self.all = (self._csr, self._everyone, self._room) if self.on else ()

    def prepare(self, model, schedule, drawn, n):
        """n local steps are about to be made: nothing need be known of them."""

    def lose(self):
        """Models move otherwise than by drawn rows: with lanes, all learners' alike, so that none differ."""

    def touch(self, drawn):
        """(flat buffer of the average, how many columns it is of), each learner having made so many draws."""
        n = columns.touch(self._csr, self._everyone, self._room, drawn)
        return self._flat[: n * self.lanes], n

    def average(self, summation, model, order, weights, total):
        """Average the models: bytes of what ranks combined. None where all coordinates must be averaged."""
        if not self.on:
            return None
        W, (flat, n) = model[0].reshape(len(model[0]), -1), self.touch(int(order[2][0]))
        return summation(
            lambda: columns.gather(W, weights, self._places, n, self.lanes, flat),
            flat,
            lambda: columns.scatter(flat, self._places, n, self.lanes, total, W),
        )

    def virtual(self, reduce, model, order, weights, total, w):
        """w, the first learner's models (d, lanes), becomes the average that would be made now.

        reduce : sums a flat buffer over ranks.
        """
        W, (flat, n) = model[0].reshape(len(model[0]), -1), self.touch(int(order[2][0]))
        columns.gather(W, weights, self._places, n, self.lanes, flat)
        reduce(flat)
        columns.put(flat, self._places, n, model[3][0], total, w)

    @property
    def bytes(self):
        """What ranks combine, for each lane, in the average that was last looked at."""
        return 8 * int(self._open[columns.FOUND])

    def close(self, drawn):
        """The models have just been averaged, after so many draws of each learner."""
        if self.on:
            columns.close(self._room, drawn)

    def state(self):
        """name → array: where the open round began."""
        return {"open": self._open[:1].copy()}

    def restore(self, state):
        self.close(int(state["open"][columns.BEGAN]))

    def warm_up(self, model, order, weights, schedule):
        """Compile all of it: of no columns, nothing moves."""
        if self.on:
            W, nothing = model[0].reshape(len(model[0]), -1), np.empty(0)
            columns.touch(self._csr, self._everyone, self._room, 0)
            columns.gather(W, weights, self._places, 0, self.lanes, nothing)
            columns.scatter(nothing, self._places, 0, self.lanes, 1.0, W)
            columns.put(nothing, self._places, 0, model[3][0], 1.0, model[0][0])
            self.close(0)
