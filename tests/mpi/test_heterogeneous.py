"""Rounds in which learners do unequal numbers of local steps (Yu et al. 2019, Algorithm 3)."""

import numpy as np
import pytest
from mpi4py import MPI

from pavg.engine import synchronous
from pavg.problems.linear import LinearObjective
from pavg.records.layout import VARIABLES
from pavg.records.writing import write
from tests.building import group_of, samples, sparse_samples, task_of
from tests.mpi.test_checkpoint import ending_at, same

pytestmark = pytest.mark.mpi
comm = MPI.COMM_WORLD
LOGISTIC = {"problem": {"name": "logistic", "l2": 0.01, "intercept": True}}
CASES = {
    "dense": LOGISTIC,
    "csr": LOGISTIC | {"store": sparse_samples(), "averaging": "dense"},
    "momentum averaged": LOGISTIC | {"momentum": 0.9, "momentum_at_average": "average", "step_size": 0.01},
    "batches that grow": LOGISTIC | {"batch_size": {"name": "growing", "start": 1.0, "power": 0.3}},
    "step sizes that fall": LOGISTIC | {"step_size": {"name": "inverse", "alpha": 1.0, "d": 5}},
    "step sizes by epochs": LOGISTIC
    | {"step_size": {"name": "decay", "gamma": 0.1, "factor": 0.5, "every": 1}},
    "noise": {"problem": "double-well"},
    "weights": LOGISTIC | {"weights": "shards", "partition": {"name": "dirichlet", "beta": 0.5}},
    "in one order": LOGISTIC | {"reduction": "reproducible"},
}
OWN = {"ticks", "learner_steps"}  # what unequal rounds count otherwise


def run(method, **keys):
    return synchronous.run(comm, task_of(method=method, **keys))[0]


def assert_same(uneven, periodic, K):
    """All but the times, to the bit."""
    a, b = uneven.arrays(), periodic.arrays()
    assert a.keys() - b.keys() == {"learner_steps"} and (a["ticks"] * K == b["ticks"]).all()
    assert (a["learner_steps"] == a["local_steps"][:, None]).all()
    for name in b.keys() - OWN:
        if not name.startswith("time"):
            np.testing.assert_array_equal(a[name], b[name], err_msg=name)
    np.testing.assert_array_equal(uneven.w, periodic.w)


@pytest.mark.parametrize("case", CASES)
def test_with_equal_steps_it_is_periodic_averaging_to_the_bit(case):
    K, evaluate = 70, {"rounds": 2}
    uneven = run({"name": "heterogeneous", "I": [K]}, **CASES[case], stop={"steps": 7}, evaluate=evaluate)
    assert_same(
        uneven, run({"name": "periodic", "K": K}, **CASES[case], stop={"steps": 7 * K}, evaluate=evaluate), K
    )


@pytest.mark.parametrize("stop", [{"steps": 9}, {"samples": 1000}, {"epochs": 3.0}], ids=str)
@pytest.mark.parametrize("batch", [2, {"name": "growing", "start": 1.0, "power": 0.5}], ids=str)
def test_what_each_has_done_is_counted(stop, batch):
    record = run({"name": "heterogeneous", "I": [5, 3, 1]}, **LOGISTIC, P=4, stop=stop, batch_size=batch)
    last, rounds = record.rows[-1], record.rows[-1]["rounds"]
    assert last["ticks"] == rounds and last["learner_steps"].tolist() == [
        5 * rounds,
        3 * rounds,
        rounds,
        5 * rounds,
    ]

    def seen(rounds):
        sizes = np.full(5000, 2) if batch == 2 else np.ceil(np.sqrt(np.arange(1, 5001)))
        return sum(int(sizes[: n * rounds].sum()) for n in (5, 3, 1, 5))

    wanted = {"steps": seen(9), "samples": 1000, "epochs": 3 * 203}[next(iter(stop))]
    assert last["local_steps"] == 5 * rounds and last["samples"] == seen(rounds) >= wanted > seen(rounds - 1)


