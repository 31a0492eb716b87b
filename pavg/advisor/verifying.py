"""Advice put to the test: the advised K and its neighbours in full, by turns."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pavg import open_results
from pavg.sweep import running

LOOKS = 24  # evaluations until the loss, at least, of a K whose rounds are short enough


@dataclass(frozen=True)
class Verified:
    """K : seconds until the loss, one each seed, infinite for never; folder : of the results.

    regret : median seconds of the advised K over those of the best one.
    """

    seconds: dict[int, np.ndarray]
    regret: float
    folder: Path


def in_full(periods, seeds, target, steps):
    """Overrides that make full runs of a specification: for each seed all K in turn, until the loss.

    All are evaluated equally often, and at ends of rounds: there learners have the average. steps : local
    ones until the loss, about.
    """
    every = 2 ** int(math.log2(max(steps / LOOKS, 1)))
    rounds = [max(every // K, 1) for K in periods]
    return (
        f"stop.target_loss={target!r}",
        "evaluate={grad_norm = false, drift = false}",
        f"grid.seed='{seeds.start}:{seeds.stop}'",
        f"zip=[{{method.K = {list(periods)}, evaluate.rounds = {rounds}}}]",
    )


def verify(comm, name, overrides, spec, found, target, seeds, out, watcher):
    """Run the choices of an `Advice`: the best and its neighbours, on so many seeds. Collective.

    name, overrides : of the specification's file; spec : the run that was advised on. Seeds are not those of
    the pilots. Results are kept under `out`: what is there is not run again. On rank 0 a `Verified`, None
    elsewhere.
    """
    best = found.best
    periods = sorted(one.K for one in [best, *found.neighbours])
    seeds = range(spec.seed + 1, spec.seed + 1 + seeds)
    steps = best.samples.middle / (spec.P * spec.batch_size.value)
    full = in_full(periods, seeds, target, steps)
    outcome = running.run(comm, name, running.How(out, (*overrides, *full)), watcher)
    if comm.Get_rank() != 0:
        return None
    seconds = to_loss([cell.path for cell in outcome.cells], target)
    medians = {K: float(np.median(each)) for K, each in seconds.items()}
    return Verified(seconds, medians[best.K] / min(medians.values()), outcome.cells[0].path.parent)


def to_loss(paths, target):
    """K → seconds until the first evaluation at the loss, of each of its results; ascending K."""
    found = {}
    for path in paths:
        data = open_results(path)
        there = np.flatnonzero(data["loss"].to_numpy() <= target)
        seconds = float(data["time_wall"][there[0]]) if there.size else np.inf
        found.setdefault(int(data.attrs["K"]), []).append(seconds)
    return {K: np.array(found[K]) for K in sorted(found)}
