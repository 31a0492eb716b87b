"""Specifications, tasks and learners for tests, from a few keys."""

import multiprocessing

import numpy as np

from pavg import spec
from pavg.data.layouts import Dense
from pavg.data.store import Store


def in_processes(function, arguments, timeout=280):
    """[function(*a) for a in arguments], each in a process of its own: pytest's never starts MPI."""
    with multiprocessing.get_context("spawn").Pool(len(arguments)) as pool:
        return pool.starmap_async(function, arguments).get(timeout=timeout)


BASE = {
    "name": "test",
    "method": {"name": "periodic", "K": 4},
    "step_size": 0.05,
    "stop": {"steps": 100},
    "P": 4,
}


def spec_of(**keys):
    """A checked `Spec`: BASE with other keys."""
    return spec.build(BASE | {"problem": "double-well"} | keys, "test")


def task_of(**keys):
    """A `Task` on `samples()` if the problem needs data, and on its own otherwise."""
    from pavg.engine.task import bind

    linear = keys.get("problem", {}) in ("logistic", "least-squares") or (
        isinstance(keys.get("problem"), dict) and keys["problem"]["name"] in ("logistic", "least-squares")
    )
    if not linear:
        return bind(spec_of(**keys), None)
    store = keys.pop("store", None) or samples()
    return bind(spec_of(data={"name": "breast_cancer"}, **keys), store)


def learners_of(comm, **keys):
    from pavg.learners import Learners

    task = task_of(**keys)
    return Learners(comm, task.spec, task.objective, task.shards)


def samples(n=203, d=6, seed=0, noise=0.5):
    """A store in memory of n dense samples with two classes."""
    rng = np.random.default_rng(seed)
    X = np.zeros((n, (d + 7) // 8 * 8))
    X[:, :d] = rng.standard_normal((n, d))
    y = np.sign(X[:, :d] @ rng.standard_normal(d) + noise * rng.standard_normal(n))
    part = Dense(X, y)
    return Store("memory", "memory", d, part, part, "checksum", "dense", {})
