"""Loss over samples, steps, rounds or seconds: a panel for each P, a line for each K."""

import numpy as np

from pavg.errors import InputError
from pavg.report import analysis
from pavg.report.analysis import QUANTILES
from pavg.report.figures import style, words


def draw(data, table, points, x="samples", y="loss", target=None, envelope=False):
    """(figure, caption). Each line is the step size that is best at the end, or the envelope of all."""
    variable, label = words.X[x]
    timed = x == "seconds"
    if y not in points or points.loc[points["run"].isin(table.index), y].isna().all():
        raise InputError(f"--y {y}: none of these runs has it")
    sign = -1 if y in ("accuracy", "test_accuracy") else 1
    ends = sign * analysis.final(table, y, points)
    best = analysis.best_step_sizes(table, ends if y != "drift" else analysis.final(table), timed)
    names = _titles(best, timed)
    drawn = best if envelope else best[best["group"] >= 0]
    rules = dict(zip(best["rule"], best["period"], strict=True))
    if drawn.empty:
        raise InputError(f"no line to draw. {words.none_left(best)} {words.ended(table)}")
    colours, shapes = style.ordered_colours(rules), style.markers(rules)
    bands = analysis.bands(table, points, y, variable)
    of = drawn["parent" if envelope else "group"]
    lines = _envelopes(table, points, y, variable) if envelope else bands
    lines = lines[lines["group"].isin(of)]
    uneven = _uneven(lines["x"])
    lines = lines[lines["x"] > 0] if uneven else lines  # a logarithmic axis has no 0
    order = list(dict.fromkeys(names))
    with style.panels(order) as (figure, axes):
        at = dict(zip(order, axes, strict=True))
        for row, name in zip(drawn.index, names[drawn.index], strict=True):
            one = drawn.loc[row]
            how = {"color": colours[one["rule"]], "label": one["rule"], "marker": shapes[one["rule"]]}
            first = 0.2 * list(rules).index(one["rule"]) / len(rules)  # else markers would cover each other
            how["markevery"] = (first, 0.2)
            _line(at[name], lines[lines["group"] == of[row]], envelope, how)
        _axes(axes, lines, uneven, label, words.Y[y], y)
        style.legend(figure, axes)
    return figure, _caption(table, points, best, bands, y, envelope)


def _titles(best, timed):
    """What stands above each row's panel."""
    parts = best["family"].where(best["family"] == "", best["family"] + ", ") + "P = " + best["P"].astype(str)
    if timed:
        other = best["clock"].where(best["clock"] != "learners", "")
        hosted = other.where(other != "hosted", "hosted on " + best["R"].astype(str) + " ranks")
        parts += hosted.where(hosted == "", ", " + hosted)
        if best["machine"].nunique() > 1:
            parts += ", " + best["machine"]
    return parts


def _envelopes(table, points, y, variable):
    found = analysis.envelope(table, points, y, variable)
    return found.assign(middle=found["mean"], low=found["mean"], high=found["mean"], all_seeds=found["seeds"])


def _line(ax, one, envelope, how):
    one, colour = one.sort_values("x"), how["color"]
    x, middle = one["x"].to_numpy(), one["middle"].to_numpy()
    whole = (one["seeds"] == one["all_seeds"]).to_numpy()
    finite = np.isfinite(middle)
    ax.plot(x[finite & whole], middle[finite & whole], **how)
    ax.plot(x[finite & ~whole], middle[finite & ~whole], color=colour, linestyle=":")
    if not envelope and one["all_seeds"].max() > 1:
        far = 1e3 * np.max(np.abs(middle[finite])) if finite.any() else 1.0
        low, high = (np.clip(one[name].to_numpy(), -far, far) for name in ("low", "high"))
        ax.fill_between(x[whole], low[whole], high[whole], color=colour, alpha=0.18, linewidth=0)
    if not finite.all() and finite.any():  # more than half of the seeds diverged
        end = np.flatnonzero(finite)[-1]
        ax.plot(x[end], middle[end], marker="x", color=colour, markersize=5, markeredgewidth=1.4)


def _uneven(x):
    """Whether evaluations are better shown on a logarithmic axis: a few at first, then rarer and rarer."""
    steps = np.diff(np.sort(x.unique()))
    return bool(steps.size > 2 and steps.max() > 5 * np.median(steps))


def _axes(axes, lines, uneven, label, y_label, y):
    values = lines.loc[np.isfinite(lines["middle"]), ["low", "middle", "high"]].to_numpy()
    values = values[np.isfinite(values) & (values != 0)]
    for ax in axes:
        if uneven:
            ax.set_xscale("log")
        if y not in ("accuracy", "test_accuracy") and style.logarithmic(values):
            ax.set_yscale("log")
        if values.size:
            least, most = values.min(), values.max()
            room = (most / least) ** 0.04 if ax.get_yscale() == "log" else 0.04 * (most - least or 1)
            limits = (least / room, most * room) if ax.get_yscale() == "log" else (least - room, most + room)
            ax.set_ylim(*limits)
            if ax.get_yscale() == "log":
                style.few_decades(ax.yaxis)
        ax.set_ylabel(y_label)
    axes[-1].set_xlabel(label)


def _caption(table, points, best, bands, y, envelope):
    shown = bands[bands["group"].isin(best["group"])]
    parts = [words.Y[y].capitalize() + " of the average."]
    counts = words.seeds(shown["all_seeds"].unique())
    if envelope:
        parts.append(f"At each evaluation, the smallest mean over {counts} that any step size gives.")
    else:
        low, high = (f"{100 * level:g}" for level in QUANTILES)
        band = f"; bands: {low} to {high} % of the seeds" if shown["all_seeds"].max() > 1 else ""
        parts += [f"Lines: median over {counts}{band}.", words.tuned(best)]
        if (shown["diverged"] > 0).any():
            parts.append("×: from there on, half of the seeds or more have diverged.")
        if (shown["seeds"] < shown["all_seeds"]).any():
            parts.append("Dotted: some seeds ended before.")
    if y == "normalised":
        parts.append(words.scaled(table, analysis.optima(table, points)))
    return " ".join(part for part in [*parts, words.none_left(best), words.ended(table)] if part)
