"""Virtual time: closed forms, an independent simulation, and the losses of real runs."""

import math

import numpy as np
import pytest
from mpi4py import MPI

from pavg import streams
from pavg.engine import synchronous
from pavg.engine.checkpoint import Checkpoints
from pavg.engine.observation import Care
from pavg.kernels.streams import uniforms
from tests.building import group_of, samples, task_of

pytestmark = pytest.mark.mpi
comm, alone = MPI.COMM_WORLD, MPI.COMM_SELF

DOWNPOUR = {"name": "downpour", "K": 5}
EASGD = {"name": "eamsgd", "K": 5, "alpha": 0.3}
EVEN = {"compute": {"mean": 1.0}}
UNEVEN = {
    "compute": {"mean": 1.0, "law": "exponential"},
    "comm": {"mean": 0.7, "law": "exponential"},
    "service": 0.1,
    "slow": [3.0],
}


def asynchronous(clock, care=None, **keys):
    keys = {"problem": "logistic", "method": DOWNPOUR, "P": 4, "clock": clock} | keys
    return synchronous.run(alone, task_of(**keys), care)[0]


def curve(record, name="loss"):
    return record.arrays()[name]


# --- asynchronous: models ------------------------------------------------------------------------


@pytest.mark.parametrize("momentum", [0.0, 0.5])
def test_downpour_of_one_learner_is_sequential_sgd(momentum):
    keys = {"P": 1, "stop": {"steps": 200}, "evaluate": {"every": 40}, "momentum": momentum}
    keys |= {"step_size": {"name": "inverse-sqrt", "gamma": 0.3}, "batch_size": 2}
    serial = synchronous.run(alone, task_of(problem="logistic", method={"name": "periodic", "K": 5}, **keys))[
        0
    ]
    record = asynchronous(EVEN, **keys)
    for name in ("ticks", "local_steps", "samples", "rounds"):
        assert np.array_equal(curve(record, name), curve(serial, name))
    np.testing.assert_allclose(curve(record), curve(serial), rtol=1e-12)
    np.testing.assert_allclose(record.w, serial.w, rtol=1e-10)
    assert record.rows[-1]["staleness_max"] == 0 and curve(record)[-1] < 0.8 * curve(record)[0]


def simulated(method, clock, P, updates, gamma, task):
    """(centre, order, times, staleness) by a list of learners and no engine; gradients are exact."""
    _, law = clock["compute"]["mean"], clock["compute"].get("law")
    factors = [*clock.get("slow", []), *[1.0] * P][:P]

    def seconds(purpose, l, number, mean):
        if law != "exponential":
            return mean
        return -mean * math.log(uniforms(streams.key(0, purpose, l), number, 1)[0])

    def gradient(w):
        W, G = task.objective.embedded(w), np.zeros((1, task.objective.width))
        task.objective.add_gradient(W, 0, task.objective.n, G)
        return G[0, : w.size] / task.objective.n

    d, K, mean = task.objective.dimension, method["K"], clock.get("comm", {}).get("mean", 0.0)
    centre = np.array(task.objective.start)
    learners = [
        {"l": l, "x": centre.copy(), "pulled": centre.copy(), "number": 0, "seen": 0} for l in range(P)
    ]

    def depart(one, now):
        n, l = one["number"], one["l"]
        compute = factors[l] * sum(seconds("compute", l, m, 1.0) for m in range(n * K, n * K + K))
        one["arrives"] = now + compute + seconds("comm", l, 2 * n, mean)

    for one in learners:
        depart(one, 0.0)
    free, order, stale, times = 0.0, [], [], []
    while len(order) < updates:
        one = min(learners, key=lambda one: (one["arrives"], one["l"]))
        for _ in range(K):
            one["x"] = one["x"] - gamma * gradient(one["x"])
        if method["name"] == "downpour":
            centre = centre + (one["x"] - one["pulled"])
            one["x"] = one["pulled"] = centre
        else:
            force = method["alpha"] * (one["x"] - centre)
            one["x"], centre = one["x"] - force, centre + force
        stale.append(len(order) - one["seen"])
        order.append(one["l"])
        one["seen"] = len(order)
        free = max(one["arrives"], free) + clock.get("service", 0.0)
        times.append(free)
        back = seconds("comm", one["l"], 2 * one["number"] + 1, mean)
        one["number"] += 1
        depart(one, free + back)
    return centre[:d], order, times, stale


