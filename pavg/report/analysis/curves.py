"""Curves, and bands over seeds.

A seed counts once, however often it was repeated. A run that diverged is worse than any number from
then on: it counts as infinity (accuracies: minus infinity), so that medians and quantiles still say
what the seeds do, and means do not leave it out.
"""

import numpy as np
import pandas as pd

from pavg.report.analysis.runs import curve_names, grouped, same, settings

QUANTILES = (0.1, 0.9)
SECONDS = ("time_wall",)
UPWARD = ("accuracy", "test_accuracy")  # the more, the better


def curves(data, table):
    """One row an evaluation of a run: `run`, `evaluation`, every curve of the dataset, and `normalised`.

    normalised : (f − f*) / (f(w0) − f*), 1 at the run's start and 0 at `optima`. Padding is left out.
    """
    lengths = table["evaluations"].to_numpy()
    run = np.repeat(np.arange(len(table)), lengths)
    evaluation = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    rows = table.index.to_numpy()[run]
    points = pd.DataFrame({"run": rows, "evaluation": evaluation})
    for name in curve_names(data):
        points[name] = data[name].values[rows, evaluation]
    optimum = points["run"].map(optima(table, points)["optimum"])
    start = points["run"].map(points.groupby("run")["loss"].first())
    points["normalised"] = (points["loss"] - optimum) / (start - optimum).where(start > optimum)
    return points


def optima(table, points):
    """f* of each run's objective: `optimum`, and whether it is the one that a run was `given`.

    Where none was, the smallest loss that any of these runs has seen stands for it. Problems that
    make up their samples have another objective for each seed and P.
    """
    found = settings(table)
    objective = found[[name for name in found if name.startswith(("problem", "data"))]]
    if "n_samples" in table:
        made = (table["n_samples"] > 0) & (
            found["data_checksum"].isna() if "data_checksum" in found else True
        )
        objective = objective.assign(own_P=table["P"].where(made), own_seed=table["seed"].where(made))
    objective = same(objective)
    loss = points["loss"].where(np.isfinite(points["loss"]))
    least = loss.groupby(points["run"]).min().reindex(table.index).groupby(objective).transform("min")
    told = table.get("optimum", pd.Series(np.nan, table.index))
    told = told.groupby(objective).transform("min")
    return pd.DataFrame({"optimum": told.fillna(least), "given": told.notna()})


def bands(table, points, y="loss", x="samples", quantiles=QUANTILES):
    """Median and quantiles over seeds of each group at each of its evaluations.

    Columns: `group` (of `grouped(table, timed=x is seconds)`), `ticks`, `x` (median over seeds),
    `middle`, `low`, `high`, `mean`, `seeds` (that have a value there), `all_seeds` of the group, and
    `diverged`, how many of the seeds had by then. Runs that ended early for another reason than
    divergence have no values afterwards: there `seeds` is less than `all_seeds`.
    """
    group, _ = grouped(table, timed=x in SECONDS)
    worst = -np.inf if y in UPWARD else np.inf
    facts = pd.DataFrame({"group": group, "seed": table["seed"], "lost": table["status"] == "diverged"})
    found = points.loc[points["run"].isin(table.index), list(dict.fromkeys(["run", "ticks", x, y]))]
    found = found.assign(x=found[x], y=found[y]).join(facts, on="run")[["run", "ticks", "x", "y", *facts]]
    found = found[found["y"].notna().groupby(found["run"]).transform("any")]  # the others have no such y
    last = ~found["run"].duplicated(keep="last")
    found.loc[last & found["lost"], "y"] = worst
    found = pd.concat([found, _afterwards(found, worst)], ignore_index=True)
    found = found[found["y"].notna()]
    by = ["group", "ticks"]
    of_seed = _quantiles(found, [*by, "seed"], "y", (0.5,)).rename(columns={0.5: "y"})
    beside = found.groupby([*by, "seed"], as_index=False).agg(x=("x", "median"))
    of_seed = of_seed.merge(beside, on=[*by, "seed"])
    made = _quantiles(of_seed, by, "y", (0.5, *quantiles))
    made.columns = [*by, "middle", "low", "high"]
    rest = of_seed.assign(lost=of_seed["y"] == worst).groupby(by, as_index=False)
    rest = rest.agg(x=("x", "median"), mean=("y", "mean"), seeds=("y", "size"), diverged=("lost", "sum"))
    made = made.merge(rest, on=by)
    made["all_seeds"] = made["group"].map(facts.groupby("group")["seed"].nunique())
    return made[[*by, "x", "middle", "low", "high", "mean", "seeds", "all_seeds", "diverged"]]


def envelope(table, points, y="loss", x="samples"):
    """At each evaluation, the smallest mean over seeds that any step size gives (Zhang et al. 2016, 3.1).

    Columns: `group` (of `grouped(table, without=("step_size",), timed=…)`), `ticks`, `x`, `mean`,
    `step_size` that gives it, `seeds`. Only evaluations that all seeds have; a step size with a seed
    that diverged has the mean infinity.
    """
    timed = x in SECONDS
    single, groups = grouped(table, timed=timed)
    merged, _ = grouped(table, without=("step_size",), timed=timed)
    parent = merged.groupby(single).first()
    found = bands(table, points, y, x)
    found = found[found["seeds"] == found["all_seeds"]]
    found = found.assign(step_size=found["group"].map(groups["step_size"]), group=found["group"].map(parent))
    best = found["mean"].groupby([found["group"], found["ticks"]])
    rows = found.loc[(best.idxmax() if y in UPWARD else best.idxmin()).to_numpy()]
    return rows[["group", "ticks", "x", "mean", "step_size", "seeds"]].reset_index(drop=True)


def _afterwards(found, worst):
    """Rows for the ticks of its group that a run that diverged did not live to see."""
    ended = found[found["lost"]].drop_duplicates("run", keep="last").drop(columns="x")
    ticks = found[["group", "ticks"]].drop_duplicates().rename(columns={"ticks": "later"})
    rows = ended.assign(y=worst).merge(ticks, on="group")
    rows = rows[rows["later"] > rows["ticks"]]
    return rows.drop(columns="ticks").rename(columns={"later": "ticks"})


def _quantiles(frame, by, column, levels):
    """Quantiles of a column within groups, by linear interpolation; infinities are values like others.

    (pandas' and NumPy's give NaN where a quantile meets an infinity exactly.)
    """
    frame = frame.sort_values([*by, column], kind="stable")
    values = frame[column].to_numpy(float)
    first = np.flatnonzero(~frame.duplicated(by).to_numpy())
    counts = np.diff(np.append(first, len(frame)))
    made = frame.iloc[first][by].reset_index(drop=True)
    for level in levels:
        place = level * (counts - 1)
        below = np.floor(place).astype(int)
        part = place - below
        low, high = values[first + below], values[first + np.minimum(below + 1, counts - 1)]
        with np.errstate(invalid="ignore"):
            between = low * (1 - part) + high * part
        made[level] = np.where(part == 0, low, np.where(low == high, low, between))
    return made
