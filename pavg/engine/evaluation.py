"""The average looked at: losses, accuracy, gradient norm, drift. All ranks share the rows."""

import numpy as np

from pavg import streams
from pavg.comm.averaging import total
from pavg.comm.topology import block

WHICH, OWN = ("best", "worst"), ("loss", "accuracy", "test_accuracy")
ROWS = 1024  # rows of a block: sums of blocks do not depend on the number of ranks


def evaluate(comm, objective, w, drift=None, reduction=None):
    """Values at w, by name: those that the problem has, and drift, if given. Collective over `comm`.

    w : (d,), or (d, lanes); values are numbers, or arrays (lanes,); reduction : how vectors are summed over
    ranks (`pavg.comm.reduction`), None for no norm of the gradient.
    """
    W = objective.embedded(w)
    values = _losses(comm, objective, W)
    norm = None if reduction is None else _gradient_norm(comm, objective, W, reduction)
    if norm is not None:
        values["grad_norm"] = norm
    return values if drift is None else values | {"drift": drift}


class Ranking:
    """The best and the worst of the learners' own models, by their loss on a few training samples.

    count : of these samples, the same at each evaluation and for any number of ranks.
    """

    def __init__(self, objective, learners, count, seed):
        n = objective.rows["train"]
        rows = streams.generator(seed, "ranking").permutation(n)[:count]
        self.objective, self.learners, self._rows = objective, learners, np.sort(rows)

    def __call__(self, comm, values):
        """best_loss, worst_loss and so on. values : at the average. Collective over `comm`."""
        objective, own = self.objective, self.learners.own()
        if own is None:
            return {f"{which}_{name}": values[name] for which in WHICH for name in OWN if name in values}
        losses = np.zeros((self.learners.spec.P, *own.shape[2:]))
        for l, learner in enumerate(self.learners.ids):
            of = objective.losses_of(self._rows, own[l : l + 1])
            losses[learner] = of / self._rows.size + objective.penalty(own[l : l + 1])
        total(comm, losses)
        losses[np.isnan(losses)] = np.inf
        found = {}
        for which, chosen in zip(WHICH, (losses.argmin(axis=0), losses.argmax(axis=0)), strict=True):
            W = np.zeros((1, *own.shape[1:]))
            for l, learner in enumerate(self.learners.ids):
                W[0] += np.where(chosen == learner, own[l], 0.0)
            total(comm, W)  # one learner's alone: exact
            at = _losses(comm, objective, W)
            found |= {f"{which}_{name}": at[name] for name in OWN if name in at}
        return found


def _losses(comm, objective, W):
    """Losses and accuracies at W[0], of training and test set, by name."""
    mean, right = _mean_loss(comm, objective, "train", W)
    values = {"loss": mean + objective.penalty(W)}
    if objective.classes:
        values["accuracy"] = right
    if "test" in objective.rows:
        values["test_loss"], right = _mean_loss(comm, objective, "test", W)
        if objective.classes:
            values["test_accuracy"] = right
    return values


def _mean_loss(comm, objective, part, W):
    """(mean loss, share of right classes) over the rows of a part: blocks of rows, summed in order."""
    n = objective.rows[part]
    blocks = -(-n // ROWS)
    sums = np.zeros((blocks, 2, *W.shape[2:]))
    for b in range(*block(blocks, comm.Get_size(), comm.Get_rank())):
        sums[b] = objective.losses(part, W, b * ROWS, min((b + 1) * ROWS, n))
    total(comm, sums)  # every block is nonzero on one rank only: exact
    return np.add.accumulate(sums)[-1] / n


def _gradient_norm(comm, objective, W, reduction):
    """‖∇F‖ at W[0], or None where no exact gradient is known."""
    n = objective.rows["train"]
    parts = reduction.parts(comm, n)
    sums, G = np.zeros((len(parts), *W.shape[1:])), np.zeros_like(W)
    for k, (begin, end) in enumerate(parts):
        if objective.add_gradient(W, begin, end, sums[k : k + 1]) is None:
            return None
    flat = G.reshape(-1)
    reduction.gather(sums.reshape(len(parts), -1), np.ones(len(parts)), flat, 0, flat.size)
    reduction.reduce(comm, flat)
    G /= n
    objective.add_penalty_gradient(W, G)
    return np.linalg.norm(G[0], axis=0)
