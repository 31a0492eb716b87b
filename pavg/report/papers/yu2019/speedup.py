"""Corollary 1: linear speed-up, as long as averages are frequent enough."""

from functools import cache

import numpy as np

from pavg.report import analysis
from pavg.report.claims import Claim, equivalent
from pavg.report.figures import style
from pavg.report.paper import Experiment, Picture

TUNING = range(10)  # seeds
MARGIN = 1.25  # how many times as large is "the same": written down before the results
OFTEN = {2: 8, 4: 4, 8: 2}  # N → T^(1/4)/N^(3/4)
EXPERIMENT = Experiment(
    "speedup",
    "speedup",
    "1, 2, 4 and 8 learners, all with 2^16 samples: sigmoid loss on a9a.",
    data=("a9a/a9a",),
)


@cache
def squares(runs):
    """Mean ‖∇F(x̄)‖² over the evaluations of each run, on seeds that tuned nothing.

    A frame with P, period, seed, `square`: each P and K with the step size that is best on `TUNING`.
    """
    points = runs.points[runs.points["local_steps"] > 0]
    square = (points["grad_norm"] ** 2).groupby(points["run"]).mean().reindex(runs.table.index)
    held = analysis.held_out(runs.table, square.fillna(np.inf), TUNING)
    return held.assign(square=square[held.index])[["P", "period", "seed", "square"]]


def against_one(found, P, period):
    """The mean square of P learners over that of one, seed by seed."""
    of = found.set_index("seed").sort_index()
    one, many = of[of["P"] == 1]["square"], of[(of["P"] == P) & (of["period"] == period)]["square"]
    return (many / one).to_numpy()


def linear(P):
    """A test: whether P learners are no less far than one after as many samples, up to MARGIN."""

    def test(runs):
        ratios = against_one(squares(runs), P, OFTEN[P])
        told = f"{{}} times the mean ‖∇f‖² of one learner, K = {OFTEN[P]}"
        return equivalent(ratios, (0.0, MARGIN), told, times=True)

    return test


def figure(runs):
    """Mean ‖∇f‖² at equal samples over K, a line for each number of learners; one learner as a level."""
    found = squares(runs)
    last = 2 * found["period"][np.isfinite(found["period"])].max()  # where one average at the end is drawn
    colours = style.ordered_colours({P: float(P) for P in OFTEN})
    with style.panels([""]) as (figure, (ax,)):
        one = found[found["P"] == 1]["square"].mean()
        ax.axhline(one, color="0.4", linestyle="--", label="1 learner")
        for P, shape in zip(OFTEN, style.MARKERS, strict=False):
            line = found[found["P"] == P].groupby("period")["square"].mean()
            places = line.index.where(np.isfinite(line.index), last)
            ax.plot(places, line, color=colours[P], marker=shape, label=f"{P} learners")
            ax.axvline(OFTEN[P], color=colours[P], linestyle=":", linewidth=0.8)
        ax.set(xscale="log", yscale="log", xlabel="K (far right: one average)", ylabel="mean ‖∇f‖²")
        style.few_decades(ax.yaxis)
        style.legend(figure, [ax])
    return figure


PICTURES = (
    Picture(
        "Linear speed-up",
        "Mean ‖∇f(x̄)‖² over runs of equally many samples: N learners make T/N steps. Dotted: "
        "T^(1/4)/N^(3/4), up to which Corollary 1 keeps the speed-up, but for a constant. "
        "Step sizes tuned on ten seeds, shown on ten others.",
        (EXPERIMENT.name,),
        figure,
    ),
)
CLAIMS = tuple(
    Claim(
        "Corollary 1",
        f"averaging every T^(1/4)/N^(3/4) steps preserves the linear speed-up (here: N = {P} learners)",
        "",
        (EXPERIMENT.name,),
        linear(P),
    )
    for P in OFTEN
)
