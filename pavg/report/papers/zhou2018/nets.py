"""Figures 1, 2, 5 and 6 asked of LeNet on a part of MNIST: P, K, and the asynchronous methods."""

import pandas as pd

from pavg.report import analysis
from pavg.report.claims import UNDECIDED, Claim, Finding, below
from pavg.report.figures import style
from pavg.report.paper import Experiment, Picture

EXPERIMENT = Experiment(
    "lenet",
    "lenet",
    "LeNet on a part of MNIST: K-AVG over P and K, Downpour and EAMSGD.",
    data=("mnist/t10k-images-idx3-ubyte.gz",),
)
LEARNERS = (8, 32)
PERIODS = {"periodic": (1.0, 16.0, 64.0), "downpour": (16.0,), "eamsgd": (16.0,)}
ASYNCHRONOUS = {"downpour": "Downpour", "eamsgd": "EAMSGD"}
SIZE = (
    "LeNet, 5,000 images of MNIST to learn from and 5,000 to test on, 8,192 samples of all learners, "
    "batches of 4, one step size for all (0.05); three seeds, their means as lines."
)


def accuracies(runs):
    """Test accuracy at the end, a row a seed: columns (method, K, P). NaN for runs that are not there."""
    table = runs.table.assign(found=analysis.final(runs.table, "test_accuracy"))
    found = table.pivot(index="seed", columns=["method", "period", "P"], values="found")
    wanted = [(name, K, P) for name, periods in PERIODS.items() for K in periods for P in LEARNERS]
    return found.reindex(columns=pd.MultiIndex.from_tuples(wanted, names=found.columns.names))


def lower(a, b, what):
    """The finding on whether one accuracy is lower than another, of the seeds that have both."""
    both = a.notna() & b.notna()
    if both.sum() < 2:
        return Finding("", UNDECIDED, f"{both.sum()} of {len(both)} seeds have both runs")
    return below(a[both], b[both], True, what)


def better(method, P):
    """A test: whether K-AVG with K = 16 ends with a better accuracy than an asynchronous method."""

    def test(runs):
        found = accuracies(runs)
        of = (found[name, 16.0, P] for name in (method, "periodic"))
        return lower(*of, f"test accuracy of {ASYNCHRONOUS[method]} less that of K-AVG:")

    return test


def falls(method):
    """A test: whether the accuracy of a method is lower with most learners than with fewest."""

    def test(runs):
        few, many = (accuracies(runs)[method, 16.0, P] for P in LEARNERS)
        return lower(many, few, f"test accuracy with {LEARNERS[1]} learners less that with {LEARNERS[0]}:")

    return test


def not_best(P, K):
    """A test: whether K = 1 ends with a lower accuracy than another K."""

    def test(runs):
        found = accuracies(runs)["periodic"]
        return lower(found[1.0, P], found[float(K), P], f"test accuracy of K = 1 less that of K = {K}:")

    return test


def over_learners(runs):
    """Test accuracy over P: K-AVG, Downpour, EAMSGD, all with K = 16."""
    found = accuracies(runs)
    kinds = {
        "periodic": ("K-AVG", "#0072B2"),
        "downpour": ("Downpour", "#D55E00"),
        "eamsgd": ("EAMSGD", "#009E73"),
    }
    with style.panels([""]) as (figure, (ax,)):
        for (method, (label, colour)), shape in zip(kinds.items(), style.MARKERS, strict=False):
            line = found[method][16.0]
            ax.plot(line.columns, line.mean(), color=colour, marker=shape, label=label)
            ax.plot(line.columns, line.T, ".", color=colour, markersize=2.5)
        ax.set_xscale("log", base=2)
        style.powers_of_two(ax.xaxis, LEARNERS)
        ax.set(xlabel="learners P", ylabel="test accuracy", ylim=(0, 1))
        style.legend(figure, [ax])
    return figure


def over_periods(runs):
    """Test accuracy over K, a line for each P."""
    found = accuracies(runs)["periodic"]
    colours = style.ordered_colours({P: float(P) for P in LEARNERS})
    with style.panels([""]) as (figure, (ax,)):
        for P, shape in zip(LEARNERS, style.MARKERS, strict=False):
            line = found.xs(P, axis=1, level="P").sort_index(axis=1)
            ax.plot(line.columns, line.mean(), color=colours[P], marker=shape, label=f"{P} learners")
            ax.plot(line.columns, line.T, ".", color=colours[P], markersize=2.5)
        ax.set_xscale("log", base=2)
        style.powers_of_two(ax.xaxis, found.columns.unique("period"))
        ax.set(xlabel="K", ylabel="test accuracy")
        style.legend(figure, [ax])
    return figure


PICTURES = (
    Picture("Figures 1 and 2, asked of LeNet", f"K = 16. {SIZE}", (EXPERIMENT.name,), over_learners),
    Picture("Figures 5 and 6, asked of LeNet", f"K-AVG. {SIZE}", (EXPERIMENT.name,), over_periods),
)


def _claim(where, says, test):
    return Claim(where, says, "", (EXPERIMENT.name,), test)


CLAIMS = (
    *(
        _claim("section 4.1", f"K-AVG always achieves better test accuracy than {name} (here: LeNet, "
               f"P = {P})", better(method, P))
        for method, name in ASYNCHRONOUS.items()
        for P in LEARNERS
    ),
    *(
        _claim("section 4.1", f"The test accuracies for {name} decreases as P increases (here: LeNet)",
               falls(method))
        for method, name in ASYNCHRONOUS.items()
    ),
    *(
        _claim("section 4.2", f"smaller K [need not] result in faster convergence (here: LeNet, P = {P}, "
               f"K = 1 against {K})", not_best(P, K))
        for P in LEARNERS
        for K in (16, 64)
    ),
)  # fmt: skip
