"""How long a run takes to a target; values of runs, over seeds."""

import numpy as np
import pandas as pd

from pavg.records.layout import WHOLE
from pavg.report.analysis.curves import QUANTILES, UPWARD, _quantiles
from pavg.report.analysis.runs import grouped


def reach(table, points, target, y="normalised", x="samples"):
    """Where each run first reaches `y` ≤ `target` (accuracies: ≥), one row a run, none left out.

    Columns: `at`, by a straight line between the two evaluations around it (y's logarithm over x where y and
    the target are positive), so low ≤ at ≤ high: `low` the last evaluation before, `high` the first one at
    the target; infinity where it was not reached. `outcome` : "reached", or why not: "not reached",
    "diverged", "failed" …, or "no y" for a problem that has none. `closest` : the best y of the run.
    target : a number, or a Series over runs.
    """
    sign = -1.0 if y in UPWARD else 1.0
    found = points.loc[points["run"].isin(table.index), ["run", x, y]]
    run, x_, y_ = found["run"].to_numpy(), found[x].to_numpy(float), sign * found[y].to_numpy(float)
    goal = sign * (target if isinstance(target, pd.Series) else pd.Series(float(target), table.index))
    there = np.flatnonzero(y_ <= goal.loc[run].to_numpy())
    there = there[~pd.Series(run[there]).duplicated().to_numpy()]
    started = ~pd.Series(run).duplicated().to_numpy()
    before = np.where(started[there], there, there - 1)
    part = _part(y_[before], y_[there], goal.loc[run[there]].to_numpy())
    made = pd.DataFrame(np.inf, table.index, ["at", "low", "high"])
    made.loc[run[there], "low"], made.loc[run[there], "high"] = x_[before], x_[there]
    made.loc[run[there], "at"] = x_[before] + part * (x_[there] - x_[before])
    made["outcome"] = table["status"].where(table["status"] != "ok", "not reached")
    made["closest"] = sign * found[y].mul(sign).groupby(found["run"]).min().reindex(table.index)
    made.loc[made["closest"].isna() & (made["outcome"] == "not reached"), "outcome"] = f"no {y}"
    made.loc[run[there], "outcome"] = "reached"
    return made


def _part(before, after, goal):
    """Which part of the way from `before` down to `after` the goal lies at, in [0, 1]."""
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = (before > 0) & (after > 0) & (goal > 0)
        part = np.where(
            logs, np.log(before / goal) / np.log(before / after), (before - goal) / (before - after)
        )
    return np.clip(np.where(np.isfinite(part), part, 1.0), 0.0, 1.0)


def final(table, y="loss", points=None):
    """`y` at each run's end: infinity (accuracies: minus infinity) if it diverged, NaN if it is not over."""
    last = table[y] if points is None else points.groupby("run")[y].last().reindex(table.index)
    last = last.mask(table["status"] == "diverged", -np.inf if y in UPWARD else np.inf)
    return last.where(table["status"].isin(WHOLE))


def over_seeds(table, values, without=(), timed=False, quantiles=QUANTILES):
    """Values of runs, over seeds: one row a group of `grouped(table, without, timed)`.

    values : Series over runs; infinity is "never" and counts, NaN does not. A seed's repetitions (and
    what else `without` leaves in a group) are their median first. Columns: those of the groups, and
    `middle` (median over seeds), `low`, `high`, `seeds`, `finite` : how many of them have a finite value.
    """
    group, groups = grouped(table, without, timed)
    found = pd.DataFrame({"group": group, "seed": table["seed"], "value": values.reindex(table.index)})
    found = found[found["value"].notna()]
    of_seed = _quantiles(found, ["group", "seed"], "value", (0.5,)).rename(columns={0.5: "value"})
    made = _quantiles(of_seed, ["group"], "value", (0.5, *quantiles))
    made.columns = ["group", "middle", "low", "high"]
    made["seeds"] = of_seed.groupby("group")["value"].size().to_numpy()
    made["finite"] = np.isfinite(of_seed["value"]).groupby(of_seed["group"]).sum().to_numpy()
    return groups.join(made.set_index("group"), how="left")
