"""The average that would be made now, and how far learners are from it: off the clock, models stay."""

import numpy as np

from pavg.comm.averaging import total
from pavg.kernels.combine import add_distances, gather_models, models
from pavg.rounds.reference import rows


def weighted(comm, model, combination, reduction, d):
    """Σ weights[l]·S[l]·W[l, :d] / total over the learners of all ranks, as real averages add up. Collective.

    model : (W, S); combination : (weights, total). Returns (d,), or (d, lanes).
    """
    (W, S), (weights, total_weight) = model, combination
    flat = np.empty(d * S.shape[1])
    if reduction.compiled:
        gather_models(rows(W), S, weights, flat, flat.size)
    else:
        reduction.gather(rows(models(W, S)), weights, flat, 0, flat.size)
    reduction.reduce(comm, flat)
    flat /= total_weight
    return flat.reshape(-1, *W.shape[2:])


def drift(comm, model, w, ids, P):
    """1/P Σ ‖S[l]·W[l] − w‖² over all P learners, of each lane: (lanes,). Collective.

    model : (W, S) of the learners `ids` of this rank, W None where all models are w.
    """
    W, S = model
    distances = np.zeros((P, S.shape[1]))
    if W is not None:
        add_distances(rows(W), S, w.reshape(-1), w.size, distances[ids.start :])
        total(comm, distances)
    return distances.sum(axis=0) / P


def warm_up(W, S, weights, reduction):
    """Call every compiled function once with nothing to do."""
    nothing = np.empty(0)
    reduction.gather(rows(W), weights, nothing, 0, 0)
    gather_models(rows(W), S, weights, nothing, 0)
    add_distances(rows(W), S, nothing, 0, np.empty(S.shape))
