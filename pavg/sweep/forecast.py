"""What a sweep will take, before it runs: samples, memory, seconds."""

import time
from dataclasses import dataclass
from pathlib import Path

from pavg.engine.synchronous import compile_kernels
from pavg.engine.task import Binder, open_data
from pavg.engine.ticks import end_tick
from pavg.learners import Learners

TRIAL, ALL = 0.05, 10.0  # seconds that a cell is tried for; that all trials together take, about
SAME = ("step_size", "seed", "repetition")  # settings that do not change what a cell takes


@dataclass(frozen=True)
class Forecast:
    """Of one cell. end : last tick (None: only seconds limit it); memory : bytes of the models on a rank;
    data : bytes of the store, mapped once a node.

    samples : of all learners; seconds : of local steps and averages, learners spread over R ranks, without
    network, waiting and evaluations. Both from a trial, None where there was no time for one.
    """

    cell: object
    end: int | None
    memory: int
    data: int
    samples: float | None
    seconds: float | None


def forecasts(comm, cells):
    """A `Forecast` for each cell; comm : of one rank. Kernels run for a moment here.

    Cells that differ in step size, seed or repetition alone are tried once.
    """
    binder, stores, rates, began = Binder(), {}, {}, time.monotonic()
    for cell in cells:
        if cell.spec.data not in stores:
            stores[cell.spec.data] = open_data(cell.spec)
        task = binder.bind(cell.spec, stores[cell.spec.data])
        learners = Learners(comm, task.spec, task.objective, task.shards)
        end = end_tick(cell.spec, learners, task.objective.n)
        key = str({k: v for k, v in cell.spec.settings().items() if k not in SAME})
        if key not in rates and time.monotonic() - began < ALL:
            rates[key] = _rates(comm, task, learners, end)
        share = -(-cell.spec.P // cell.R)  # learners of a rank
        memory = share * learners.W.itemsize * learners.W.shape[1] * (3 if cell.spec.momentum else 2)
        store = stores[cell.spec.data]
        data = Path(store.path).stat().st_size if store else 0
        samples = seconds = None
        if key in rates:
            per_sample, per_second = rates[key]
            ticks = end or per_second * cell.spec.P / share * cell.spec.stop.seconds
            samples, seconds = ticks * per_sample, ticks / per_second * share / cell.spec.P
        yield Forecast(cell, end, memory, data, samples, seconds)


def _rates(comm, task, learners, end):
    """(samples a tick, ticks a second) with all P learners on one rank."""
    compile_kernels(comm, learners)
    method, t, block, spent = task.spec.method, 0, 64, 0.0
    learners.clock.start()
    while spent < TRIAL and t != end:
        stop = method.allowed(learners, t, t + block)
        stop = stop if end is None else min(stop, end)
        began = time.perf_counter()
        method.advance(learners, t, stop)
        spent += time.perf_counter() - began
        t, block = stop, 2 * block
    return learners.samples * task.spec.P / t, t / spent
