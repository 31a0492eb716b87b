"""The best step size for each K and P, and the map of both."""

import numpy as np

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


def held_out(table, values, tuning):
    """The runs on other seeds than those in `tuning`, with the step size that is best on these.

    values : Series over runs, the smaller the better, as of `best_step_sizes`, which chooses for each P and K
    and whatever else differs. What has no finite median on the tuning seeds has no runs here.
    """
    tuned = table[table["seed"].isin(tuning)]
    best = best_step_sizes(tuned, values)
    group, _ = grouped(table)
    found, _ = grouped(tuned)
    chosen = group[found.index[found.isin(best["group"])]]
    return table[group.isin(chosen) & ~table["seed"].isin(tuning)]
