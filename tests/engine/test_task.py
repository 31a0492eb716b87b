"""What is bound for the cells of a sweep, one after the other, is what each would get alone."""

import itertools
import random

import numpy as np
import pytest

from pavg.engine.task import Binder, bind
from tests.building import samples, spec_of

STORES = {"breast_cancer": samples(), "digits": samples(n=101, seed=1)}
SWEPT = {
    "P": [2, 5],
    "seed": [0, 1],
    "partition": ["iid", {"name": "dirichlet", "beta": 0.5}],
    "problem": ["logistic", {"name": "logistic", "l2": 0.5}],
    "data": list(STORES),
}


@pytest.mark.parametrize("order", range(3))
def test_what_the_next_cell_shares_with_the_last_is_kept_and_nothing_else(order):
    cells = [dict(zip(SWEPT, values, strict=True)) for values in itertools.product(*SWEPT.values())]
    random.Random(order).shuffle(cells)
    binder = Binder()
    for keys in cells:
        spec, store = spec_of(**keys | {"data": {"name": keys["data"]}}), STORES[keys["data"]]
        shared, own = binder.bind((spec,), store), bind(spec, store)
        assert shared.objective.formula == own.objective.formula
        assert np.array_equal(shared.objective.y, own.objective.y), keys
        for part in ("rows", "starts", "counts"):
            one, other = getattr(shared.shards, part), getattr(own.shards, part)
            assert np.array_equal(one, other), (keys, part)
