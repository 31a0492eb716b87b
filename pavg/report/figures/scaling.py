"""Speed-up and efficiency over P, of runs with one rank a learner."""

import numpy as np

from pavg.errors import InputError
from pavg.report import analysis
from pavg.report.analysis import QUANTILES
from pavg.report.figures import style, words


def speed_up(data, table, points, x="samples", y="normalised", target=0.1, envelope=False):
    """(figure, caption): how many times sooner P learners get to `y` ≤ `target` than one."""
    rows = _rows(table, points, "target", target, y)
    if not (rows["speedup"] > 0).any():
        raise InputError(f"{y} ≤ {target:g}: no run gets there")
    titles = _titles(rows)
    order = list(dict.fromkeys(titles))
    with style.panels(order) as (figure, axes):
        for ax, title in zip(axes, order, strict=True):
            _speed_up(ax, rows[titles == title])
        axes[-1].set_xlabel("learners P (one rank each)")
        style.legend(figure, axes)
    parts = [
        f"Speed-up to a {words.Y[y]} of {target:g}, in seconds of the training clock, with the best step "
        f"size at each P: {_spread(rows)}.",
        _base(rows),
        "× at the bottom: not reached." if (rows["speedup"] == 0).any() else "",
        words.scaled(table, analysis.optima(table, points)) if y == "normalised" else "",
        words.left_out(table, table[table["clock"] == "learners"]),
    ]
    return figure, " ".join(part for part in parts if part)


def scaling(data, table, points, x="samples", y="normalised", target=0.1, envelope=False):
    """(figure, caption): speed-up for the same samples in all, efficiency for the same steps each."""
    strong, weak = (_rows(table, points, how) for how in ("strong", "weak"))
    titles = _titles(strong)
    order = list(dict.fromkeys(titles))
    heads = [f"{title + ': ' if title else ''}{what}" for title in order for what in
             ("strong (the same samples in all)", "weak (the same local steps each)")]  # fmt: skip
    with style.panels(heads) as (figure, axes):
        for k, title in enumerate(order):
            _speed_up(axes[2 * k], strong[titles == title])
            _efficiency(axes[2 * k + 1], weak[_titles(weak) == title])
        axes[-1].set_xlabel("learners P (one rank each)")
        style.legend(figure, axes)
    parts = [
        f"Strong scaling: speed-up; weak scaling: efficiency; {_spread(strong)}, all step sizes together.",
        _base(strong),
        words.left_out(table, table[table["clock"] == "learners"]),
    ]
    return figure, " ".join(part for part in parts if part)


def _rows(table, points, how, target=None, y="normalised"):
    rows = analysis.speedups(table, points, how, target, y)
    if rows.empty:
        none = table.iloc[:0]
        raise InputError(
            f"no run has a rank for each learner: no times of P learners. {words.left_out(table, none)}"
        )
    if rows["P"].nunique() < 2:
        raise InputError(
            f"all runs with a rank for each learner have P = {rows['P'].iloc[0]}: no speed-up to show"
        )
    return rows


def _titles(rows):
    return rows["family"] + (", " + rows["machine"] if rows["machine"].nunique() > 1 else "")


def _lines(rows):
    """(label, rows in order of P, how to draw) of each rule."""
    first = rows.drop_duplicates("rule").sort_values(["period", "rule"])
    colours = style.ordered_colours(dict(zip(first["rule"], first["period"], strict=True)))
    shapes = style.markers(first["rule"])
    for rule in first["rule"]:
        line = rows[rows["rule"] == rule].sort_values("P")
        yield rule, line, {"color": colours[rule], "marker": shapes[rule]}


def _speed_up(ax, rows):
    P = np.array(sorted(rows["P"].unique()))
    ax.plot(P, P, color="0.4", linewidth=0.8, linestyle="--", label="ideal")
    for rule, line, how in _lines(rows):
        there = line["speedup"] > 0
        _spread_line(ax, line[there], rule, how, "speedup", "speedup_low", "speedup_high")
        style.missing(ax, line["P"][~there], 0, how["color"])
    ax.set_xscale("log", base=2)
    ax.set_yscale("log", base=2)
    style.powers_of_two(ax.xaxis, P)
    ax.yaxis.set_major_formatter(style.fraction)
    ax.set_ylabel("speed-up")


def _efficiency(ax, rows):
    P = sorted(rows["P"].unique())
    ax.axhline(1, color="0.4", linewidth=0.8, linestyle="--", label="ideal")
    for rule, line, how in _lines(rows):
        line = line.assign(low=line["speedup_low"] / line["P"], high=line["speedup_high"] / line["P"])
        _spread_line(ax, line, rule, how, "efficiency", "low", "high")
    ax.set_xscale("log", base=2)
    style.powers_of_two(ax.xaxis, P)
    ax.set_ylim(0, max(1.05, 1.05 * rows["efficiency"].max()))
    ax.set_ylabel("efficiency")


def _spread_line(ax, line, rule, how, middle, low, high):
    value = line[middle].to_numpy()
    below, above = value - line[low].to_numpy(), line[high].to_numpy() - value
    below, above = (np.where(np.isfinite(part), part, 0).clip(min=0) for part in (below, above))
    ax.errorbar(line["P"], value, (below, above), label=rule, elinewidth=0.8, capsize=1.5, **how)


def _spread(rows):
    low, high = (f"{100 * level:g}" for level in QUANTILES)
    bars = f", bars: {low} to {high} % of them" if rows["seeds"].max() > 1 else ""
    return f"medians over {words.seeds(rows['seeds'])}{bars}"


def _base(rows):
    bases = rows.drop_duplicates(["base_P", "base_rule"])
    if (bases["base_P"] == 1).all():
        return f"Compared with the fastest single learner ({', '.join(sorted(bases['base_rule'].unique()))})."
    known = bases.dropna(subset="base_P")
    return (
        "No single learner: relative to "
        + ", ".join(f"P = {P}" for P in sorted(known["base_P"].unique()))
        + "."
    )