def test_a_run_that_was_paused_ends_to_the_bit_as_one_that_was_not(folder):
    keys = LOGISTIC | {"method": {"name": "heterogeneous", "I": [64, 13, 100]}, "stop": {"steps": 30}}
    keys |= {"step_size": {"name": "inverse", "alpha": 1.0, "d": 10.0}, "evaluate": {"rounds": 7}}
    whole = ending_at(None, None, **keys)
    assert ending_at(11, folder, **keys).status == "timeout"
    assert same(ending_at(None, folder, **keys), whole)


def test_lanes_end_as_cells_alone():
    keys = {"method": {"name": "heterogeneous", "I": [9, 2]}, "stop": {"steps": 40}, "P": 5}
    sizes = [0.5, {"name": "inverse", "alpha": 1.0, "d": 5}, 1e300]
    lanes = synchronous.run(comm, group_of(sizes, samples(), **keys))
    for size, lane in zip(sizes, lanes, strict=True):
        alone = synchronous.run(comm, group_of([size], samples(), **keys))[0]
        assert lane.status == alone.status
        np.testing.assert_allclose(lane.arrays()["loss"], alone.arrays()["loss"], rtol=1e-12)
        np.testing.assert_array_equal(lane.arrays()["learner_steps"], alone.arrays()["learner_steps"])


SIZE = comm.Get_size()
TIMED = LOGISTIC | {
    "method": {"name": "heterogeneous", "seconds": 2e-3},
    "P": SIZE,
    "stop": {"steps": 12},
    "evaluate": {"rounds": 3},
    "step_size": {"name": "inverse", "alpha": 1.0, "d": 5},
    "reduction": "reproducible",
}


def replayed(record, folder, world):
    """The same rounds, on the ranks of `world`; None on others."""
    path = folder / "run.h5"
    if comm.Get_rank() == 0:
        write(path, record, {}, {})
    comm.Barrier()
    keys = TIMED | {"method": {"name": "heterogeneous", "replay": str(path)}}
    return None if world == MPI.COMM_NULL else synchronous.run(world, task_of(**keys))[0]


@pytest.mark.parametrize("problem", ["linear", "noise of its own"])
def test_what_each_did_in_a_given_time_is_kept_and_done_again_to_the_bit_on_any_number_of_ranks(
    problem, folder
):
    keys = TIMED if problem == "linear" else {k: v for k, v in TIMED.items() if k != "problem"}
    record = synchronous.run(comm, task_of(**keys))[0]
    made, block = record.course["round_steps"], LinearObjective.block if problem == "linear" else 1
    assert made.shape == (12, SIZE) and made.min() >= block and not (made % block).any()
    assert (made.sum(axis=0) == record.rows[-1]["learner_steps"]).all()
    assert record.rows[-1]["samples"] == made.sum() and 12 * 2e-3 <= record.rows[-1]["time_wall"]
    if problem == "linear":
        alone = comm.Split(0 if comm.Get_rank() == 0 else MPI.UNDEFINED)
        for world in (comm, alone):
            again = replayed(record, folder, world)
            assert again is None or same(again, record)


def test_a_timed_run_that_was_paused_keeps_all_its_rounds(folder):
    (folder / "kept").mkdir(exist_ok=True)
    assert ending_at(5, folder / "kept", **TIMED).status == "timeout"
    record = ending_at(None, folder / "kept", **TIMED)
    assert record.status == "ok" and record.course["round_steps"].shape == (12, SIZE)
    assert same(replayed(record, folder, comm), record)


@pytest.mark.parametrize("method", [{"name": "periodic", "K": 70}, {"name": "heterogeneous", "I": [70]}])
def test_slower_learners_change_no_loss(method):
    keys = LOGISTIC | {"P": SIZE, "method": method, "stop": {"steps": 140}}
    slow, plain = (
        synchronous.run(comm, task_of(**keys, slowdown=slowdown))[0]
        for slowdown in ([20.0, 1.0][:SIZE], None)
    )
    for name, values in plain.arrays().items():
        if VARIABLES[name][1] != "s":
            np.testing.assert_array_equal(slow.arrays()[name], values, err_msg=name)
