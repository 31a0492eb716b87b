"""Advice put to the test: the advised K and its neighbours in full, by turns."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pavg import open_results
from pavg.comm.agreement import once
from pavg.sweep import running

LOOKS = 24  # evaluations until the loss, at least, of a K whose rounds are short enough
NO_LOOKS = "evaluate={at = [1_000_000_000_000], grad_norm = false, drift = false}"


@dataclass(frozen=True)
class Verified:
    """K : seconds until the loss, one each seed, infinite for never; folder : of the results.

    regret : median seconds of the advised K over those of the best one; infinite if it did not get there.
    """

    seconds: dict[int, np.ndarray]
    regret: float
    folder: Path


def looked_at(periods, seeds, target, steps):
    """Overrides that make full runs, which are evaluated until the loss: at ends of rounds.

    There learners have the average. steps : local ones until the loss, about.
    """
    every = 2 ** int(math.log2(max(steps / LOOKS, 1)))
    rounds = [max(every // K, 1) for K in periods]
    return (
        f"stop.target_loss={target!r}",
        "evaluate={grad_norm = false, drift = false}",
        f"grid.seed='{seeds.start}:{seeds.stop}'",
        f"zip=[{{method.K = {list(periods)}, evaluate.rounds = {rounds}}}]",
    )


def timed(ends):
    """Overrides that make the same runs anew, without a look until the loss, one after the other.

    An evaluation is off the clock, but it empties caches. ends : (seed, K) → local steps until the loss
    """
    seeds, periods = (list(column) for column in zip(*ends, strict=True))
    coupled = f"seed = {seeds}, method.K = {periods}, stop.steps = {list(ends.values())}"
    return ("stop={}", NO_LOOKS, f"zip=[{{{coupled}}}]")


def verify(comm, name, overrides, spec, found, target, seeds, out, watcher):
    """Run the choices of an `Advice`: the best and its neighbours, on so many seeds. Collective.

    name, overrides : of the specification's file; spec : the run that was advised on. Seeds are not those of
    the pilots. Each run is made twice: to see when it is at the loss, and for its seconds, for which all K
    of a seed follow each other. Results are kept under `out`: what is there is not run again. On rank 0 a
    `Verified`, None elsewhere.
    """
    periods = sorted(one.K for one in [found.best, *found.neighbours])
    seeds = range(spec.seed + 1, spec.seed + 1 + seeds)
    steps = found.best.samples.middle / (spec.P * spec.batch_size.value)

    def paths(more):
        cells = running.run(comm, name, running.How(out, (*overrides, *more)), watcher).cells
        return [cell.path for cell in cells]

    looks = paths(looked_at(periods, seeds, target, steps))
    ends = once(comm, lambda: ends_of(looks, target))
    runs = paths(timed(ends)) if ends else []
    if comm.Get_rank() != 0:
        return None
    seconds = seconds_of(runs, periods, len(seeds))
    medians = {K: float(np.median(each)) for K, each in seconds.items()}
    own = medians[found.best.K]
    regret = own / min(medians.values()) if np.isfinite(own) else np.inf
    return Verified(seconds, regret, looks[0].parent)


def ends_of(paths, target):
    """(seed, K) → local steps at the first evaluation at the loss, of runs that got there; by turns."""
    found = {}
    for path in paths:
        data = open_results(path)
        there = np.flatnonzero(data["loss"].to_numpy() <= target)
        if there.size:
            found[int(data.attrs["seed"]), int(data.attrs["K"])] = int(data["local_steps"][there[0]])
    return dict(sorted(found.items()))


def seconds_of(paths, periods, seeds):
    """K → (seeds,) seconds of whole runs, ascending; infinity for runs that are not there."""
    found = {K: [] for K in periods}
    for path in paths:
        data = open_results(path)
        found[int(data.attrs["K"])].append(float(data["time_wall"][-1]))
    return {K: np.array(each + [np.inf] * (seeds - len(each))) for K, each in found.items()}
