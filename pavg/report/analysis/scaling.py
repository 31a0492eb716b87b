"""Speed-up and efficiency over P: only of runs with one rank a learner.

To a target (algorithm and machine together), strong (the same samples of all learners together), weak
(the same local steps of each learner). One learner alone has nothing to average, whatever its K: the
fastest of the P = 1 runs is what others are compared with. Without any, the smallest P of the same K is.
"""

import numpy as np
import pandas as pd

from pavg.report.analysis.choice import best_step_sizes
from pavg.report.analysis.runs import grouped
from pavg.report.analysis.targets import over_seeds, reach

FREE = ("P", "method", "K", "step_size", "stop", "evaluate")  # what a family's runs may differ in
WORK = {"strong": "samples", "weak": "local_steps"}


def speedups(table, points, how="strong", target=None, y="normalised"):
    """Speed-up and efficiency, one row a family, rule and P; empty if no run has a rank for each learner.

    how : "target", seconds to `y` ≤ `target`, with the best step size at each P;
    "strong", S = T(1)/T(P) for the same samples, E = S/P;
    "weak", E = T(1)/T(P) for the same local steps of each learner, S = P·E. Both at the largest number that
    every run of the family that ended well has come to, over seeds, repetitions and step sizes.

    Columns: `family`, `machine`, `rule`, `period`, `P`, `seconds`, `low`, `high` (quantiles), `seeds`,
    `base_P`, `base_seconds`, `base_rule`, `speedup`, `speedup_low`, `speedup_high`, `efficiency`. With base_P
    above 1, speed-ups are relative: base_P · T(base_P)/T(P).
    """
    ended = table["status"] == "ok" if how in WORK else True
    table = table[(table["clock"] == "learners") & ended]
    if table.empty:
        return pd.DataFrame(columns=COLUMNS)
    if how == "target":
        rows = best_step_sizes(table, reach(table, points, target, y, "time_wall")["at"], timed=True)
    else:
        seconds = seconds_for(table, points, WORK[how])
        rows = over_seeds(table, seconds, ("step_size", "stop", "evaluate"), timed=True)
        group, _ = grouped(table, ("step_size", "stop", "evaluate"), timed=True)
        family, families = grouped(table, FREE)
        first = ~group.duplicated()
        rows["family"] = families["label"].loc[family[first]].set_axis(group[first])
    made = [_against_base(one, how == "weak") for _, one in rows.groupby(["family", "machine"], sort=False)]
    return pd.concat(made, ignore_index=True)


COLUMNS = [
    *("family", "machine", "rule", "period", "P", "seconds", "low", "high", "seeds"),
    *("base_P", "base_seconds", "base_rule", "speedup", "speedup_low", "speedup_high", "efficiency"),
]


def seconds_for(table, points, x="samples"):
    """Seconds of the training clock that each run took for the same amount of `x`, Series over runs.

    The amount is the largest that all runs of a family have come to; between evaluations, by a straight line.
    """
    family, _ = grouped(table, FREE)
    amount = points.groupby("run")[x].max().reindex(table.index).groupby(family).transform("min")
    found = points[points["run"].isin(table.index)]
    first = np.flatnonzero(~found["run"].duplicated())[1:]
    runs, done, seconds = (np.split(found[name].to_numpy(), first) for name in ("run", x, "time_wall"))
    taken = {run[0]: np.interp(amount[run[0]], *one) for run, *one in zip(runs, done, seconds, strict=True)}
    return pd.Series(taken, dtype=float).reindex(table.index)


def _against_base(rows, weak):
    """The rows of one family and machine with what they are compared with."""
    rows = rows.rename(columns={"middle": "seconds"}).sort_values(["period", "rule", "P"])
    alone = rows[(rows["P"] == 1) & np.isfinite(rows["seconds"])]
    made = []
    for _, one in rows.groupby("rule", sort=False):
        base = alone if len(alone) else one[np.isfinite(one["seconds"])].nsmallest(1, "P")
        base = base.loc[base["seconds"].idxmin()] if len(base) else None
        P, seconds, rule = (np.nan, np.nan, "") if base is None else base[["P", "seconds", "rule"]]
        scale = one["P"] if weak else P
        one = one.assign(
            base_P=P, base_seconds=seconds, base_rule=rule, speedup=scale * seconds / one["seconds"]
        )
        one["speedup_low"], one["speedup_high"] = scale * seconds / one["high"], scale * seconds / one["low"]
        made.append(one.assign(efficiency=one["speedup"] / one["P"])[COLUMNS])
    return pd.concat(made)
