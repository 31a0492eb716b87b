"""Advice put to the test: the advised K and its neighbours in full, by turns."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pavg import open_results
from pavg.report import analysis
from pavg.sweep import running


@dataclass(frozen=True)
class Verified:
    """K : seconds until the loss, one each seed, infinite for never; folder : of the results.

    regret : median seconds of the advised K over those of the best one.
    """

    seconds: dict[int, np.ndarray]
    regret: float
    folder: Path


def verify(comm, name, overrides, spec, found, target, seeds, out, watcher):
    """Run the choices of an `Advice`: the best and its neighbours, on so many seeds. Collective.

    name, overrides : of the specification's file; spec : the run that was advised on. Seeds are not those of
    the pilots, and K goes fastest, so that all K of a seed follow each other. Results are kept under `out`:
    what is there is not run again. On rank 0 a `Verified`, None elsewhere.
    """
    periods = sorted(one.K for one in [found.best, *found.neighbours])
    first = spec.seed + 1
    overrides = (
        *overrides,
        f"stop.target_loss={target!r}",
        f"grid.seed='{first}:{first + seeds}'",
        f"grid.method.K={periods}",
    )
    outcome = running.run(comm, name, running.How(out, overrides), watcher)
    if comm.Get_rank() != 0:
        return None
    folder = outcome.cells[0].path.parent
    return judged(folder, found.best.K, periods, target, range(first, first + seeds))


def judged(folder, best, periods, target, seeds):
    """The `Verified` of results that are there."""
    data = open_results(folder)
    table = analysis.runs(data)
    at = analysis.reach(table, analysis.curves(data, table), target, "loss", "time_wall")["at"]
    of = table[table["seed"].isin(seeds)]
    seconds = {K: at[of.index[of["K"].astype(str) == str(K)]].to_numpy() for K in periods}
    medians = {K: float(np.median(each)) for K, each in seconds.items() if each.size}
    return Verified(seconds, medians[best] / min(medians.values()), folder)
