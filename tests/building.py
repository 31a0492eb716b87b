"""Specifications, tasks and learners for tests, from a few keys."""

import multiprocessing

import numpy as np
import scipy.sparse

from pavg import spec
from pavg.data import layouts
from pavg.data.layouts import Dense
from pavg.data.store import Store


def in_processes(function, arguments, timeout=580):
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


def group_of(step_sizes, store=None, **keys):
    """A `Task` of lanes on `samples()`: logistic regression with these step sizes."""
    from pavg.engine.task import Binder

    keys = {"problem": "logistic", "measure": "losses", "data": {"name": "breast_cancer"}} | keys
    return Binder().bind([spec_of(step_size=gamma, **keys) for gamma in step_sizes], store or samples())


def learners_of(comm, **keys):
    from pavg.learners import Learners

    task = task_of(**keys)
    return Learners(comm, task.spec, task.objective, task.shards)


def samples(n=203, d=6, seed=0, noise=0.5, layout="dense"):
    """A store in memory of n samples with two classes."""
    rng = np.random.default_rng(seed)
    X = np.zeros((n, (d + 7) // 8 * 8))
    X[:, :d] = rng.standard_normal((n, d))
    y = np.sign(X[:, :d] @ rng.standard_normal(d) + noise * rng.standard_normal(n))
    part = Dense(X, y) if layout == "dense" else layouts.csr(scipy.sparse.csr_matrix(X[:, :d]), y)
    return Store("memory", "memory", d, part, part, "checksum", layout, {})


def sparse_samples(n=500, d=2000, nnz=12, seed=0):
    """A store in memory of n CSR samples with two classes, about nnz of their d features nonzero."""
    rng = np.random.default_rng(seed)
    X = scipy.sparse.random(n, d, nnz / d, "csr", random_state=rng, data_rvs=rng.standard_normal)
    y = np.where(X @ rng.standard_normal(d) > 0, 1.0, -1.0)
    return Store("memory", "memory", d, layouts.csr(X, y), None, "checksum", "csr", {})


def a_record(rows=3, ranks=2, status="ok", reason="all steps done", accuracy=None, uneven=0):
    """A `Record` with numbers that tell rows, ranks and so many `uneven` learners apart."""
    from pavg.records.record import Record

    record = Record(
        {
            "host": ["a"] * ranks,
            "core_affinity": ["0,1"] * ranks,
            "shard_size": np.arange(ranks),
            "compile_time": np.zeros(ranks),
        }
    )
    for k in range(rows):
        times = {
            f"time_{p}{s}": np.full(ranks, np.nan if s else k)
            for p in ("compute", "comm", "wait")
            for s in ("", "_min", "_max")
        }
        record.add(
            ticks=k,
            local_steps=k,
            rounds=k,
            samples=k,
            bytes=k,
            loss=1.0 / (k + 1),
            drift=0.0,
            time_wall=k,
            time_eval=k,
            **times,
            **({} if accuracy is None else {"accuracy": accuracy}),
            **({"learner_steps": k * np.arange(1, uneven + 1)} if uneven else {}),
        )
    record.close(status, reason, np.arange(4.0))
    return record


def a_result(path, attributes, **record):
    """A result file of `a_record(**record)` with more attributes than a run's least."""
    from pavg.records.writing import write

    least = {"problem": "double-well", "label": "K0004", "P": 4, "R": record.get("ranks", 2), "hosted": True}
    least |= {"config": {"seed": 0}}
    write(path, a_record(**record), least | {"run_id": path.stem} | attributes, {"cpu": "a CPU"})
