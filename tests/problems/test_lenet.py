"""LeNet as a problem: what it is given, where it begins, what a run of it records."""

import gzip

import numpy as np
import pytest
from mpi4py import MPI

from pavg.data import layouts
from pavg.data.layouts import Dense
from pavg.data.store import Store
from pavg.engine import synchronous
from pavg.engine.task import bind
from pavg.errors import InputError
from pavg.kernels import lenet
from pavg.problems.lenet import LeNet
from tests.building import spec_of

KEYS = {"problem": "lenet", "data": {"name": "MNIST"}, "P": 2, "batch_size": 8, "momentum": 0.9}
KEYS |= {"step_size": 0.01, "method": {"name": "periodic", "K": 2}, "evaluate": {"rounds": 1}}


def images(n=40, d=784, labels=10, seed=0):
    """A store in memory of dense images with classes 0, 1, …"""
    rng = np.random.default_rng(seed)
    part = Dense(rng.integers(0, 256, (n, d)).astype("float32"), rng.integers(0, labels, n).astype(float))
    return Store("memory", "memory", d, part, part, "checksum", "dense", {})


def run(store=None, **keys):
    return synchronous.run(MPI.COMM_SELF, bind(spec_of(**(KEYS | keys)), store or images()))[0]


def test_samples_of_another_shape_are_refused():
    with pytest.raises(InputError, match=r"memory: 100 features; .* expects 784, images of 28 by 28"):
        bind(spec_of(**KEYS), images(d=100))


def test_labels_that_are_no_classes_are_refused():
    with pytest.raises(InputError, match=r"memory: a label 10; .* expects classes 0 to 9"):
        bind(spec_of(**KEYS), images(labels=11))
    half = images()
    half.test.y[3] = 2.5
    with pytest.raises(InputError, match=r"memory: a label 2\.5; "):
        bind(spec_of(**KEYS), half)


def test_sparse_samples_are_refused():
    import scipy.sparse

    part = layouts.csr(scipy.sparse.csr_matrix(np.eye(20, 784)), np.zeros(20))
    store = Store("memory", "memory", 784, part, None, "checksum", "csr", {})
    with pytest.raises(InputError, match="memory: sparse samples; problem 'lenet' reads dense ones: layout"):
        bind(spec_of(**KEYS), store)


def test_it_begins_with_normal_weights_of_he_s_variance_and_no_biases():
    store, pieces = images(), list(zip(lenet.ENDS, lenet.ENDS[1:], strict=False))
    first, other = (LeNet().bind(store, 4, seed).start for seed in (0, 1))
    for (begin, end), seen in zip(pieces[::2], (25, 800, 3136, 512), strict=True):
        drawn = first[begin:end] * np.sqrt(seen / 2)
        assert abs(drawn.mean()) < 4 / np.sqrt(drawn.size)
        assert abs(drawn.var() - 1) < 4 * np.sqrt(2 / drawn.size)
        assert not np.array_equal(first[begin:end], other[begin:end])
    assert not any(first[begin:end].any() for begin, end in pieces[1::2])
    np.testing.assert_array_equal(first, LeNet().bind(store, 8, 0).start)


def test_a_run_records_losses_and_accuracies_of_training_and_test_set():
    rows = run(stop={"steps": 2}).rows
    assert {"loss", "accuracy", "test_loss", "test_accuracy", "grad_norm", "drift"} <= rows[0].keys()
    assert rows[-1]["loss"] == rows[-1]["test_loss"]  # the same images here
    assert 0 <= rows[-1]["accuracy"] <= 1 and rows[-1]["accuracy"] * 40 % 1 == pytest.approx(0)
    assert "grad_norm" not in run(stop={"steps": 2}, evaluate={"grad_norm": False}).rows[0]


def test_what_becomes_of_momentum_at_an_average_makes_a_difference_after_it():
    ways = ("keep", "average", "reset")
    losses = {
        way: [row["loss"] for row in run(stop={"steps": 4}, momentum_at_average=way).rows] for way in ways
    }
    for way in ways:
        assert losses[way][1] == losses["keep"][1]  # after the first average
    assert len({losses[way][2] for way in ways}) == 3


def test_gradients_of_all_learners_together_are_those_of_one_with_a_larger_batch():
    keys = {"stop": {"steps": 2}, "sampling": "order", "batch_size": 4}
    keys |= {"partition": "contiguous", "method": {"name": "gradient-allreduce"}}
    together = run(**keys).rows[-1]["loss"]
    by_rounds = run(**(keys | {"method": {"name": "periodic", "K": 1}, "momentum_at_average": "average"}))
    assert together == pytest.approx(by_rounds.rows[-1]["loss"], rel=1e-5)


def test_it_learns_digits(real_data):
    def read(name, skip, count):
        with gzip.open(real_data / "mnist" / name) as file:
            return np.frombuffer(file.read(skip + count)[skip:], np.uint8)

    def part(name, n):
        X = read(f"{name}-images-idx3-ubyte.gz", 16, 784 * n).reshape(n, 784)
        return Dense(X.astype("float32"), read(f"{name}-labels-idx1-ubyte.gz", 8, n).astype(float))

    store = Store("mnist", "mnist", 784, part("train", 1000), part("t10k", 500), "checksum", "dense", {})
    keys = {"stop": {"steps": 100}, "method": {"name": "periodic", "K": 10}, "evaluate": {"at": [100]}}
    first, last = (run(store, **keys).rows[k] for k in (0, -1))
    assert first["test_accuracy"] < 0.3 < 0.8 < last["test_accuracy"]
    assert last["loss"] < 0.3 * first["loss"]
