"""Where the training clock goes, over K: local steps, averaging, waiting."""

import numpy as np

from pavg.errors import InputError
from pavg.report import analysis
from pavg.report.figures import style, words

NAMES = {"compute": "local steps", "comm": "averaging", "wait": "waiting"}


def draw(data, table, points, x="samples", y="normalised", target=0.1, envelope=False):
    """(figure, caption): shares of the clock, mean over ranks; above each bar, µs a local step."""
    kept = table[(table["clock"] == "learners") & (table["local_steps"] > 0)]
    if kept.empty:
        raise InputError(f"no run has a rank for each learner. {words.left_out(table, kept)}")
    without = ("step_size", "stop", "evaluate")
    split = analysis.split_over_runs(kept, analysis.time_split(data, kept), without)
    _, groups = analysis.grouped(kept, without, timed=True)
    _, apart = analysis.grouped(kept, (*without, "P", "method", "K"), timed=True)
    split = split.join(groups, on="group")
    titles = "P = " + split["P"].astype(str)
    if len(apart.drop(columns="R").drop_duplicates(["label"])) > 1 and split["machine"].nunique() > 1:
        titles += ", " + split["machine"]
    order = [title for _, title in sorted(set(zip(split["P"], titles, strict=True)))]
    names = split.sort_values(["period", "rule"])["rule"].unique()
    with style.panels(order) as (figure, axes):
        for ax, title in zip(axes, order, strict=True):
            _bars(ax, split[titles == title], names)
        style.periods(axes[-1], range(len(names)), names)
        style.legend(figure, axes)
    seeds = kept.groupby(["P", "rule"])["seed"].nunique()
    barrier = bool((kept.get("barrier", 0) > 0).all())
    parts = [
        "Shares of the training clock, mean over ranks; above each bar, microseconds a local step; thin "
        "lines: local steps on the fastest and on the slowest rank.",
        ""
        if barrier
        else "Without a barrier before each average, averaging includes waiting for slower ranks.",
        f"Medians over {words.seeds(seeds)}, repetitions and step sizes.",
        words.left_out(table, kept),
    ]
    return figure, " ".join(part for part in parts if part)


def _bars(ax, split, names):
    for place, name in enumerate(names):
        one = split[split["rule"] == name]
        if one.empty:
            continue
        ranks = one[list(analysis.PHASES)].to_numpy()
        total = ranks.sum(axis=1).mean()
        bottom = 0.0
        for phase, part in zip(analysis.PHASES, ranks.mean(axis=0) / total, strict=True):
            ax.bar(place, part, 0.7, bottom, color=style.PHASES[phase], label=NAMES[phase])
            bottom += part
        compute = one["compute"].to_numpy() / total
        if len(compute) > 1:
            ax.plot([place, place], [compute.min(), compute.max()], color="black", linewidth=0.8, marker="_")
        step = f"{1e6 * total / one['local_steps'].mean():.3g}"
        above = {"textcoords": "offset points", "ha": "center", "va": "bottom", "fontsize": 7}
        ax.annotate(step, (place, 1), (0, 2), **above)
    ax.set_title("above: µs a local step", loc="right", fontsize=7)
    ax.set_ylim(0, 1.12)
    ax.set_yticks(np.linspace(0, 1, 5), [f"{value:.0%}" for value in np.linspace(0, 1, 5)])
    ax.grid(False)
    ax.set_ylabel("share of the clock")