@pytest.mark.parametrize("method", [DOWNPOUR, EASGD], ids=lambda m: m["name"])
@pytest.mark.parametrize("clock", [EVEN, UNEVEN], ids=["even", "uneven"])
def test_events_are_those_of_an_independent_simulation(method, clock):
    problem = {"name": "quadratic", "components": 1, "d": 3}
    keys = {"problem": problem, "method": method, "P": 4, "step_size": 0.02, "stop": {"steps": 50}}
    task = task_of(clock=clock, **keys)
    record = synchronous.run(alone, task)[0]
    w, order, times, stale = simulated(method, clock, 4, 40, 0.02, task)
    assert record.course["arrival_learner"].tolist() == order
    np.testing.assert_allclose(record.w, w, rtol=1e-10)
    last = record.rows[-1]
    assert last["time_wall"] == pytest.approx(times[-1], rel=1e-12)
    assert last["updates"] == 40 and last["local_steps"] == 50 and last["samples"] == 200
    assert last["staleness"] == pytest.approx(np.mean(stale)) and last["staleness_max"] == max(stale)
    assert record.course["staleness_count"].tolist() == np.bincount(stale).tolist()


# --- asynchronous: time and staleness --------------------------------------------------------------


@pytest.mark.parametrize("P", [1, 3, 8])
@pytest.mark.parametrize("service", [0.0, 0.25, 10.0])
def test_with_equal_times_each_update_is_as_old_as_there_are_others(P, service):
    record = asynchronous(EVEN | {"service": service}, P=P, stop={"steps": 50})
    order, counts = record.course["arrival_learner"], record.course["staleness_count"]
    assert order.tolist() == [n % P for n in range(10 * P)]
    assert counts.tolist() == [1] * (P - 1) + [9 * P + 1]  # the first updates are of a centre that was new


