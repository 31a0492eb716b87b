"""What a sweep will take, before it runs: samples, memory, seconds."""

import time
from dataclasses import dataclass
from pathlib import Path

from pavg.engine.synchronous import compile_kernels, learners_of
from pavg.engine.task import Binder, open_data
from pavg.engine.ticks import end_tick

TRIAL, ALL = 0.05, 10.0  # seconds that a cell is tried for; that all trials take, without compiling
SAME = ("step_size", "seed", "repetition")  # settings that do not change what a cell takes


@dataclass(frozen=True)
class Forecast:
    """Of one group of cells. end : last tick (None: only seconds limit it); memory : bytes of the models
    on a rank; data : bytes of the store, mapped once a node.

    samples : of all learners; seconds : of local steps and averages, learners spread over R ranks, without
    network, waiting and evaluations. Both from a trial, None where there was no time for one.
    """

    group: object
    end: int | None
    memory: int
    data: int
    samples: float | None
    seconds: float | None


def forecasts(comm, groups):
    """A `Forecast` for each group; comm : of one rank. Kernels run for a moment here.

    Groups of as many lanes that differ in step size, seed or repetition alone are tried once.
    """
    binder, stores, rates, spent = Binder(), {}, {}, 0.0
    for group in groups:
        spec = group.spec
        if spec.data not in stores:
            stores[spec.data] = open_data(spec)
        task = binder.bind([cell.spec for cell in group.cells], stores[spec.data])
        learners = learners_of(comm, task)
        end = end_tick(spec, learners, task.objective.n)
        key = group.lanes, str({k: v for k, v in spec.settings().items() if k not in SAME})
        if key not in rates and spent < ALL and not spec.method.clocked:
            compile_kernels(comm, learners)
            began = time.monotonic()
            rates[key] = _rates(task, learners, end)
            spent += time.monotonic() - began
        share = -(-spec.P // group.R)  # learners of a rank
        memory = share * learners.W[0].nbytes * (3 if spec.momentum else 2)
        store = stores[spec.data]
        data = Path(store.path).stat().st_size if store else 0
        samples = seconds = None
        if key in rates:
            per_sample, per_second = rates[key]
            ticks = end or per_second * spec.P / share * spec.stop.seconds
            samples, seconds = ticks * per_sample, ticks / per_second * share / spec.P
        yield Forecast(group, end, memory, data, samples, seconds)


def _rates(task, learners, end):
    """(samples a tick, ticks a second) with all P learners on one rank."""
    method, t, spent = task.spec.method, 0, 0.0
    block = 64 if method.alike else 1
    learners.clock.start()
    while spent < TRIAL and t != end:
        stop = method.allowed(learners, t, t + block)
        stop = stop if end is None else min(stop, end)
        began = time.perf_counter()
        method.advance(learners, t, stop)
        spent += time.perf_counter() - began
        t, block = stop, 2 * block
    return int(learners.counts(learners.comm)[1].sum()) / t, t / spent
