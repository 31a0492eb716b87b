"""Section 3.2: LeNet on MNIST, one-shot averaging against an average every ten steps."""

import numpy as np

from pavg.report.claims import Claim, below
from pavg.report.figures import style
from pavg.report.paper import Experiment, Picture

MNIST = ("mnist/train-images-idx3-ubyte.gz", "mnist/t10k-images-idx3-ubyte.gz")
REDUCED = ("stop.steps=1_280", "evaluate.at=[640]")
EXPERIMENTS = (
    Experiment(
        "lenet",
        "lenet",
        "Figure 3: 4 learners, batches of 8.",
        reduced=REDUCED,
        data=MNIST,
    ),
    Experiment(
        "lenet-momentum",
        "lenet_momentum",
        "What an average does to momentum.",
        reduced=(*REDUCED, "grid.seed=[0]"),
        data=MNIST,
    ),
)
PANELS = {"loss": "training loss", "accuracy": "training error", "test_accuracy": "test error"}
LINES = {  # of which runs, and which of their curves
    "one-shot": ("one-shot", "{}", "#D55E00", "-"),
    "best learner": ("one-shot", "best_{}", "0.4", "--"),
    "worst learner": ("one-shot", "worst_{}", "0.4", ":"),
    "K = 10": ("K = 10", "{}", "#0072B2", "-"),
}


def figure3(runs):
    """Figure 3: training loss, training error and test error over local steps, means over seeds."""
    rules = runs.points["run"].map(runs.table["rule"])
    with style.panels(list(PANELS.values())) as (figure, axes):
        for ax, curve in zip(axes, PANELS, strict=True):
            for label, (rule, name, colour, line) in LINES.items():
                of = runs.points[rules == rule]
                values = of[name.format(curve)].groupby(of["local_steps"]).mean()
                values = values if curve == "loss" else 1 - values
                ax.plot(values.index[1:], values.iloc[1:], color=colour, linestyle=line, label=label)
            ax.set_yscale("log")
            style.few_decades(ax.yaxis)
        axes[-1].set_xlabel("local steps of one learner")
        style.legend(figure, axes)
    return figure


def momentum(runs):
    """Training loss over local steps by what an average does to momentum, means over seeds."""
    kinds = runs.points["run"].map(runs.table["momentum_at_average"])
    with style.panels([""]) as (figure, (ax,)):
        for kind, colour in zip(("keep", "average", "reset"), ("#0072B2", "#D55E00", "#000000"), strict=True):
            of = runs.points[kinds == kind]
            values = of["loss"].groupby(of["local_steps"]).mean()
            ax.plot(values.index[1:], values.iloc[1:], color=colour, marker="o", label=kind)
        ax.set(xlabel="local steps of one learner", ylabel="training loss", yscale="log")
        style.few_decades(ax.yaxis)
        style.legend(figure, [ax])
    return figure


PICTURES = (
    Picture(
        "Figure 3: LeNet on MNIST",
        "One-shot averaging, its best and worst learner, and an average every 10 steps. Means over seeds.",
        ("lenet",),
        figure3,
    ),
    Picture(
        "Momentum at an average",
        "Kept by each learner, averaged, or reset; K = 10.",
        ("lenet-momentum",),
        momentum,
    ),
)


def ends(runs, name, rule):
    """A curve at the end of the runs of a rule: a Series over seeds."""
    return runs.table[runs.table["rule"] == rule].set_index("seed")[name]


def lower(first, second, what):
    """A test, paired by seed: whether the first (curve, rule) ends below the second. what : is compared."""

    def test(runs):
        a, b = ends(runs, *first).align(ends(runs, *second), join="inner")  # some may have been interrupted
        if "accuracy" in first[0]:
            a, b = 1 - a, 1 - b
        return below(np.log(a), np.log(b), True, f"log of {what}, difference")

    return test


def worsens(runs):
    """Whether one-shot's loss over its best learner's grows from the first evaluation to the last."""
    points = runs.points[runs.points["run"].isin(runs.table.index[runs.table["rule"] == "one-shot"])]
    points = points[points["local_steps"] > 0]
    behind = np.log(points["loss"] / points["best_loss"]).groupby(points["run"])
    return below(
        behind.first(), behind.last(), True, "log of one-shot over its best learner, first less last"
    )


def _claim(says, test):
    return Claim("section 3.2", says, "", ("lenet",), test)


CLAIMS = (
    _claim("periodic averaging can speed up convergence significantly compared to one-shot averaging",
           lower(("loss", "K = 10"), ("loss", "one-shot"), "training loss")),
    _claim("… but also compared to the best single worker result (training loss)",
           lower(("loss", "K = 10"), ("best_loss", "one-shot"), "training loss")),
    _claim("… but also compared to the best single worker result (test error)",
           lower(("test_accuracy", "K = 10"), ("best_test_accuracy", "one-shot"), "test error")),
    _claim("a single average in the end increases the training loss by improperly combining solutions",
           lower(("best_loss", "one-shot"), ("loss", "one-shot"), "training loss")),
    _claim("the relative performance of one-shot averaging worsens as the number of iterations increases",
           worsens),
    _claim("one-shot averaging is typically worse than the worst single worker's result (training loss)",
           lower(("worst_loss", "one-shot"), ("loss", "one-shot"), "training loss")),
    _claim("one-shot averaging is typically worse than the worst single worker's result (test error)",
           lower(("worst_test_accuracy", "one-shot"), ("test_accuracy", "one-shot"), "test error")),
)  # fmt: skip
