"""What averaging is, on as many ranks as there are."""

import numpy as np
import pytest
from mpi4py import MPI

from pavg import streams
from pavg.engine import synchronous
from pavg.kernels.streams import REPLACEMENT, draw, uniform
from tests.building import learners_of, samples, task_of

pytestmark = pytest.mark.mpi
comm = MPI.COMM_WORLD

LINEAR = {"problem": {"name": "logistic", "l2": 0.01, "intercept": True}, "P": 8, "batch_size": 3}


def periodic(K):
    return {"name": "periodic", "K": K}


def final(**keys):
    return synchronous.run(comm, task_of(**keys))[0]


def test_on_homogeneous_quadratics_all_periods_end_at_the_same_average():
    keys = {"problem": {"name": "quadratic", "spread": 0.0}, "P": 8, "stop": {"steps": 64}}
    ends = [final(method=periodic(K), **keys).w for K in (1, 8, "all")]
    for w in ends[1:]:
        np.testing.assert_allclose(w, ends[0], rtol=0, atol=1e-12)


def test_on_heterogeneous_quadratics_they_do_not():
    keys = {"problem": {"name": "quadratic", "spread": 0.5}, "P": 8, "stop": {"steps": 64}}
    ends = [final(method=periodic(K), **keys).w for K in (1, 8, "all")]
    assert np.abs(ends[0] - ends[1]).max() > 1e-6
    assert np.abs(ends[0] - ends[2]).max() > 1e-6


CHANGING = {
    "step_size": {"name": "inverse", "alpha": 1.0, "d": 5.0},
    "batch_size": {"name": "growing", "start": 1.0, "power": 0.5},
}


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("more", [{}, CHANGING], ids=["constant", "changing"])
def test_a_period_of_one_is_gradient_allreduce_on_the_same_draws(momentum, more):
    averaged = {"momentum_at_average": "average"} if momentum else {}
    keys = LINEAR | {"momentum": momentum} | more
    averaging = final(method=periodic(1), **averaged, **keys)
    gradients = final(method="gradient-allreduce", **keys)
    np.testing.assert_allclose(averaging.w, gradients.w, rtol=0, atol=1e-12)
    for one, other in zip(averaging.rows, gradients.rows, strict=True):
        assert one["loss"] == pytest.approx(other["loss"], rel=1e-10)
        assert one["rounds"] == other["rounds"]


def test_a_period_of_one_is_serial_sgd_with_batch_P_times_B():
    """Plain NumPy, given the drawn rows of all learners."""
    store, T, P, B, gamma, l2 = samples(), 100, 8, 3, 0.05, 0.01
    learners = learners_of(MPI.COMM_SELF, store=store, **LINEAR)
    rule, keys, _, rows, starts, counts = learners._order
    assert rule == REPLACEMENT
    X = np.hstack([store.train.X[:, : store.n_features], np.ones((store.train.n, 1))])
    w, free = np.zeros(X.shape[1]), np.append(np.ones(store.n_features), 0.0)
    for t in range(T):
        drawn = [
            draw(rule, keys[p], t * B + b, rows, starts[p], counts[p]) for p in range(P) for b in range(B)
        ]
        x, y = X[drawn], store.train.y[drawn]
        w = w - gamma * (x.T @ (-y / (1 + np.exp(y * (x @ w)))) / (P * B) + l2 * free * w)
    record = final(store=store, method=periodic(1), stop={"steps": T}, **LINEAR)
    np.testing.assert_allclose(record.w, w, rtol=0, atol=1e-13)


