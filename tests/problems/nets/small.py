"""Nets and images small enough for a test, and what tests do with them."""

import numpy as np
from mpi4py import MPI

from pavg.data.layouts import Dense
from pavg.data.store import Store
from pavg.engine import synchronous
from pavg.engine.task import bind
from pavg.learners import Learners
from tests.building import spec_of

NEEDED = "PyTorch is not installed: pip install 'pavg[torch]'"
RESNET = {"name": "resnet", "depth": 8, "width": 2}
KEPT = RESNET | {"statistics": "kept"}
VGG = {"name": "vgg", "depth": 11, "width": 2}
NIN = {"name": "nin", "width": 6}
KEYS = {"data": {"name": "CIFAR-10"}, "P": 2, "batch_size": 4, "momentum": 0.9, "step_size": 0.05}
KEYS |= {"method": {"name": "periodic", "K": 2}, "evaluate": {"rounds": 1}, "stop": {"steps": 4}}


def images(n=24, d=3072, seed=0):
    """A store in memory of n training and 8 test images: noise, and a colour for each class."""
    rng = np.random.default_rng(seed)

    def part(n):
        y = rng.integers(0, 10, n).astype(float)
        noise = rng.integers(0, 120, (n, d)) + 13 * y[:, None] * (np.arange(d) < d // 3)
        return Dense(noise.astype("float32"), y)

    return Store("memory", "memory", d, part(n), part(8), "checksum", "dense", {})


def task(problem, store=None, **keys):
    return bind(spec_of(problem=problem, **(KEYS | keys)), store or images())


def run(problem, store=None, care=None, **keys):
    return synchronous.run(MPI.COMM_SELF, task(problem, store, **keys), care)[0]


def learners(problem, store=None, **keys):
    made = task(problem, store, **keys)
    return Learners(MPI.COMM_SELF, made.spec, made.objective, made.shards)
