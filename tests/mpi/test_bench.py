"""What benchmarks are made of: turns, files, and that what is compared does the same work."""

import time

import numpy as np
import pytest
from mpi4py import MPI

from pavg import spec
from pavg.bench import files, scikit, shapes
from pavg.bench.base import Column
from pavg.bench.local_steps import LocalSteps
from pavg.bench.measuring import alternate, count_for
from pavg.data import open_store, prepare

pytestmark = pytest.mark.mpi
COMM = MPI.COMM_WORLD
ROWS = 300


@pytest.fixture(autouse=True)
def stores(tmp_path, monkeypatch):
    monkeypatch.setenv("PAVG_DATA", str(tmp_path))


def small(name, dtype="float64"):
    sparse = {} if name in ("higgs", "year") else {"d": 400, "nnz": 12}
    return open_store(prepare(spec.Data(synthetic=spec.Synthetic(like=name, n=ROWS, **sparse), dtype=dtype)))


def test_things_take_turns_backwards_every_second_time():
    calls, order = {}, []
    for name in "abc":
        calls[name] = lambda name=name: order.append(name)
    seconds = alternate(calls, 3, COMM)
    assert "".join(order) == "abc" + "abc" + "cba" + "abc"
    assert all(len(spent) == 3 and (spent > 0).all() for spent in seconds.values())


def test_the_number_of_calls_is_the_same_on_all_ranks_and_takes_about_the_time():
    def call(n):
        time.sleep(n * 1e-4 * (1 + COMM.Get_rank()))

    n = count_for(call, 0.02, COMM, unit=8)
    assert n % 8 == 0 and 8 <= n <= 400
    assert COMM.allgather(n) == [n] * COMM.Get_size()


def test_a_file_is_read_by_xarray_with_what_is_missing_as_nan(tmp_path):
    xarray = pytest.importorskip("xarray")
    columns = {
        "way": Column("", "how"),
        "time": Column("s", "how long"),
        "turns": Column("s", "each turn", axes=("alternation",)),
        "unused": Column("1", "nothing has it"),
    }
    rows = [{"way": "C", "time": 0.5, "turns": np.arange(3.0)}, {"turns": np.ones(2)}]
    facts = {"ranks": COMM.Get_size(), "quick": True, "cores": [0]}
    path = files.write(tmp_path, "some", facts, columns, rows)
    assert path.name.startswith(f"some-R{COMM.Get_size()}-") and path.name.endswith(".bench.h5")
    with xarray.open_dataset(path) as data:
        assert data.way.values.tolist() == ["C", ""] and data.time.attrs["units"] == "s"
        np.testing.assert_array_equal(data.time, [0.5, np.nan])
        np.testing.assert_array_equal(data.turns, [[0, 1, 2], [1, 1, np.nan]])
        assert "unused" not in data and data.attrs["quick"] == 1 and data.attrs["format"] == "pavg-bench"
    with xarray.open_dataset(path, group="env") as environment:
        assert environment.attrs["mpi_library"]


@pytest.mark.parametrize("name", list(shapes.SHAPES))
def test_plain_samples_are_those_of_the_store_and_their_bytes_are_counted(name):
    store = small(name)
    X, y = shapes.plain(store)
    assert X.shape == (ROWS, store.n_features)
    np.testing.assert_array_equal(y, store.train.y)
    whole = X if store.layout == "dense" else X.toarray()
    expected = np.zeros((ROWS, store.n_features + 1))
    if store.layout == "dense":
        expected[:, :-1] = store.train.X[:, : store.n_features]
    else:
        ends = store.train.indptr
        for i in range(ROWS):
            at = slice(ends[i], ends[i + 1])
            expected[i, store.train.columns[at]] = store.train.values[at]
    np.testing.assert_array_equal(whole, expected[:, :-1])
    needed, held = shapes.sizes(store)
    arrays = [X, y] if store.layout == "dense" else [X.data, X.indices, y, np.empty(ROWS)]
    assert needed == sum(array.nbytes for array in arrays) <= held


@pytest.mark.parametrize("name", list(shapes.SHAPES))
def test_scikit_learn_in_order_does_the_same_work(name):
    store = small(name)
    X, y = shapes.plain(store)
    ours = shapes.learners(MPI.COMM_SELF, name, store, sampling="order")
    ours.step(3 * ROWS)
    theirs = scikit.estimator(shapes.SHAPES[name].problem, shapes.SHAPES[name].step_size, False)
    w = scikit.fit(theirs, X, y, 3)
    np.testing.assert_allclose(ours.virtual_average(MPI.COMM_SELF)[0], w, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", list(shapes.SHAPES))
@pytest.mark.parametrize("rule", shapes.RULES)
def test_steps_that_are_timed_are_those_of_learners_by_fast_and_by_plain_loops(name, rule):
    store, gamma = small(name), shapes.SHAPES[name].step_size
    ours = shapes.learners(MPI.COMM_SELF, name, store, sampling=rule)
    ours.step(640)
    w, _ = ours.virtual_average(MPI.COMM_SELF)
    for reference in (False, True):
        step = LocalSteps(ours.objective, gamma, rule, reference=reference)
        step(640)
        W, _, _, S = step.model
        np.testing.assert_allclose(S[0] * W[0, : w.size], w, rtol=1e-9, atol=1e-12)


def test_few_rows_are_the_first_ones():
    store = small("higgs")
    ours = shapes.learners(MPI.COMM_SELF, "higgs", store)
    step = LocalSteps(ours.objective, 0.01, "order", rows=64)
    step(640)
    assert step.order[-1].tolist() == [64] and step.order[2].tolist() == [640]
