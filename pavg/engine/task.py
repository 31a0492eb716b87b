"""What one run needs, bound together: specification, objective, shards."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mpi4py.MPI import Intracomm

from pavg import data
from pavg.comm.agreement import once, together
from pavg.data.partition import Shards
from pavg.errors import InputError
from pavg.estimate.stored import Optimum, stored
from pavg.problems.base import Objective
from pavg.schedules import SideBySide
from pavg.spec import Spec


@dataclass(frozen=True)
class Task:
    """What runs as one, ready to do so on any number of ranks up to P.

    specs : of one cell, or of several that differ in step size alone, which run as lanes; optimum : F*, if
    it is known, or was given or stored; data : `origin` of the store.
    """

    specs: tuple[Spec, ...]
    objective: Objective
    shards: Shards | None
    optimum: float | None
    data: dict[str, Any]

    @property
    def spec(self) -> Spec:
        """What all cells have in common (and the first one's step size)."""
        return self.specs[0]

    @property
    def step_size(self):
        """Of learners that run it."""
        return self.spec.step_size if len(self.specs) == 1 else SideBySide([s.step_size for s in self.specs])


class Binder:
    """Specifications → tasks. What the next one shares with the last is bound once.

    The cells of a sweep over K and step sizes have one objective and one partition: labels of 11
    million rows are looked at once.
    """

    def __init__(self):
        self._last = {}

    def bind(self, specs, store):
        """The `Task` of specifications that run as one on their opened store (None without data).

        InputError for labels, shapes and shards that do not fit, and an optimum that was not stored.
        """
        spec = specs[0]
        dealt = spec.P, spec.seed
        objective = self._kept(
            "objective", (spec.problem, spec.data, *dealt), lambda: spec.problem.bind(store, *dealt)
        )
        shards = self._kept(
            "shards",
            (spec.problem, spec.data, spec.partition, *dealt),
            lambda: spec.partition.shards(objective.y, *dealt) if objective.n else None,
        )
        if spec.averaging == "sparse" and objective.csr is None:
            raise InputError("averaging = 'sparse': the samples are dense; expected 'auto' or 'dense'")
        return Task(tuple(specs), objective, shards, _optimum(spec, objective, store), origin(store))

    def _kept(self, what, key, make):
        known, made = self._last.get(what, (None, None))
        if known != key:
            made = make()
            self._last[what] = key, made
        return made


def _optimum(spec, objective, store):
    given = spec.evaluate.optimum
    if given == "stored":
        kept = stored(Optimum, spec.problem, store)
        if kept is None:
            raise InputError(
                f"evaluate.optimum = 'stored': none is kept of {spec.problem.name} with these parameters on "
                f"{store.name}; expected: pavg estimate optimum SPEC, before"
            )
        return kept.f
    return objective.optimum if given is None else given


def bind(spec: Spec, store: data.Store | None) -> Task:
    """The `Task` of one specification, by a `Binder` of its own."""
    return Binder().bind((spec,), store)


def open_data(spec: Spec, progress: Callable[[str, int, int], Any] | None = None) -> data.Store | None:
    """The store of a specification, mapped into memory (None without data); made where it is not there yet.

    progress : called with (stage, done, total) while it is made.
    """
    return None if spec.data is None else data.open_store(data.prepare(spec.data, progress))


def open_together(
    comm: Intracomm, spec: Spec, progress: Callable[[str, int, int], Any] | None = None
) -> data.Store | None:
    """The store of a specification on each rank: made by the first, if need be. Collective."""
    once(comm, lambda: open_data(spec, progress) and None)
    return together(comm, lambda: open_data(spec))


def origin(store):
    """What a record says of its samples; {} without data."""
    if store is None:
        return {}
    facts = {"data": store.name, "data_checksum": store.checksum}
    return facts | {"data_layout": store.layout, "data_dtype": store.dtype}
