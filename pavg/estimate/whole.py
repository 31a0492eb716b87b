"""An objective over all rows of all ranks, as rank 0 asks for it: a minimiser runs there alone.

What a minimiser decides hangs on last bits, which ranks need not share. So rank 0 decides, and the others
add up their rows until it is done.
"""

import numpy as np
from mpi4py import MPI

from pavg.comm.agreement import AgreedError
from pavg.comm.topology import block
from pavg.errors import InputError


def led(comm, objective, body, progress=None):
    """`body(whole)` on rank 0, its result on all ranks. An InputError there is raised on all. Collective.

    progress : what `Whole.tell` calls there.
    """
    whole = Whole(comm, objective, progress)
    outcome = None
    if comm.Get_rank() == 0:
        try:
            outcome = body(whole), None
        except InputError as error:
            outcome = None, str(error)
        comm.bcast(None)
    else:
        while (asked := comm.bcast(None)) is not None:
            whole.add(*asked)
    result, message = comm.bcast(outcome)
    if message is not None:
        raise AgreedError(message, comm.Get_size())
    return result


class Whole:
    """F, its gradient and its curvature at models w of shape (d,): sums over the rows of all ranks.

    strict : whether a penalty keeps w from growing for ever; passes : how often all rows were gone through.
    """

    def __init__(self, comm, objective, progress=None):
        self._comm, self.objective, self.passes, self._progress = comm, objective, 0, progress
        self.n, self.d = objective.rows["train"], objective.dimension
        self.strict = objective.penalty(np.ones((1, objective.width))) > 0
        self._mine = block(self.n, comm.Get_size(), comm.Get_rank())

    def value(self, w):
        """(F(w), ∇F(w))."""
        W = self.objective.embedded(w)
        loss, *G = self._asked(self._value, w)
        G = np.array([G]) / self.n
        self._penalised(W, G)
        return loss / self.n + self.objective.penalty(W), G[0, : self.d]

    def product(self, w, v):
        """∇²F(w)·v."""
        G = self._asked(self._product, w, v)[None] / self.n
        self._penalised(self.objective.embedded(v), G)
        return G[0, : self.d]

    def hessian(self, w):
        """∇²F(w), shape (d, d), below and on its diagonal."""
        H = self._asked(self._hessian, w) / self.n
        unit = np.zeros((1, self.objective.width))
        for j in range(self.d):  # of the penalty, by its gradient at unit vectors
            unit[0, j], G = 1.0, np.zeros_like(unit)
            self.objective.add_penalty_gradient(unit, G)
            H[j] += G[0, : self.d]
            unit[0, j] = 0.0
        return H

    def noise(self, w):
        """Δ(w) = mean ‖∇f_i(w)‖² − ‖mean ∇f_i(w)‖² of single samples, which no penalty changes."""
        squares, *G = self._asked(self._noise, w) / self.n
        return float(squares - np.dot(G, G))

    def noise_slope(self, w):
        """∇Δ(w)."""
        mean = self._asked(self._value, w)[1 : 1 + self.d] / self.n
        return 2 * self._asked(self._slopes, w, mean)[: self.d] / self.n

    def least_margin(self, w):
        """The least margin of all rows: positive where w tells the classes apart without a mistake."""
        return float(self._asked(self._least, w)[0])

    def tell(self, stage, done, total=None):
        """Whoever watches how far it is."""
        if self._progress:
            self._progress(stage, done, total)

    def _penalised(self, W, G):
        self.objective.add_penalty_gradient(W, G)  # linear in W, so it is its own curvature

    def _asked(self, part, *vectors):
        """Rank 0: the sum of all ranks' parts."""
        self._comm.bcast((part.__name__, *vectors))
        return self.add(part.__name__, *vectors)

    def add(self, name, *vectors):
        """This rank's part of what has a name here, summed on rank 0. Collective."""
        self.passes += 1
        part = getattr(self, name)(*(self.objective.embedded(v) for v in vectors))
        whole = np.empty_like(part)
        self._comm.Reduce(part, whole, MPI.MIN if name == "_least" else MPI.SUM)
        return whole

    def _value(self, W):
        part = np.zeros(1 + W.shape[1])
        part[0] = self.objective.losses("train", W, *self._mine)[0]
        self.objective.add_gradient(W, *self._mine, part[None, 1:])
        return part

    def _noise(self, W):
        part = np.zeros(1 + W.shape[1])
        part[0] = self.objective.add_gradient_and_squares(W, *self._mine, part[None, 1:])
        return part

    def _slopes(self, W, V):
        part = np.zeros_like(W)
        self.objective.add_noise_slopes(W, V, *self._mine, part)
        return part[0]

    def _product(self, W, V):
        part = np.zeros_like(W)
        self.objective.add_curvature(W, V, *self._mine, part)
        return part[0]

    def _hessian(self, W):
        H = np.zeros((self.d, self.d))
        self.objective.add_hessian(W, *self._mine, H)
        return H

    def _least(self, W):
        return np.array([self.objective.least_margin(W, *self._mine)])
