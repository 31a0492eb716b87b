"""What averaging every K steps gains over averaging once, as ρ grows: runs of rho.toml.

The paper (section 3.1, figure 2f) compares iterations until the normalised objective
(f − f*)/(f(w0) − f*) is 0.1, on five sets of which each has one ρ. Synthetic sets have any.
"""

import numpy as np
import pandas as pd

from pavg.report import analysis, intervals
from pavg.report.figures import style

TARGETS = (0.1, 0.01, 0.001)  # easy data are at 0.1 before they first average
TUNING = (0, 1, 2)  # seeds


def speed_ups(table, points, targets=TARGETS, tuning=TUNING):
    """Speed-up of each period K over one-shot averaging: one row for each ρ, K and target.

    Columns: `rho`, `rule` ("K = 128"), `target`; `one_shot` and `periodic`, iterations until the target: the
    medians over all seeds but those of `tuning`, each method with the step size that gets there first on
    these; `ratio`, the geometric mean of their ratios, seed by seed, with `low` and `high`, simultaneous
    intervals (`pavg.report.intervals`); `seeds`; `late` : of how many seeds one-shot averaging does not get
    there, whose last iteration then counts, so that the ratio is a lower bound; `envelope` : the ratio as the
    paper takes it, of the smallest mean over all seeds that any step size gives at each iteration, infinite
    where only K gets there. NaN where K does not.
    table, points : of `pavg.report.analysis`.
    """
    table = table[table["P"] > 1]
    rho = analysis.settings(table)["data_synthetic_rho"].astype(float)
    periods = table[np.isfinite(table["period"])].sort_values("period")["rule"].unique()
    last = points.groupby("run")["local_steps"].max()
    rows = []
    for target in targets:
        at = analysis.reach(table, points, target, "normalised", "local_steps")["at"]
        held = analysis.held_out(table, at, tuning)
        printed = _printed(table, points, rho, target)
        for value in sorted(rho.unique()):
            of = held[rho[held.index] == value]
            steps = {rule: at[runs.index].set_axis(runs["seed"]) for rule, runs in of.groupby("rule")}
            once = steps.get(analysis.ONE_SHOT, pd.Series(dtype=float))
            end = last[table.index[rho == value]].max()
            for rule in periods:
                row = {"rho": value, "rule": rule, "target": target}
                often = steps.get(rule, pd.Series(dtype=float))
                row |= _compared(once.reindex(often.index, fill_value=np.inf), often, end, rho.nunique())
                both = (printed.get((value, name), np.inf) for name in (analysis.ONE_SHOT, rule))
                rows.append(row | {"envelope": _ratio(*both)})
    return pd.DataFrame(rows)


def speed_up(table, points, targets=TARGETS, tuning=TUNING):
    """The figure of `speed_ups`: over ρ, a line for each target; a small triangle: a lower bound."""
    found = speed_ups(table, points, targets, tuning)
    colours = style.ordered_colours({target: -np.log(target) for target in targets})
    shapes = style.markers(targets)
    rules = list(dict.fromkeys(found["rule"]))
    with style.panels([f"{rule} against {analysis.ONE_SHOT} averaging" for rule in rules]) as (figure, axes):
        for ax, rule in zip(axes, rules, strict=True):
            ax.axhline(1, color="0.4", linewidth=0.8)
            for target in targets:
                line = found[(found["rule"] == rule) & (found["target"] == target)]
                bars = (line["ratio"] - line["low"], line["high"] - line["ratio"])
                how = {"color": colours[target], "marker": shapes[target]}
                label = f"to {target:g}"
                ax.errorbar(line["rho"], line["ratio"], bars, label=label, elinewidth=0.8, capsize=1.5, **how)
                bound = line[line["late"] > 0]
                ax.plot(bound["rho"], 1.12 * bound["ratio"], "^", color=colours[target], markersize=2.5)
            ax.set_xscale("log")
            ax.set_ylabel("speed-up")
            ax.set_ylim(bottom=0)
        axes[-1].set_xlabel("ρ = β²‖w₀ − w*‖²/σ²")
        style.legend(figure, axes)
    return figure


def _compared(once, often, end, cells):
    """Iterations of one-shot and periodic averaging, by seed, as the columns of `speed_ups`."""
    row = {"one_shot": once.median(), "periodic": often.median(), "seeds": len(often)}
    row["late"] = int(np.isinf(once).sum())
    if len(often) < 2 or np.isinf(often).any():
        return row | dict.fromkeys(("ratio", "low", "high"), np.nan)
    found = intervals.paired(often, once.clip(upper=end), cells)
    return row | {"ratio": found.ratio, "low": found.low, "high": found.high}


def _printed(table, points, rho, target):
    """(ρ, rule) → iterations until the envelope over step sizes is at the target."""
    group, groups = analysis.grouped(table, ("step_size",))
    curve = analysis.envelope(table, points, "normalised", "local_steps").rename(columns={"group": "run"})
    at = analysis.reach(groups.assign(status="ok"), curve, target, "mean", "x")["at"]
    of = rho.groupby(group).first()
    return {(of[one], groups.loc[one, "rule"]): at[one] for one in groups.index}


def _ratio(once, often):
    return once / often if np.isfinite(often) and often > 0 else np.nan
