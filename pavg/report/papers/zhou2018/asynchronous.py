"""Whether virtual time is true: Downpour on real ranks, against virtual time that their own seconds drive."""

import json
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from pavg import open_results
from pavg.report.claims import Claim, equal, equivalent
from pavg.report.figures import style
from pavg.report.paper import Experiment, Picture

LOSS, STEPS = 0.05, 1.0  # margins, written down before the results: of the initial loss, of staleness
LEVELS = (0.5, 0.9, 0.99)
EXPERIMENT = Experiment(
    "asynchronous",
    "asynchronous",
    "Downpour on a server and three learners, ranks of their own.",
    data=("a9a/a9a",),
    ranks=4,
)


@cache
def again(runs):
    """A frame, a row a run: what it gave, and what its order and its seconds give on one rank.

    `apart` : the mean over evaluations of the distance of both losses, over the initial one; `stale`,
    `virtual_stale` : counts of staleness 0, 1, …; `replayed` : the largest difference of the centre after
    the recorded order from the recorded one, relative to its largest entry.
    """
    return pd.DataFrame([_again(Path(runs.folder) / file) for file in runs.table["file"]])


def _again(path):
    from mpi4py import MPI

    from pavg.engine import synchronous
    from pavg.engine.centre import Centred

    with open_results(path) as record:  # closed again before its trace is read
        config, names = (
            _given(json.loads(record.attrs["config"])),
            ("loss", "w", "arrival_learner", "staleness_count"),
        )
        loss, w, order, stale = (record[name].values for name in names)
    task = _bound(config, path)
    learners = Centred(MPI.COMM_SELF, task.spec, task.objective, task.shards)
    for learner in order.tolist():
        learners.update(learner)
    trace = {"trace": str(path)}
    driven = config | {"clock": {"compute": trace, "comm": trace}}
    (virtual,) = synchronous.run(MPI.COMM_SELF, _bound(driven, path))
    apart = np.abs(loss - virtual.arrays()["loss"])[1:]
    return {
        "apart": apart.mean() / loss[0],
        "stale": stale,
        "virtual_stale": virtual.course["staleness_count"],
        "replayed": np.abs(learners.centre[: w.size] - w).max() / np.abs(w).max(),
    }


def _given(table):
    """A specification's table without what it leaves out."""
    if not isinstance(table, dict):
        return table
    return {key: _given(value) for key, value in table.items() if value is not None}


def _bound(config, path):
    from pavg.engine import task
    from pavg.spec import build

    spec = build(config, str(path))
    return task.bind(spec, task.open_data(spec))


def quantile(counts, level):
    """The smallest staleness that so large a share of updates is not above. counts : of 0, 1, …"""
    return int(np.searchsorted(np.cumsum(counts), level * counts.sum()))


def losses(runs):
    """Mean losses at the same samples."""
    apart = again(runs)["apart"].to_numpy()
    return equivalent(apart, (-LOSS, LOSS), "losses are {} of the initial one apart, in the mean")


def stale(level):
    """A test: whether a quantile of staleness is the same, up to STEPS."""

    def test(runs):
        found = again(runs)
        real, virtual = (np.array([quantile(c, level) for c in found[k]]) for k in ("stale", "virtual_stale"))
        told = f"{real.mean():.4g} on ranks, {virtual.mean():.4g} in virtual time: {{}} apart"
        return equivalent(real - virtual, (-STEPS, STEPS), told)

    return test


def replayed(runs):
    """The centre after the recorded order, to the bit."""
    return equal(again(runs)["replayed"], 0.0, f"centres of {len(runs.table)} runs and of their replay")


def figure(runs):
    """How many updates are at least so stale, on ranks and in virtual time; all runs together."""
    found = again(runs)
    with style.panels([""]) as (figure, (ax,)):
        for name, label, colour in (
            ("stale", "real ranks", "#0072B2"),
            ("virtual_stale", "virtual time", "#D55E00"),
        ):
            longest = max(map(len, found[name]))
            counts = sum(np.pad(one, (0, longest - len(one))) for one in found[name])
            share = counts[::-1].cumsum()[::-1] / counts.sum()
            ax.step(np.arange(longest), share, where="mid", color=colour, label=label)
        ax.set(xscale="symlog", yscale="log", xlabel="staleness s (updates)", ylabel="share of updates ≥ s")
        ax.set_xlim(0, None)
        style.legend(figure, [ax])
    return figure


PICTURES = (
    Picture(
        "Staleness on real ranks and in virtual time",
        "Downpour with a server and three learners on ranks of their own, 20 runs; virtual time is driven by "
        "the seconds that each run measured.",
        (EXPERIMENT.name,),
        figure,
    ),
)


def _claim(says, test):
    return Claim("ours", says, "", (EXPERIMENT.name,), test)


CLAIMS = (
    _claim(
        "Downpour on real ranks and virtual time driven by their seconds have the same losses at the same "
        f"samples, up to {LOSS:.0%} of the initial loss",
        losses,
    ),
    *(
        _claim(f"… the same quantile {level:g} of staleness, up to {STEPS:g} step", stale(level))
        for level in LEVELS
    ),
    _claim("the recorded order of arrivals, replayed, gives the same centre to the bit", replayed),
)
