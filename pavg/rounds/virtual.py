"""The average that would be made now, beside the rounds: models stay as they are."""

import numpy as np

from pavg.kernels.combine import gather_models, models
from pavg.rounds.columns import Columns
from pavg.rounds.reference import rows


def average(comm, reduction, touched, model, order, combination):
    """The average of the models S·W, (d,) or (d, lanes), added up as a real one is. Collective over `comm`.

    reduction : how ranks sum; touched : `Touched` or `Columns`; model, order : of the kernels;
    combination : (weights, their total, d·lanes).
    """
    (W, _, _, S), (weights, total, size) = model, combination
    if isinstance(touched, Columns) and touched.on:
        w = models(W[:1, : size // S.shape[1]], S[:1])[0]
        touched.virtual(lambda flat: reduction.reduce(comm, flat), model, order, weights, total, w)
        return w
    flat = np.empty(size)
    if reduction.compiled:
        gather_models(rows(W), S, weights, flat, size)
    else:
        reduction.gather(rows(models(W, S)), weights, flat, 0, size)
    reduction.reduce(comm, flat)
    flat /= total
    return flat.reshape(-1, *W.shape[2:])


def warm_up(touched, model, order, weights, schedule):
    """Compile what `average` calls."""
    gather_models(rows(model[0]), model[3], weights, np.empty(0), 0)
    if isinstance(touched, Columns):
        touched.warm_up(model, order, weights, schedule)
