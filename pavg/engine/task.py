"""What one run needs, bound together: specification, objective, shards."""

from dataclasses import dataclass, replace

from pavg import data, registry
from pavg.data.partition import Shards
from pavg.errors import InputError
from pavg.problems.base import Objective
from pavg.spec import Spec


@dataclass(frozen=True)
class Task:
    """One cell, ready to run on any number of ranks up to P. data : the store's checksum and origin."""

    spec: Spec
    objective: Objective
    shards: Shards | None
    data: dict


def bind(spec, store):
    """The `Task` of a specification on its opened store (None without data).

    InputError for labels, shapes and shards that do not fit.
    """
    objective = spec.problem.bind(store, spec.P, spec.seed)
    if spec.batch_size is None:
        spec = replace(spec, batch_size=registry.load("batch_sizes", "constant")(1))
    shards = None
    if objective.n:
        partition = spec.partition or registry.load("partitions", spec.problem.partition)()
        spec = replace(spec, partition=partition)
        shards = partition.shards(objective.y, spec.P, spec.seed)
    elif spec.partition is not None or spec.sampling != "replacement" or spec.weights != "equal":
        raise InputError(
            f"problem {spec.problem.name!r} draws from no samples: expected no partition, sampling or weights"
        )
    if spec.stop.epochs is not None and not objective.n:
        raise InputError(
            f"stop.epochs: problem {spec.problem.name!r} has no training set; expected steps or samples"
        )
    origin = {}
    if store is not None:
        origin = {"data": store.name, "data_checksum": store.checksum}
        origin |= {"data_layout": store.layout, "data_dtype": store.dtype}
    return Task(spec, objective, shards, origin)


def open_data(spec, progress=None):
    """The store of a specification, mapped into memory (None without data); made where it is not there yet.

    progress : called with (stage, done, total) while it is made.
    """
    return None if spec.data is None else data.open_store(data.prepare(spec.data, progress))
