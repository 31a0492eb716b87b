"""The average looked at: losses, accuracy, gradient norm, drift. All ranks share the rows."""

import numpy as np

from pavg.comm.averaging import total
from pavg.comm.topology import block

ROWS = 1024  # rows of a block: sums of blocks do not depend on the number of ranks


def evaluate(comm, objective, w, drift, reduction, gradient=True):
    """Values at w, by name: those that the problem has. Collective over `comm`.

    w : (d,), or (d, lanes); values are numbers, or arrays (lanes,); reduction : how vectors are summed over
    ranks (`pavg.comm.reduction`); gradient : whether its norm is wanted, about half of the work.
    """
    W = objective.embedded(w)
    mean, right = _mean_loss(comm, objective, "train", W)
    values = {"loss": mean + objective.penalty(W)}
    if objective.classes:
        values["accuracy"] = right
    if "test" in objective.rows:
        values["test_loss"], right = _mean_loss(comm, objective, "test", W)
        if objective.classes:
            values["test_accuracy"] = right
    norm = _gradient_norm(comm, objective, W, reduction) if gradient else None
    if norm is not None:
        values["grad_norm"] = norm
    return values | {"drift": drift}


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
