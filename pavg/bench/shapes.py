"""Samples in the shapes of the papers' sets, synthetic, and learners on them."""

import re
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix

from pavg import spec
from pavg.data import open_store, prepare
from pavg.data.layouts import Dense
from pavg.data.store import Store
from pavg.engine.task import bind
from pavg.learners import Learners
from pavg.records.provenance import caches

QUICKLY = 20  # of so many rows one, for a quick look
RULES = ("order", "reshuffle", "replacement")
FALLBACK = {2: 2**20, 3: 2**25}  # bytes of caches where the system tells none


@dataclass(frozen=True)
class Shape:
    """problem : of pavg; step_size : constant, and stable on these samples."""

    title: str
    rows: int
    problem: str
    step_size: float


SHAPES = {
    "higgs": Shape("HIGGS, 28 features, logistic", 1_000_000, "logistic", 0.01),
    "year": Shape("Year, 90 features, least squares", 463_715, "least-squares", 1e-3),
    "rcv1": Shape("rcv1, 74 nonzeros, logistic", 100_000, "logistic", 0.5),
    "e2006": Shape("E2006, 1,240 nonzeros, least squares", 16_087, "least-squares", 0.05),
}


def samples(name, quick, dtype="float64", progress=None):
    """The store of a shape: made once, then found again."""
    rows = SHAPES[name].rows // (QUICKLY if quick else 1)
    made = spec.Synthetic(like=name, n=rows)
    return open_store(prepare(spec.Data(synthetic=made, dtype=dtype), progress))


def learners(comm, name, store, **settings):
    """`Learners` on a shape's samples with a constant step size; settings : keys of a specification."""
    shape = SHAPES[name]
    table = {"name": name, "problem": shape.problem, "step_size": shape.step_size, "P": 1}
    table |= {"method": {"name": "periodic", "K": "all"}, "stop": {"epochs": 1.0}}
    table |= {"data": {"synthetic": {"like": name}}} | settings
    task = bind(spec.build(table, f"the shape {name}"), store)
    made = Learners(comm, task.spec, task.objective, task.shards)
    made.warm_up()
    return made


def lenet(comm, rows, **settings):
    """(`Learners` on LeNet with momentum and random images, X as pixels in 0 … 1, y)."""
    rng = np.random.default_rng(0)
    part = Dense(rng.integers(0, 256, (rows, 784)).astype("float32"), rng.integers(0, 10, rows).astype(float))
    store = Store("random images", "random", 784, part, None, "", "dense", {})
    table = {"name": "lenet", "problem": "lenet", "data": {"name": "MNIST"}, "P": 1, "momentum": 0.9}
    table |= {"method": {"name": "periodic", "K": "all"}, "stop": {"epochs": 1.0}, "step_size": 0.01}
    task = bind(spec.build(table | settings, "LeNet"), store)
    made = Learners(comm, task.spec, task.objective, task.shards)
    made.warm_up()
    return made, part.X / 255, part.y


def plain(store):
    """(X, y) without padding, as other programs take them: numpy.ndarray or scipy.sparse.csr_matrix."""
    part, d = store.train, store.n_features
    if store.layout == "dense":
        return np.ascontiguousarray(part.X[:, :d], float), np.array(part.y)
    kept = part.columns < d
    ends = np.concatenate(([0], np.cumsum(kept)))[part.indptr]
    columns = part.columns[kept].astype(np.int32)
    return csr_matrix((part.values[kept].astype(float), columns, ends), (part.n, d)), np.array(part.y)


def sizes(store):
    """(bytes of all samples as a program reads them once, as the store holds them padded)."""
    held = sum(array.nbytes for array in vars(store.train).values())
    if store.layout == "dense":
        return store.train.n * (store.n_features * store.train.dtype.itemsize + 8), held
    entries = int((np.asarray(store.train.columns) < store.n_features).sum())
    return entries * (store.train.dtype.itemsize + 4) + 16 * store.train.n, held


def cache_bytes(level):
    """Size of the first core's cache of a level, 2 or 3."""
    found = re.search(rf"L{level} (\d+)([KM])", caches())
    return int(found[1]) * {"K": 2**10, "M": 2**20}[found[2]] if found else FALLBACK[level]
