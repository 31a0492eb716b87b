"""Section 4.2: which K is best at a fixed number of samples."""

from functools import cache

import numpy as np

from pavg.report import analysis
from pavg.report.claims import AGREES, DIFFERS, UNDECIDED, Claim, Finding, interval
from pavg.report.figures import style
from pavg.report.paper import Experiment, Picture

TUNING = range(10)  # seeds
LEARNERS = (8, 32, 128)
PROBLEMS = (  # name, what it is, its file
    ("sigmoid-a9a", "sigmoid loss on a9a", "a9a/a9a"),
    ("sigmoid-w8a", "sigmoid loss on w8a", "w8a/w8a"),
    ("cauchy-blogfeedback", "Cauchy's loss on BlogFeedback", "blogfeedback/BlogFeedback.zip"),
)
EXPERIMENTS = tuple(
    Experiment(
        f"best-k-{name}", f"best_k_{name.replace('-', '_')}", f"K at equal samples: {what}.", data=(file,)
    )
    for name, what, file in PROBLEMS
)


@cache
def tuned(runs):
    """(log of the final loss on seeds that tuned nothing, {P: K that is best on those that did}).

    A Series over (P, period, seed): each P and K with the step size that is best on `TUNING`. Best is the
    smallest mean of the logarithm.
    """
    table = runs.table.assign(score=np.log(analysis.final(runs.table)).fillna(np.inf))
    first = table["seed"].isin(TUNING)
    means = table[first].groupby(["P", "period", "gamma"])["score"].mean()
    size = means.groupby(["P", "period"]).idxmin()
    chosen = table.set_index(["P", "period", "gamma"]).index.isin(size)
    held = table[chosen & ~first].set_index(["P", "period", "seed"])["score"]
    best = means[size].droplevel("gamma").groupby("P").idxmin()
    return held.sort_index(), {P: period for P, period in best}


def not_one(P):
    """A test: whether the K that is best on some seeds is above 1, and ends below K = 1 on others."""

    def test(runs):
        held, best = tuned(runs)
        K = best[P]
        if K == 1:
            return Finding("K = 1 is best on the tuning seeds", DIFFERS, f"of K = {_all(held)}")
        middle, low, high = np.exp(interval((held[P, K] - held[P, 1.0]).to_numpy()))
        verdict = AGREES if high < 1 else DIFFERS if low > 1 else UNDECIDED
        told = f"K = {K:g}: {middle:.4g} times ({low:.4g} … {high:.4g}) the final loss of K = 1"
        return Finding(told, verdict, "K and step sizes chosen on 10 seeds, measured on 10 others; 99 %")

    return test


def _all(held):
    return ", ".join(f"{K:g}" for K in held.index.unique("period"))


def figure(runs):
    """The final loss over K, a line for each number of learners: means over seeds that tuned nothing."""
    held, best = tuned(runs)
    colours = style.ordered_colours({P: float(P) for P in LEARNERS})
    with style.panels([""]) as (figure, (ax,)):
        for P, shape in zip(LEARNERS, style.MARKERS, strict=False):
            line = np.exp(held[P].groupby("period").mean())
            ax.plot(line.index, line, color=colours[P], marker=shape, label=f"{P} learners")
            ax.plot(best[P], line[best[P]], "o", markersize=9, fillstyle="none", color=colours[P])
        ax.set(xlabel="K", ylabel="final training loss")
        ax.set_xscale("log", base=2)
        style.legend(figure, [ax])
    return figure


PICTURES = tuple(
    Picture(
        f"Figures 5 and 6, asked of {what}",
        "Final loss after 2^20 samples of all learners together, batches of 16; step sizes tuned for each K "
        "on ten seeds, losses of ten others. A circle: the K that is best on the tuning seeds.",
        (one.name,),
        figure,
    )
    for one, (_, what, _) in zip(EXPERIMENTS, PROBLEMS, strict=True)
)
CLAIMS = tuple(
    Claim(
        "section 4.2",
        f"K_opt is oftentimes not 1 (here: {what}, P = {P})",
        "",
        (one.name,),
        not_one(P),
    )
    for one, (_, what, _) in zip(EXPERIMENTS, PROBLEMS, strict=True)
    for P in LEARNERS
)
