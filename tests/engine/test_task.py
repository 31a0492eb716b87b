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


def test_cells_whose_samples_hang_on_learners_and_seed_have_their_own():
    cells = [{"P": P, "seed": seed, "problem": "pca"} for P in (2, 5) for seed in (0, 1)]
    random.Random(0).shuffle(cells)
    binder = Binder()
    for keys in [*cells, *cells]:
        shared, own = binder.bind((spec_of(**keys),), None), bind(spec_of(**keys), None)
        assert np.array_equal(shared.objective.samples[0], own.objective.samples[0]), keys
        assert np.array_equal(shared.objective.start, own.objective.start), keys
        assert np.array_equal(shared.shards.counts, own.shards.counts), keys


def test_what_is_the_same_is_bound_once():
    binder = Binder()
    one, other = (
        binder.bind((spec_of(problem="logistic", data={"name": "digits"}, step_size=g),), STORES["digits"])
        for g in (0.1, 0.2)
    )
    assert one.objective is other.objective and one.shards is other.shards
    assert (one.spec.step_size.value, other.spec.step_size.value) == (0.1, 0.2)


@pytest.mark.parametrize("problem", ["double-well", "noisy-quadratic"])
def test_without_samples_nothing_is_dealt_out_nor_said_of_data(problem):
    task = bind(spec_of(problem=problem), None)
    assert task.shards is None and task.data == {}


def test_a_task_says_where_its_samples_are_from():
    store = STORES["digits"]
    task = bind(spec_of(problem="logistic", data={"name": "digits"}), store)
    assert task.data == {
        "data": "memory",
        "data_checksum": "checksum",
        "data_layout": "dense",
        "data_dtype": "float64",
    }
