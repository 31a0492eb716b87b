"""What a machine's model is made of, one short call at a time: local steps, averagings, stretches, rounds."""

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from mpi4py import MPI

from pavg import registry, spec
from pavg.bench.measuring import count_for
from pavg.bench.periods import rounds
from pavg.bench.shapes import learners, samples
from pavg.comm.agreement import once, together
from pavg.comm.topology import Worlds
from pavg.data import open_store
from pavg.data.layouts import CSR, GROUP
from pavg.data.store import Store
from pavg.engine.evaluation import evaluate
from pavg.engine.task import bind, open_together
from pavg.learners import Learners
from pavg.machine import reading
from pavg.machine.steps import work_of
from pavg.sweep import running

BATCHES = (1, 2, 8, 32, 128)
SIZES = tuple(4**k for k in range(11))  # 1 … 1,048,576 doubles
STRETCHES = ((1e-4, 400), (1e-3, 200), (1e-2, 60))  # seconds of equal work, about; how often
ROUND = "round"
AVERAGED = {"name": "averaging", "problem": "least-squares", "step_size": 0.1, "averaging": "dense"}
AVERAGED |= {"data": {"synthetic": {"like": "rcv1"}}, "method": {"name": "periodic", "K": 1}}
AVERAGED |= {"stop": {"steps": 1}}


@dataclass(frozen=True)
class Turn:
    """A row of a table, and call(n), which does n of what it is about; slowest : the slowest rank's seconds
    count, else the mean of ranks."""

    row: dict
    call: Callable
    slowest: bool


class Pilot:
    """A problem on its samples, and learners on it: the specification's, averaged dense and periodically."""

    def __init__(self, given, store):
        self.spec, self.store = given, store
        objective = self.learners(MPI.COMM_SELF).objective
        self.work = work_of(given, store, objective)
        # maps all rows: a turn that meets pages for the first time waits for them, which a run does once
        evaluate(MPI.COMM_SELF, objective, np.zeros(objective.dimension))

    def learners(self, comm, B=1):
        """`Learners`, one on each rank, whose local steps have B samples."""
        changed = {"P": comm.Get_size(), "R": None, "averaging": "dense", "barrier": False}
        changed |= {"batch_size": registry.load("batch_sizes", "constant")(B)}
        changed |= {"method": registry.load("methods", "periodic")(K="all"), "network": None}
        return _warm(comm, dataclasses.replace(self.spec, **changed), self.store)


def pilots(comm, shapes, specs, quick):
    """Yield a `Pilot` of each shape, and of the first run of each file. Collective."""
    for name in shapes:
        store = open_store(once(comm, lambda name=name: samples(name, quick).path))
        yield Pilot(learners(MPI.COMM_SELF, name, store).spec, store)
    for name in specs:
        given = running.specifications(comm, name, running.How(Path()))[0]
        store = open_together(comm, given)
        yield together(comm, lambda given=given, store=store: Pilot(given, store))


def steps(comm, pilot):
    """Yield `Turn`s of local steps, on all ranks at once."""
    for B in BATCHES:
        work = pilot.work
        row = {"what": reading.STEP, "work": work.name, "problem": work.problem, "layout": work.layout}
        row |= {"entries": work.entries, "d": work.dimension, "B": B, "ranks": comm.Get_size()}
        yield Turn(row, pilot.learners(MPI.COMM_SELF, B).step, slowest=False)


def held_back(comm, pilot, periods):
    """Yield `Turn`s of rounds, which no model is fitted to."""
    for K in periods:
        made = pilot.learners(comm)
        row = {"what": ROUND, "work": pilot.work.name, "ranks": comm.Get_size(), "K": K, "B": 1}
        row |= {"d": pilot.work.dimension}
        yield Turn(row, lambda n, made=made, K=K: rounds(made, n, K), slowest=True)


def averagings(comm):
    """Yield `Turn`s of averagings without local steps: on one rank, 2, 4 …, all."""
    worlds, most = Worlds(comm), comm.Get_size()
    for ranks in sorted({1, most, *(2**k for k in range(1, most.bit_length()) if 2**k <= most)}):
        part = MPI.COMM_SELF if ranks == 1 else worlds.of(ranks)[0]
        for d in SIZES:
            row = {"what": reading.AVERAGE, "ranks": ranks, "d": d}
            yield Turn(row, _averaging(part, d), slowest=ranks > 1)


def _averaging(comm, d):
    if comm is None:  # this rank has no part in it
        return lambda n: None
    made = _warm(comm, spec.build(AVERAGED | {"P": comm.Get_size()}, "averaging"), _empty(d))
    return lambda n: rounds(made, n, 0)


def _empty(d):
    """A store of one row with nothing in it: on CSR, rounds are compiled once for all d."""
    line = np.zeros(GROUP), np.full(GROUP, d, np.uint32), np.array([0, GROUP]), np.ones(1)
    return Store(Path(), f"{d} zeros", d, CSR(*line), None, "", "csr", {})


def _warm(comm, given, store):
    task = bind(given, store)
    made = Learners(comm, task.spec, task.objective, task.shards)
    made.warm_up()
    return made


def stretches(comm, pilot, share):
    """Yield rows of the seconds of equal work, one stretch after the other on each rank. Collective.

    share : of the number of stretches.
    """
    made = pilot.learners(MPI.COMM_SELF)
    for seconds, times in STRETCHES:
        n, spent = count_for(made.step, seconds, comm), np.empty(max(round(times * share), 2))
        comm.Barrier()
        for k in range(spent.size):
            began = time.perf_counter()
            made.step(n)
            spent[k] = time.perf_counter() - began
        row = {"what": reading.SPREAD, "work": pilot.work.name, "ranks": comm.Get_size()}
        yield row | {"stretches": np.concatenate(comm.allgather(spent)), "time": np.median(spent)}
