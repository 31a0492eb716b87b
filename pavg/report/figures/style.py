"""How figures look: a column's width, no text below 7 points, colours that everybody can tell apart."""

import contextlib

import numpy as np

from pavg.errors import InputError
from pavg.report.analysis import period_of

WIDTH, HEIGHT, LOW = 3.3, 2.1, 1.6  # inches, of a column, of a panel, of one of many
MOST = 6  # panels
RC = {
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "legend.title_fontsize": 7,
    "legend.frameon": False,
    "legend.handlelength": 1.6,
    "legend.columnspacing": 1.2,
    "lines.linewidth": 1.2,
    "lines.markersize": 3.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "axes.grid": True,
    "grid.linewidth": 0.4,
    "grid.color": "0.88",
    "pdf.fonttype": 42,  # text stays text
    "svg.fonttype": "none",
    "svg.hashsalt": "pavg",
}
OTHERS = ("#D55E00", "#CC79A7", "#E69F00", "#000000")  # Okabe and Ito's, for what has no order
PHASES = {"compute": "#0072B2", "comm": "#E69F00", "wait": "#999999"}
MARKERS = "os^Dv<>pP*"


@contextlib.contextmanager
def panels(titles):
    """(figure, list of axes) of one panel a title, one below the other; InputError if they are too many."""
    import matplotlib
    from matplotlib.figure import Figure

    if len(titles) > MOST:
        raise InputError(
            f"{len(titles)} panels ({', '.join(map(repr, titles[:3]))} …): choose runs with --where, "
            f"so that {MOST} panels or fewer are left"
        )
    with matplotlib.rc_context(RC):
        height = (HEIGHT if len(titles) < 3 else LOW) * len(titles)
        figure = Figure(figsize=(WIDTH, 0.5 + height), layout="constrained")
        axes = list(figure.subplots(len(titles), squeeze=False, sharex=True)[:, 0])
        for ax, title in zip(axes, titles, strict=True):
            ax.set_title(title, loc="left")
        yield figure, axes


def ordered_colours(values):
    """value → colour: viridis in order for numbers (infinity last), Okabe and Ito's for what has none."""
    from matplotlib import colormaps

    order = {value: order for value, order in values.items() if order == order}
    places = np.linspace(0, 0.88, max(len(order), 2))
    found = {
        value: colormaps["viridis"](place)
        for value, place in zip(sorted(order, key=order.get), places, strict=False)
    }
    rest = [value for value in values if value not in found]
    return found | {value: OTHERS[k % len(OTHERS)] for k, value in enumerate(rest)}


def markers(values):
    return {value: MARKERS[k % len(MARKERS)] for k, value in enumerate(values)}


def legend(figure, axes, columns=4):
    """One legend for all panels, above them, each label once; what is ideal comes last."""
    found = {}
    for ax in axes:
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    if "ideal" in found:
        found["ideal"] = found.pop("ideal")
    figure.legend(found.values(), found.keys(), loc="outside upper center", ncols=min(columns, len(found)))


def periods(ax, places, names):
    """Ticks of an axis of periods: the number of each K, the name of what has none."""
    ax.set_xticks(places, [period_of(name) for name in names])
    ax.set_xlabel("period K (local steps between averages)")


def fraction(value, _=None):
    """2, 1, 1/2, 1/4 …: of a tick at a power of two."""
    return f"{value:g}" if value >= 1 else f"1/{1 / value:g}"


def powers_of_two(axis, values):
    """Ticks of a logarithmic axis at these values."""
    from matplotlib.ticker import FixedLocator, NullLocator

    axis.set_major_locator(FixedLocator(sorted(values)))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(lambda value, _: f"{value:g}")


def few_decades(axis):
    """Plain numbers at a logarithmic axis of less than two decades, in between too: 0.1, 0.2, 0.5, 1."""
    from matplotlib.ticker import LogLocator

    low, high = sorted(axis.get_view_interval())
    if high < 100 * low:
        axis.set_minor_locator(LogLocator(subs=(2, 5)))
        axis.set_minor_formatter(lambda value, _: f"{value:g}")
        axis.set_major_formatter(lambda value, _: f"{value:g}")


def missing(ax, places, edge, colour):
    """Crosses at the lower (edge 0) or upper (1) edge of the axes: what was not reached."""
    if len(places):
        at = ax.get_xaxis_transform()
        ax.plot(places, [edge] * len(places), "x", color=colour, clip_on=False, transform=at, in_layout=False)


def logarithmic(values):
    """Whether numbers are better shown on a logarithmic axis: positive, over more than a decade."""
    values = np.asarray(values, float)
    values = values[np.isfinite(values)]
    return bool(values.size and values.min() > 0 and values.max() > 10 * values.min())