@pytest.mark.parametrize("K", [1, 7, 25, 100, 1000, "all"])
def test_training_takes_as_many_allreduces_as_rounds(K, monkeypatch):
    monkeypatch.setenv("PAVG_ROUNDS", "reference")
    learners = learners_of(comm, method=periodic(K))
    counted = count_allreduces(learners)
    learners.clock.start()
    for t, stop in ((0, 30), (30, 31), (31, 100)):
        learners.spec.method.advance(learners, t, stop)
    learners.finish()
    rounds = 1 if K == "all" else -(-100 // K)
    assert learners.rounds_done == len(counted) == rounds
    assert learners.bytes == sum(counted) == rounds * 8


def count_allreduces(learners):
    """The sizes in bytes of all sums that this rank's Allreduce is asked for from now on."""
    counted = []

    class Counting:
        def __getattr__(self, name):
            return getattr(comm, name)

        def Allreduce(self, place, buffer, operation):
            if operation is MPI.SUM:
                counted.append(buffer.nbytes)
            comm.Allreduce(place, buffer, operation)

    learners._by_hand.summation.comm = Counting()
    return counted


@pytest.mark.parametrize("name", ["periodic", "stochastic", "gradient-allreduce"])
def test_where_a_run_is_evaluated_changes_no_bit_of_it(name):
    method = {"periodic": periodic(100), "stochastic": {"name": name, "zeta": 0.01}}.get(name, name)
    keys = LINEAR | {"method": method, "stop": {"steps": 1000}, "momentum": 0.5}
    rarely = final(evaluate={"at": [1000]}, **keys)
    often = final(evaluate={"at": list(range(1, 1000, 3))}, **keys)
    assert len(often.rows) > 10
    assert np.array_equal(rarely.w, often.w)
    assert rarely.rows[-1]["loss"] == often.rows[-1]["loss"]
    assert rarely.rows[-1]["rounds"] == often.rows[-1]["rounds"]


def test_learners_step_alike_in_one_call_or_two():
    one, two = (learners_of(comm, momentum=0.9, **LINEAR) for _ in range(2))
    one.step(150)
    two.step(64), two.step(1), two.step(85)
    assert np.array_equal(one.W, two.W)
    assert np.array_equal(one.V, two.V)
    assert np.array_equal(one.draws, two.draws)


@pytest.mark.parametrize("rule", ["keep", "average", "reset"])
def test_momentum_at_an_average_is_kept_averaged_or_reset(rule):
    learners = learners_of(comm, momentum=0.9, momentum_at_average=rule, **LINEAR)
    learners.clock.start()
    learners.step(10)
    before = learners.V.copy()
    d, P = learners.objective.dimension, learners.spec.P
    mean = before[:, :d].sum(axis=0)
    comm.Allreduce(MPI.IN_PLACE, mean)
    learners.average()
    if rule == "keep":
        assert np.array_equal(learners.V, before)
    elif rule == "reset":
        assert not learners.V.any()
    else:
        np.testing.assert_allclose(
            learners.V[:, :d], np.broadcast_to(mean / P, before[:, :d].shape), atol=1e-15
        )
    assert np.ptp(learners.W, axis=0).max() == 0.0


def test_unequal_shards_weigh_as_their_sizes_where_that_is_asked():
    dealt = {"partition": {"name": "dirichlet", "beta": 0.5}}
    learners = learners_of(comm, weights="shards", **dealt, **LINEAR)
    learners.clock.start()
    learners.step(20)
    sizes, W = np.zeros(8), np.zeros((8, learners.W.shape[1]))
    for l, p in enumerate(learners.ids):
        sizes[p], W[p] = learners.shard_sizes[l], learners.W[l]
    comm.Allreduce(MPI.IN_PLACE, sizes), comm.Allreduce(MPI.IN_PLACE, W)
    assert np.ptp(sizes) > 0
    learners.average()
    np.testing.assert_allclose(learners.W[0], sizes @ W / sizes.sum(), atol=1e-14)
    assert np.abs(learners.W[0] - W.mean(axis=0)).max() > 1e-6


@pytest.mark.parametrize(
    "more", [{}, {"weights": "shards", "partition": {"name": "dirichlet", "beta": 0.5}}], ids=["", "weights"]
)
def test_the_virtual_average_is_the_average_and_leaves_models_alone(more):
    learners = learners_of(comm, **LINEAR, **more)
    learners.clock.start()
    learners.step(30)
    before = learners.W.copy()
    side = comm.Dup()
    w, drift = learners.virtual_average(side)
    assert np.array_equal(learners.W, before)
    local = np.array([np.sum((before[:, : w.size] - w) ** 2)])
    comm.Allreduce(MPI.IN_PLACE, local)
    assert drift == pytest.approx(local[0] / 8, rel=1e-12)
    learners.average()
    assert np.array_equal(learners.W[0, : w.size], w)
    assert learners.virtual_average(side)[1] == 0.0
    side.Free()


def test_any_buffers_can_be_averaged_together():
    learners = learners_of(comm, momentum=0.9, **LINEAR)
    learners.clock.start()
    learners.step(5)
    d, sums = learners.objective.dimension, np.array([b.sum(axis=0) for b in (learners.W, learners.V)])
    comm.Allreduce(MPI.IN_PLACE, sums)
    learners.average(learners.W, learners.V, learners.G)
    for buffer, total in zip((learners.W, learners.V), sums, strict=True):
        assert np.ptp(buffer, axis=0).max() == 0.0
        np.testing.assert_allclose(buffer[0, :d], total[:d] / 8, rtol=0, atol=1e-14)


def test_time_step_t_of_stochastic_averaging_is_decided_by_the_coins_draw_number_t():
    learners = learners_of(comm, seed=3)
    expected = [uniform(streams.key(3, "coin"), t) for t in range(1, 11)]
    assert [*learners.coin(0, 4), *learners.coin(4, 10)] == expected


@pytest.mark.parametrize("K", [1, 5, "all"])
def test_drift_at_an_average_is_that_of_the_models_before_it(K):
    """A local step apart and no more: the models are a step's gradients apart."""
    rounds = final(method=periodic(K), evaluate={"at": [10, 20]}, stop={"steps": 20}, **LINEAR).rows
    assert rounds[0]["drift"] == 0.0
    assert all(row["drift"] > 0 for row in rounds[1:])
    learners = learners_of(comm, **LINEAR)
    learners.clock.start()
    learners.rounds([] if K == "all" else [K] * (20 // K - 1), rest=20 if K == "all" else K)
    side = comm.Dup()
    assert rounds[-1]["drift"] == pytest.approx(learners.virtual_average(side)[1], rel=1e-9)
    side.Free()


def test_gradient_allreduce_never_drifts():
    assert all(row["drift"] == 0.0 for row in final(method="gradient-allreduce", **LINEAR).rows)
