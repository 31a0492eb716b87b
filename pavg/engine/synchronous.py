"""THE LOOP: one run of learners that share a clock."""

import time
from collections.abc import Iterator

import numpy as np
from mpi4py.MPI import Intracomm

from pavg.comm.agreement import first_of_node
from pavg.engine.centre import Centred
from pavg.engine.events import EventLearners
from pavg.engine.observation import Care, Observer
from pavg.engine.task import Task
from pavg.engine.virtual import InVirtualTime
from pavg.learners import Learners
from pavg.records.record import Record, rank_facts


def run(comm: Intracomm, task: Task, care: Care | None = None) -> list[Record]:
    """Run one task on all ranks of `comm` (at most P); return a `Record` a cell, the same on every rank.

    care : limits, checkpoints to go on from and to make, and who is told of what.
    """
    care = care or Care()
    for _ in stretches(comm, task, care):
        pass
    return care.records


def stretches(comm: Intracomm, task: Task, care: Care) -> Iterator[None]:
    """The run of a task as a generator: at each stop, the training clock off, others may have their turn.

    Its records are in `care.records`.
    """
    learners = learners_of(comm, task)
    seconds = compile_kernels(comm, learners)
    facts = rank_facts(comm, learners.shard_sizes, seconds)
    care.records = [Record(facts) for _ in task.specs]
    observer = Observer(comm, task, learners, care)
    method, t = task.spec.method, observer.begun

    for stop in observer.stops():
        method.advance(learners, t, stop)
        t = stop
        if observer.look(t):
            break
        yield
    observer.start_clock()
    learners.finish()
    observer.last(t)


def learners_of(comm: Intracomm, task: Task) -> Learners:
    """The learners of a task on this rank, of the kind that its method and its clock ask for."""
    spec = task.spec
    real, virtual = (Centred, EventLearners) if spec.method.asynchronous else (Learners, InVirtualTime)
    kind = real if spec.clock is None else virtual
    return kind(comm, spec, task.objective, task.shards, task.step_size)


def compile_kernels(comm: Intracomm, learners: Learners) -> float:
    """Compile or load all that the run will call, outside every clock; seconds on this rank.

    The first rank of each node compiles while the others sleep; they load what it cached.
    """

    def compiled():
        began = time.perf_counter()
        learners.warm_up()
        _warm_evaluation(learners)
        return time.perf_counter() - began

    return first_of_node(comm, compiled)


def _warm_evaluation(learners):
    objective = learners.objective
    W = np.zeros((1, *learners.W.shape[1:]))
    for part in objective.rows:
        objective.losses(part, W, 0, 0)
    objective.add_gradient(W, 0, 0, np.zeros_like(W))
