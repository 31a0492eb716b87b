"""Section 4.2: which K is best at a fixed number of samples."""

from functools import cache

import numpy as np

from pavg.report import analysis
from pavg.report.claims import CANNOT, DIFFERS, Claim, Finding, ratio
from pavg.report.figures import style
from pavg.report.paper import Experiment, Picture

TUNING = range(10)  # seeds
LEARNERS = (8, 32, 128)
SHORT, LONG = 2**17, 2**20  # samples of all learners together
DENSE = (f"grid.stop.samples=[{SHORT}]",)  # 280 features a row: 2^20 samples are for --full
PROBLEMS = (  # name, what it is, its file, the size for minutes
    ("sigmoid-a9a", "sigmoid loss on a9a", "a9a/a9a", ()),
    ("sigmoid-w8a", "sigmoid loss on w8a", "w8a/w8a", ()),
    ("cauchy-blogfeedback", "Cauchy's loss on BlogFeedback", "blogfeedback/BlogFeedback.zip", DENSE),
)
EXPERIMENTS = tuple(
    Experiment(
        f"best-k-{name}",
        f"best_k_{name.replace('-', '_')}",
        f"K at equal samples: {what}.",
        reduced=reduced,
        data=(file,),
    )
    for name, what, file, reduced in PROBLEMS
)


@cache
def tuned(runs):
    """(final losses on seeds that tuned nothing, {(samples, P): K that is best on those that did}).

    Losses: a Series over (samples, P, period, seed), each with the step size that is best on `TUNING`.
    """
    table = runs.table.assign(final=analysis.final(runs.table))
    cell = ["stop_samples", "P"]
    held = analysis.held_out(table, table["final"], TUNING, by=[*cell, "period"])
    best = analysis.held_out(table, table["final"], TUNING, by=cell)
    periods = best.drop_duplicates(cell).set_index(cell)["period"]
    return held.set_index([*cell, "period", "seed"])["final"].sort_index(), periods.to_dict()


def not_one(samples, P):
    """A test: whether the K that is best on some seeds is above 1, and ends below K = 1 on others."""

    def test(runs):
        losses, best = tuned(runs)
        if (samples, P) not in best:
            return Finding("", CANNOT, f"{samples:,} samples: --full")
        K, of = best[samples, P], losses[samples, P]
        if K == 1:
            tried = ", ".join(f"{K:g}" for K in of.index.unique("period"))
            return Finding("K = 1 is best on the tuning seeds", DIFFERS, f"of K = {tried}")
        found = ratio(of[1.0], of[K])
        told = f"K = {K:g}; the loss of K = 1 is {found.measured} its loss"
        return Finding(told, found.verdict, f"K and step sizes chosen on 10 seeds; {found.why}")

    return test


def figure(runs):
    """The final loss over K, a line for each number of learners, a panel for each number of samples."""
    losses, best = tuned(runs)
    colours = style.ordered_colours({P: float(P) for P in LEARNERS})
    sizes = losses.index.unique("stop_samples")
    with style.panels([f"{samples:,} samples" for samples in sizes]) as (figure, axes):
        for ax, samples in zip(axes, sizes, strict=True):
            for P, shape in zip(LEARNERS, style.MARKERS, strict=False):
                line = np.exp(np.log(losses[samples, P]).groupby("period").mean())
                ax.plot(line.index, line, color=colours[P], marker=shape, label=f"{P} learners")
                K = best[samples, P]
                ax.plot(K, line[K], "o", markersize=9, fillstyle="none", color=colours[P])
            ax.set(ylabel="final training loss")
            ax.set_xscale("log", base=2)
            style.powers_of_two(ax.xaxis, losses.index.unique("period"))
        axes[-1].set_xlabel("K")
        style.legend(figure, axes)
    return figure


PICTURES = tuple(
    Picture(
        f"Figures 5 and 6, asked of {what}",
        "Final loss after equally many samples of all learners together, batches of 16; step sizes tuned for "
        "each K on ten seeds, losses of ten others. A circle: the K that is best on the tuning seeds.",
        (one.name,),
        figure,
    )
    for one, (_, what, *_) in zip(EXPERIMENTS, PROBLEMS, strict=True)
)
CLAIMS = tuple(
    Claim(
        "section 4.2",
        f"K_opt is oftentimes not 1 (here: {what}, P = {P}, {samples:,} samples)",
        "",
        (one.name,),
        not_one(samples, P),
    )
    for one, (_, what, *_) in zip(EXPERIMENTS, PROBLEMS, strict=True)
    for samples in (SHORT, LONG)
    for P in LEARNERS
)