@pytest.mark.parametrize("servers", [1, 2])
def test_a_server_that_is_faster_than_learners_is_not_waited_for_and_a_slower_one_sets_the_pace(servers):
    comm, K, P = 0.5, 5, 3
    for service in (0.01, 4.0):
        clock = EVEN | {"comm": {"mean": comm}, "service": service * servers}
        record = asynchronous(clock, P=P, stop={"steps": 100}, method=DOWNPOUR | {"servers": servers})
        updates, first = 100 // K * P, K + comm
        cycle = K + 2 * comm + service  # of a learner that finds the server free
        busy = max(cycle, P * service)
        expected = first + busy * (updates // P - 1) + P * service  # the last one of the last round
        assert record.rows[-1]["time_wall"] == pytest.approx(expected, rel=1e-12)
        waited = sum(row["time_wait"][0] for row in record.rows)  # mean over learners
        queues = service * (P - 1) / 2 + (updates // P - 1) * (busy - cycle)
        assert waited == pytest.approx(queues, rel=1e-9)


def test_a_learner_that_is_slower_sends_less_and_older_updates():
    record = asynchronous(EVEN | {"slow": [4.0]}, P=4, stop={"steps": 325}, method=DOWNPOUR | {"K": 10})
    sent = np.bincount(record.course["arrival_learner"])
    assert sent.tolist() == [10, 40, 40, 40]
    assert record.rows[-1]["staleness_max"] == 12  # three others, four times


@pytest.mark.parametrize("clock", [UNEVEN, EVEN | {"slow": [9.0, 0.1]}], ids=["drawn", "slow and fast"])
def test_whatever_the_times_mean_staleness_is_the_number_of_the_others(clock):
    record = asynchronous(clock, P=4, stop={"steps": 10_000})
    last, order = record.rows[-1], record.course["arrival_learner"]
    ends = [
        np.flatnonzero(order == l)[-1] + 1 for l in range(4)
    ]  # updates of others up to one's own last one
    total = sum(end - np.sum(order == l) for l, end in enumerate(ends))
    assert last["staleness"] == pytest.approx(total / last["updates"], rel=1e-12)
    assert last["staleness"] == pytest.approx(3.0, rel=0.02)


def test_samples_of_learners_that_are_apart_are_counted_as_they_grow():
    batch = {"name": "growing", "start": 1.0, "power": 0.5}
    record = asynchronous(EVEN | {"slow": [4.0]}, batch_size=batch, stop={"steps": 100})
    steps = 5 * np.bincount(record.course["arrival_learner"])
    assert record.rows[-1]["samples"] == sum(np.ceil(np.sqrt(np.arange(1, n + 1))).sum() for n in steps)


def test_exponential_seconds_have_their_mean_and_each_learner_its_own():
    clock = {"compute": {"mean": 2.0, "law": "exponential"}}
    record = asynchronous(clock, P=2, stop={"steps": 20_000}, method=DOWNPOUR | {"K": 1})
    wall, updates = record.rows[-1]["time_wall"], record.rows[-1]["updates"]
    assert wall / updates == pytest.approx(1.0, abs=4 / updates**0.5)  # two learners, each every 2 s
    order = record.course["arrival_learner"]
    assert np.mean(order[1:] == order[:-1]) == pytest.approx(0.5, abs=4 * 0.5 / updates**0.5)  # no memory


def test_a_trace_is_gone_through_again_and_again(folder):
    path = folder / "trace.csv"
    if comm.Get_rank() == 0:
        path.write_text("1,4\n2,5\n3,6\n")
    comm.Barrier()
    clock = {"compute": {"trace": str(path)}, "comm": {"trace": str(path)}}
    keys = {"stop": {"steps": 4}, "evaluate": {"every": 2}, "P": 3}
    record = asynchronous(clock, method=DOWNPOUR | {"K": 2}, **keys)
    # learners 0 and 2: local steps 1 + 2, there 1, back 2; 3 + 1, 3, 1; 2 + 3, 2. Learner 1: 4 + 5, 4
    assert record.course["arrival_learner"].tolist() == [0, 2, 0, 1, 2, 0]
    assert curve(record, "time_wall").tolist() == [0.0, 13.0, 21.0]
    record = synchronous.run(comm, task_of(clock=clock, method={"name": "periodic", "K": 2}, **keys))[0]
    assert curve(record, "time_wall").tolist() == [0.0, 9.0 + 2.5, 11.5 + (6.0 + 4.0) + 3.5]


# --- asynchronous: the same, however it is looked at ------------------------------------------------


@pytest.mark.parametrize("method", [DOWNPOUR, EASGD | {"K": 7}], ids=lambda m: m["name"])
def test_stops_change_no_bit(method):
    keys = {"method": method, "stop": {"steps": 200}, "momentum": 0.5}
    one, other = (asynchronous(UNEVEN, evaluate=e, **keys) for e in ({"every": 13}, {"at": [100]}))
    again = asynchronous(UNEVEN, Care(poll=1e-5), evaluate={"every": 1000}, **keys)
    for record in (other, again):
        assert np.array_equal(one.w, record.w)
        assert one.rows[-1]["time_wall"] == record.rows[-1]["time_wall"]
        assert np.array_equal(one.course["arrival_learner"], record.course["arrival_learner"])


@pytest.mark.parametrize("method", [DOWNPOUR, {"name": "periodic", "K": 7}], ids=lambda m: m["name"])
def test_a_run_that_goes_on_from_a_checkpoint_ends_the_same(method, folder):
    world = alone if method is DOWNPOUR else comm
    keys = {
        "problem": "logistic",
        "method": method,
        "clock": UNEVEN,
        "momentum": 0.5,
        "evaluate": {"every": 50},
    }
    whole = synchronous.run(world, task_of(stop={"steps": 400}, **keys))[0]
    place = folder / str(comm.Get_rank()) if world is alone else folder
    for steps in (200, 400):
        care = Care(checkpoints=Checkpoints(place, {}, rounds=10, say=print))
        record = synchronous.run(world, task_of(stop={"steps": steps}, **keys), care)[0]
    assert len(record.rows) == len(whole.rows)
    for name in whole.arrays().keys() - {"time_eval", "time_checkpoint"}:
        assert np.array_equal(curve(record, name), curve(whole, name), equal_nan=True), name
    assert np.array_equal(record.w, whole.w) and record.course.keys() == whole.course.keys()
    for name in whole.course:
        assert np.array_equal(record.course[name], whole.course[name])


def test_virtual_seconds_end_a_run_at_the_same_evaluation_whatever_polls_there_are():
    keys = {"stop": {"seconds": 150.0}, "evaluate": {"every": 10}}
    one, other = (asynchronous(EVEN, Care(poll=poll), **keys) for poll in (1.0, 1e-5))
    assert one.reason == other.reason == "seconds" and 150.0 <= one.rows[-1]["time_wall"] <= 160.0
    assert len(one.rows) == len(other.rows) and np.array_equal(one.w, other.w)


# --- synchronous ------------------------------------------------------------------------------------

SYNCHRONOUS = {
    "periodic": {"name": "periodic", "K": 7},
    "one-shot": {"name": "periodic", "K": "all"},
    "varying": {"name": "varying", "K": [3, 70, 9]},
    "stochastic": {"name": "stochastic", "zeta": 0.1},
    "gradients": {"name": "gradient-allreduce"},
    "pr-sgd": {"name": "pr-sgd", "I": 7},
    "slow momentum": {"name": "slow-momentum", "K": 7},
}


@pytest.mark.parametrize("name", SYNCHRONOUS)
def test_synchronous_losses_are_those_of_real_runs(name):
    keys = {"problem": "logistic", "method": SYNCHRONOUS[name], "stop": {"steps": 150}, "momentum": 0.5}
    real = synchronous.run(comm, task_of(**keys))[0]
    record = synchronous.run(comm, task_of(clock=UNEVEN, **keys))[0]
    for key in real.arrays().keys():
        if not key.startswith("time"):
            assert np.array_equal(curve(record, key), curve(real, key), equal_nan=True), key
    assert np.array_equal(record.w, real.w)


def test_a_round_takes_its_slowest_learner_and_a_combination():
    clock = {"compute": {"mean": 2.0}, "comm": {"mean": 5.0}, "slow": [3.0, 1.0, 0.5]}
    record = synchronous.run(comm, task_of(clock=clock, method={"name": "periodic", "K": 10}))[0]
    last = record.rows[-1]
    assert last["local_steps"] == 100 and last["time_wall"] == 10 * (10 * 6.0 + 5.0)
    compute, waited, sent = (
        np.sum([row[f"time_{p}"] for row in record.rows], axis=0) for p in ("compute", "wait", "comm")
    )
    np.testing.assert_allclose(compute + waited + sent, last["time_wall"], rtol=1e-12)
    assert (sent == 50.0).all()
    mean = {1: [275.0], 2: [400.0, 150.0], 4: [600.0, 200.0, 100.0, 200.0]}  # of the rank's learners
    assert compute.tolist() == mean[comm.Get_size()]


def test_unequal_rounds_take_the_learner_that_is_longest_at_its_steps():
    clock = {"compute": {"mean": 2.0}, "comm": {"mean": 5.0}, "slow": [3.0]}
    keys = {"method": {"name": "heterogeneous", "I": [4, 10, 10, 10]}, "stop": {"steps": 9}, "P": 4}
    real = synchronous.run(comm, task_of(**keys))[0]
    record = synchronous.run(comm, task_of(clock=clock, **keys))[0]
    assert np.array_equal(curve(record), curve(real)) and np.array_equal(record.w, real.w)
    last = record.rows[-1]
    assert last["learner_steps"].tolist() == [36, 90, 90, 90]
    assert last["time_wall"] == 9 * (4 * 6.0 + 5.0)


def test_in_the_middle_of_a_round_virtual_time_is_that_of_the_slowest_learner():
    clock = {"compute": {"mean": 1.0}, "slow": [2.0]}
    keys = {"method": {"name": "periodic", "K": "all"}, "evaluate": {"at": [64]}}
    record = synchronous.run(comm, task_of(clock=clock, **keys))[0]
    assert curve(record, "time_wall").tolist() == [0.0, 128.0, 200.0]


def test_a_learner_that_is_alone_combines_nothing():
    record = synchronous.run(alone, task_of(clock=EVEN | {"comm": {"mean": 9.0}}, P=1))[0]
    assert record.rows[-1]["time_wall"] == 100.0


def test_virtual_times_do_not_depend_on_ranks():
    keys = {"method": {"name": "periodic", "K": 7}, "clock": UNEVEN, "problem": "logistic"}
    one, here = (synchronous.run(world, task_of(**keys))[0] for world in (alone, comm))
    assert np.array_equal(curve(one, "time_wall"), curve(here, "time_wall"))
    compute = np.array([row["time_compute"].mean() for row in here.rows])
    np.testing.assert_allclose(compute, curve(one, "time_compute")[:, 0], rtol=1e-12)


def test_lanes_have_the_times_of_runs_that_are_alone():
    task = group_of([0.05, 0.1], samples(), clock=UNEVEN)
    records = synchronous.run(comm, task)
    single = synchronous.run(comm, task_of(problem="logistic", step_size=0.1, clock=UNEVEN))[0]
    assert len({tuple(curve(record, "time_wall")) for record in [*records, single]}) == 1
    np.testing.assert_allclose(curve(records[1]), curve(single), rtol=1e-10)
