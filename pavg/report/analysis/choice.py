"""The best step size for each K and P, and the map of both."""

import numpy as np
import pandas as pd

from pavg.report.analysis.runs import grouped
from pavg.report.analysis.targets import over_seeds


def best_step_sizes(table, values, timed=False):
    """For each P and K (and whatever else differs), the step size whose median over seeds is smallest.

    values : Series over runs, the smaller the better (`final`, `reach(…)["at"]`; negate accuracies).
    One row a group without the step size: `group` and the columns of `over_seeds` of the best one,
    `parent` : its group without the step size; `tried` : how many step sizes; `edge` : the best is the
    smallest or largest constant that was tried, so a better one may lie beyond; `family` : a label of all
    that differs but P, K and step size. Where no step size has a finite median, `step_size` is "", `group`
    −1 and `middle` infinity.
    """
    single = over_seeds(table, values, timed=timed)
    group, _ = grouped(table, timed=timed)
    parent, groups = grouped(table, ("step_size",), timed)
    family, families = grouped(table, ("P", "method", "K", "step_size", "stop", "evaluate"))
    first = ~group.duplicated()
    single["parent"] = parent[first].set_axis(group[first])
    single["family"] = families["label"].loc[family[first]].set_axis(group[first])
    single = single.reset_index()
    known = single[single["middle"].notna()].sort_values(["parent", "middle", "gamma"])
    of = known.groupby("parent")
    best = known.drop_duplicates("parent").set_index("parent", drop=False).rename_axis(None)
    best["tried"], least, most = of.size(), of["gamma"].min(), of["gamma"].max()
    best["edge"] = (least < most) & ((best["gamma"] == least) | (best["gamma"] == most))
    best["label"] = groups["label"]
    best.loc[np.isinf(best["middle"]), ["group", "step_size", "gamma", "edge"]] = [-1, "", np.nan, False]
    return best.sort_values(["family", "P", "period", "rule"]).reset_index(drop=True)


def period_map(best):
    """`middle` of one family of `best_step_sizes`, rows P, columns rule, in order; NaN: no run."""
    order = best.sort_values(["period", "rule"])["rule"].drop_duplicates()
    made = best.pivot_table(index="P", columns="rule", values="middle", aggfunc="min", dropna=False)
    return made.reindex(columns=order)


def held_out(table, values, tuning, by=None):
    """The runs on other seeds than those in `tuning`, of the settings that are best on these.

    values : Series over runs, the smaller the better; the smallest median over seeds is best. by : columns,
    for each of whose values one setting is chosen; None: one step size for each P and K and whatever else
    differs. What has no finite median on the tuning seeds has no runs here.
    """
    group, _ = grouped(table)
    tuned = table["seed"].isin(tuning)
    middle = values[tuned].groupby(group[tuned]).median()
    one = table[~group.duplicated()]
    keys = [grouped(table, ("step_size",))[0]] if by is None else [table[name] for name in by]
    known = pd.DataFrame({n: key[one.index] for n, key in enumerate(keys)}).set_axis(group[one.index])
    known = known.assign(middle=middle, gamma=one["gamma"].set_axis(known.index))
    known = known[np.isfinite(known["middle"])].sort_values(["middle", "gamma"])
    best = known.drop_duplicates([*range(len(keys))]).index
    return table[group.isin(best) & ~tuned]
