"""What is bound for the cells of a sweep, one after the other, is what each would get alone."""

import itertools
import random

import numpy as np
import pytest

from pavg.engine.task import Binder, bind
from tests.building import samples, spec_of

SWEPT = {
    "P": [2, 5],
    "seed": [0, 1],
    "partition": ["iid", {"name": "dirichlet", "beta": 0.5}],
    "problem": ["logistic", {"name": "logistic", "l2": 0.5}],
}


@pytest.mark.parametrize("order", range(3))
def test_what_the_next_cell_shares_with_the_last_is_kept_and_nothing_else(order):
    cells = [dict(zip(SWEPT, values, strict=True)) for values in itertools.product(*SWEPT.values())]
    random.Random(order).shuffle(cells)
    binder, store = Binder(), samples()
    for keys in cells:
        spec = spec_of(data={"name": "breast_cancer"}, **keys)
        shared, own = binder.bind((spec,), store), bind(spec, store)
        assert shared.objective.formula == own.objective.formula
        for part in ("rows", "starts", "counts"):
            one, other = getattr(shared.shards, part), getattr(own.shards, part)
            assert np.array_equal(one, other), (keys, part)
