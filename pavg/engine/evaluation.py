"""The average looked at: losses, accuracy, gradient norm, drift. All ranks share the rows."""

import numpy as np

from pavg.comm.averaging import total
from pavg.comm.topology import block

ROWS = 1024  # rows of a block: sums of blocks do not depend on the number of ranks


def evaluate(comm, objective, w, drift, reduction):
    """Values at w (d,), as a dictionary of floats: those that the problem has. Collective over `comm`.

    reduction : how vectors are summed over ranks (`pavg.comm.reduction`)
    """
    W = np.zeros((1, objective.width))
    W[0, : objective.dimension] = w
    mean, right = _mean_loss(comm, objective, "train", W)
    values = {"loss": mean + objective.penalty(W)}
    if objective.classes:
        values["accuracy"] = right
    if "test" in objective.rows:
        values["test_loss"], right = _mean_loss(comm, objective, "test", W)
        if objective.classes:
            values["test_accuracy"] = right
    norm = _gradient_norm(comm, objective, W, reduction)
    if norm is not None:
        values["grad_norm"] = norm
    return values | {"drift": drift}


def _mean_loss(comm, objective, part, W):
    """(mean loss, share of right classes) over the rows of a part: blocks of rows, summed in order."""
    n = objective.rows[part]
    blocks = -(-n // ROWS)
    sums = np.zeros((blocks, 2))
    for b in range(*block(blocks, comm.Get_size(), comm.Get_rank())):
        sums[b] = objective.losses(part, W, b * ROWS, min((b + 1) * ROWS, n))
    total(comm, sums)  # every block is nonzero on one rank only: exact
    loss, right = np.add.accumulate(sums)[-1] / n
    return float(loss), float(right)


def _gradient_norm(comm, objective, W, reduction):
    """‖∇F‖ at W[0], or None where no exact gradient is known."""
    n = objective.rows["train"]
    parts = reduction.parts(comm, n)
    sums, G = np.zeros((len(parts), objective.width)), np.zeros_like(W)
    for k, (begin, end) in enumerate(parts):
        if objective.add_gradient(W, begin, end, sums[k : k + 1]) is None:
            return None
    reduction.gather(sums, np.ones(len(parts)), G[0], 0, objective.width)
    reduction.reduce(comm, G[0])
    G /= n
    objective.add_penalty_gradient(W, G)
    return float(np.linalg.norm(G))
