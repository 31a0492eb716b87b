"""Averages of touched coordinates: those of whole models, for fewer bytes."""

import numpy as np
import pytest
from mpi4py import MPI

from pavg.engine import synchronous
from pavg.errors import InputError
from pavg.kernels import touched
from tests.building import learners_of, samples, sparse_samples, task_of

pytestmark = pytest.mark.mpi
comm = MPI.COMM_WORLD
STORE = sparse_samples()
PLAIN = {"problem": "logistic", "P": 8, "stop": {"steps": 120}}
CASES = {
    "plain": {},
    "every step": {"method": {"name": "periodic", "K": 1}},
    "an intercept": {"problem": {"name": "logistic", "intercept": True}},
    "an L2 term": {"problem": {"name": "logistic", "l2": 0.01, "intercept": True}},
    "a model that shrinks to nothing": {"problem": {"name": "logistic", "l2": 19.9, "intercept": True}},
    "batches": {"batch_size": 3, "method": {"name": "periodic", "K": 1}},
    "reshuffled shards": {"partition": "iid", "sampling": "reshuffle"},
    "weights": {"weights": "shards", "partition": {"name": "dirichlet", "beta": 0.5}},
    "coins": {"method": {"name": "stochastic", "zeta": 0.3}},
    "rounds of all lengths": {"method": {"name": "varying", "K": [1, 60, 2, 3, 1, 2, 20, 1]}},
    "regression": {"problem": "least-squares", "step_size": 0.01},
}
SOMETIMES_DENSE = ("coins", "rounds of all lengths", "a model that shrinks to nothing")


def keys_of(case, **more):
    return PLAIN | CASES[case] | {"store": STORE} | more


def run(case, world=comm, **more):
    return synchronous.run(world, task_of(**keys_of(case, **more)))[0]


@pytest.mark.parametrize("case", CASES)
def test_they_are_the_averages_of_whole_models_to_rounding(case):
    few, whole = run(case), run(case, averaging="dense")
    assert np.abs(whole.w).max() > 0
    np.testing.assert_allclose(few.w, whole.w, rtol=0, atol=1e-12 * np.abs(whole.w).max())
    np.testing.assert_allclose(few.arrays()["loss"], whole.arrays()["loss"], rtol=1e-10)
    np.testing.assert_allclose(few.arrays()["drift"], whole.arrays()["drift"], rtol=1e-8, atol=1e-25)
    assert few.rows[-1]["rounds"] == whole.rows[-1]["rounds"]
    assert few.rows[-1]["bytes"] < whole.rows[-1]["bytes"]


@pytest.mark.parametrize("case", CASES)
def test_they_are_the_same_to_the_bit_on_all_ranks_and_for_any_number_of_them(case):
    here, alone = (run(case, world, averaging="sparse") for world in (comm, MPI.COMM_SELF))
    assert all(np.array_equal(here.w, w) for w in comm.allgather(here.w))
    if case not in SOMETIMES_DENSE:  # Allreduce sums in another order
        assert np.array_equal(here.w, alone.w)
    assert np.array_equal(here.arrays()["bytes"], alone.arrays()["bytes"])


@pytest.mark.parametrize("case", CASES)
def test_where_a_run_is_evaluated_changes_no_bit_of_it(case):
    method = {"name": "periodic", "K": 100} if case == "plain" else PLAIN.get("method")
    more = {"stop": {"steps": 320}} | ({"method": method} if method else {})
    rarely = run(case, evaluate={"at": [320]}, **more)
    often = run(case, evaluate={"at": list(range(1, 320, 9))}, **more)
    assert len(often.rows) > 5
    assert np.array_equal(rarely.w, often.w)
    assert rarely.rows[-1]["bytes"] == often.rows[-1]["bytes"]


def test_coordinates_that_nobody_touched_stay_as_they_are():
    learners = learners_of(comm, store=STORE, averaging="sparse", P=4, problem="logistic")
    learners.W[:] = np.arange(learners.W.shape[1]) / 3.0  # a mean of four of these need not be this
    before = learners.W.copy()
    learners.clock.start()
    learners.step(2)
    own = (learners.W != before).any(axis=0)
    moved = np.zeros(own.size, np.int64) + own
    comm.Allreduce(MPI.IN_PLACE, moved, MPI.MAX)
    learners.average()
    assert 0 < moved.sum() < own.size
    assert np.array_equal(learners.W[:, moved == 0], before[:, moved == 0])
    assert np.ptp(learners.W, axis=0).max() == 0


def test_few_coordinates_are_exchanged_and_many_are_not():
    d, P = STORE.n_features, 4
    per_row = 16 * P  # entries, about: rows of 12 nonzeros or so, filled up to a multiple of 8
    for K, few in ((1, True), (5, True), (20, False), (200, False)):
        learners = learners_of(comm, store=STORE, P=P, problem="logistic")
        learners.clock.start()
        learners.rounds([K] * 3, 1)
        if few:
            assert 0.5 < learners.bytes / (3 * K * per_row * touched.BYTES) < 1.5
        else:
            assert learners.bytes == 3 * d * 8


@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.parametrize("averaging", ["auto", "sparse"])
@pytest.mark.parametrize("d", [4, 7, 8, 12, 24, 27])
def test_the_entries_of_a_round_have_room_from_its_beginning(d, averaging, intercept):
    problem = {"name": "logistic", "intercept": intercept}
    learners = learners_of(comm, store=sparse_samples(d=d, nnz=2), averaging=averaging, problem=problem, P=4)
    learners.clock.start()
    few = learners._touched
    few.prepare(learners._model, learners.schedule.window(1, 0, 1)[0], 0, 0)
    assert few.open[touched.ENTRIES] * touched.BYTES <= few.buffer.nbytes


@pytest.mark.parametrize(
    "keys", [{"momentum": 0.5}, {"store": samples(), "problem": "logistic"}, {"averaging": "dense"}]
)
def test_elsewhere_whole_models_are_summed(keys):
    learners = learners_of(comm, **{"store": STORE, "problem": "logistic"} | keys)
    learners.clock.start()
    learners.rounds([1, 1], 0)
    assert learners.bytes == 2 * 8 * learners.objective.dimension


def test_a_model_that_did_not_move_by_drawn_rows_is_averaged_whole():
    learners = learners_of(comm, store=STORE, problem="logistic")
    learners.clock.start()
    learners.gradient(), learners.apply(), learners.average()
    assert learners.bytes == 8 * learners.objective.dimension
    assert np.ptp(learners.W, axis=0).max() == 0 and learners.W.any()
    learners.rounds([1], 0)
    assert learners.bytes < 9 * learners.objective.dimension


def test_nan_in_one_model_reaches_all():
    learners = learners_of(comm, store=STORE, problem="logistic", step_size=1e308, P=comm.Get_size())
    learners.clock.start()
    learners.rounds([3, 1], 0)
    found = np.isnan(learners.W).any()
    assert all(f == found for f in comm.allgather(bool(found)))


def test_sparse_averaging_that_cannot_be_is_refused():
    with pytest.raises(InputError, match="samples are dense"):
        task_of(problem="logistic", averaging="sparse")
    with pytest.raises(InputError, match="momentum moves all"):
        task_of(problem="logistic", averaging="sparse", momentum=0.5, store=STORE)
