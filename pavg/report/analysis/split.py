"""Where the training clock went: local steps, combining, waiting, on each rank."""

import numpy as np
import pandas as pd

from pavg.records.layout import PHASES
from pavg.report.analysis.runs import grouped


def time_split(data, table):
    """Seconds of each rank of each run: `run`, `rank`, `host`, `compute`, `comm`, `wait`, `local_steps`.

    Sums over all intervals; NaN where those of an interval are unknown. Without a barrier before each
    combination (`barrier` of the table), waiting for slower ranks is part of `comm`.
    """
    rows = table.index.to_numpy()
    over = np.arange(data.sizes["evaluation"]) < table["evaluations"].to_numpy()[:, None]
    run, rank = np.nonzero(np.arange(data.sizes["rank"]) < table["R"].to_numpy()[:, None])
    made = {"run": rows[run], "rank": rank}
    made["host"] = data["host"].values[rows[run], rank] if "host" in data else ""
    for phase in PHASES:
        seconds = np.where(over[:, :, None], data[f"time_{phase}"].values[rows], 0.0)
        made[phase] = seconds.sum(axis=1)[run, rank]
    return pd.DataFrame(made).assign(local_steps=table["local_steps"].to_numpy()[run])


def split_over_runs(table, split, without=()):
    """Medians of a group's runs: one row a group of `grouped(table, without, timed=True)` and a rank."""
    group, _ = grouped(table, without, timed=True)
    found = split.assign(group=split["run"].map(group))
    return found.groupby(["group", "rank"], as_index=False)[[*PHASES, "local_steps"]].median()
