"""What a target costs over K: samples, steps, averages or seconds, a line for each P."""

import numpy as np

from pavg.errors import InputError
from pavg.report import analysis
from pavg.report.analysis import QUANTILES
from pavg.report.figures import style, words


def draw(data, table, points, x="samples", y="normalised", target=0.1, envelope=False):
    """(figure, caption): `x` until `y` ≤ `target`, with the best step size for each P and K."""
    variable, label = words.X[x]
    timed = x == "seconds"
    kept = table[table["clock"] == "learners"] if timed else table
    if kept.empty:
        raise InputError(f"--x seconds: no run has a rank for each learner. {words.left_out(table, kept)}")
    found = analysis.reach(kept, points, target, y, variable)
    best = analysis.best_step_sizes(kept, found["at"], timed)
    best = best[best["period"].notna()]
    if not np.isfinite(best["middle"]).any():
        raise InputError(f"{y} ≤ {target:g}: no run gets there; the smallest is {found['closest'].min():.4g}")
    titles = best["family"] + ((", " + best["machine"]) if timed and best["machine"].nunique() > 1 else "")
    order = list(dict.fromkeys(titles))
    places = _places(best["period"])
    colours = style.ordered_colours({P: P for P in sorted(best["P"].unique())})
    shapes = style.markers(colours)
    with style.panels(order) as (figure, axes):
        for ax, title in zip(axes, order, strict=True):
            _panel(ax, best[titles == title], places, colours, shapes)
            ax.set_ylabel(f"{label.split(' of ')[0]} to the target")
        names = dict(zip(best["period"], best["rule"], strict=True))
        style.periods(axes[-1], list(places.values()), [names[K] for K in places])
        style.legend(figure, axes)
    low, high = (f"{100 * level:g}" for level in QUANTILES)
    parts = [
        f"{label.capitalize()} until the {words.Y[y]} is {target:g}: median over {words.seeds(best['seeds'])}"
        + (f"; bands: {low} to {high} % of the seeds." if best["seeds"].max() > 1 else "."),
        words.tuned(best),
        "× at the top: not reached." if np.isinf(best["middle"]).any() else "",
        words.scaled(kept, analysis.optima(table, points)) if y == "normalised" else "",
        words.left_out(table, kept),
        words.ended(kept),
    ]
    return figure, " ".join(part for part in parts if part)


def _panel(ax, one, places, colours, shapes):
    """The lines of one family: what the target costs over K, for each P."""
    from matplotlib.ticker import NullLocator

    top = one.loc[np.isfinite(one["middle"]), "middle"].max()
    for P, line in one.groupby("P"):
        line = line.sort_values("period")
        at, middle = line["period"].map(places), line["middle"]
        there = np.isfinite(middle)
        style_ = {"color": colours[P], "marker": shapes[P]}
        ax.plot(at[there], middle[there], label=f"P = {P}", **style_)
        low, high = (line.loc[there, name].clip(upper=top * 1e3) for name in ("low", "high"))
        ax.fill_between(at[there], low, high, color=colours[P], alpha=0.18, linewidth=0)
        style.missing(ax, at[~there], 1, colours[P])
    ax.set_xscale("log", base=2)
    if style.logarithmic(one["middle"]):
        ax.set_yscale("log")
    ax.xaxis.set_minor_locator(NullLocator())
    finite = one[np.isfinite(one["middle"])]
    least, most = finite["low"].min(), finite[["middle", "high"]].replace(np.inf, np.nan).max().max()
    ax.set_ylim(*((least / 1.15, most * 1.15) if ax.get_yscale() == "log" else (0, most * 1.08)))
    if ax.get_yscale() == "log":
        style.few_decades(ax.yaxis)


def _places(periods):
    """K → where it stands on the axis; one-shot averaging one factor of 4 beyond the largest K."""
    found = sorted(set(periods))
    finite = [K for K in found if np.isfinite(K)]
    beyond = 4 * max(finite, default=1)
    return {K: K if np.isfinite(K) else beyond for K in found}
