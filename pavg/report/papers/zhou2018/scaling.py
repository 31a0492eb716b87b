"""Sections 4.1 and 4.3: K-AVG, Downpour and EAMSGD over P at equal samples, and sequential SGD."""

from functools import cache

import numpy as np
import pandas as pd

from pavg.report import analysis
from pavg.report.claims import Claim, below, equivalent
from pavg.report.figures import style
from pavg.report.paper import Experiment, Picture

TUNING = range(10)  # seeds
METHODS = {"periodic": "K-AVG", "downpour": "Downpour", "eamsgd": "EAMSGD"}
FEW, SOME, MANY = 8, 32, 128  # learners; those of all sizes
NEAR = 0.01  # a share of the test samples: what "comparable" and "random guess" mean, fixed beforehand
DATA = ("a9a/a9a", "a9a/a9a.t")
EXPERIMENT = Experiment(
    "scaling",
    "scaling",
    "K-AVG, Downpour and EAMSGD over P, in virtual time: sigmoid loss on a9a.",
    reduced=(f"grid.P=[{FEW}, {SOME}, {MANY}]",),
    data=DATA,
)
SEQUENTIAL = Experiment("sequential", "sequential", "Sequential SGD: sigmoid loss on a9a.", data=DATA)


@cache
def errors(runs):
    """Test error of each run at its end; of one that diverged, at its beginning."""
    points = runs.points[runs.points["local_steps"] == 0]
    begun = 1.0 - points.set_index("run")["test_accuracy"]
    found = 1.0 - analysis.final(runs.table, "test_accuracy")
    return found.where(np.isfinite(found), begun.reindex(found.index))


@cache
def tuned(runs):
    """Test errors, a Series over (method, P, seed): settings with the least training loss on `TUNING`."""
    loss = analysis.final(runs.table)
    return _by_seed(runs, analysis.held_out(runs.table, loss, TUNING, by=["method", "P"]))


@cache
def shared(runs):
    """(γ0, test errors with it, and with a tenth of it): plain methods share one step size, as in print.

    Plain: no momentum but EAMSGD's, Downpour's updates added up, EAMSGD's beta as its authors have it. γ0 is
    K-AVG's best of all learners: with P = 128, on `TUNING`.
    """
    table = runs.table
    plain = table["momentum"].eq(0.0) | table["method"].eq("eamsgd")
    plain &= table["method_scale"].ne("1/P") & table["method_beta"].fillna(0.9).eq(0.9)
    table = table[plain]
    ours = table[table["method"].eq("periodic") & table["P"].eq(MANY)]
    gamma = analysis.held_out(ours, analysis.final(ours), TUNING, by=["P"])["step_size_gamma"].iloc[0]
    held = table[~table["seed"].isin(TUNING)]
    of = [_by_seed(runs, held[np.isclose(held["step_size_gamma"], g)]) for g in (gamma, gamma / 10)]
    return float(gamma), *of


def _by_seed(runs, table):
    found = table.assign(error=errors(runs)[table.index])
    return found.set_index(["method", "P", "seed"])["error"].sort_index()


def guess(runs):
    """Test error at the beginning, where w = 0 takes every sample for one of the larger class."""
    return 1.0 - float(runs.points.loc[runs.points["local_steps"] == 0, "test_accuracy"].iloc[0])


# --- claims ----------------------------------------------------------------------------------


def better(method, P, of):
    """A test: whether K-AVG's test error is below another method's. of : runs → errors."""

    def test(runs):
        found = of(runs)
        return below(found["periodic", P], found[method, P], True, "test error, K-AVG's minus its:")

    return test


def worse_with_more(method, of):
    """A test: whether a method's test error grows from few learners to many."""

    def test(runs):
        found = of(runs)
        return below(found[method, FEW], found[method, MANY], True, f"test error, P = {FEW} minus {MANY}:")

    return test


def guessing(method, which):
    """A test: whether many learners end at the error of a random guess. which : 1 with γ0, 2 with a tenth."""

    def test(runs):
        found = shared(runs)
        gamma = found[0] if which == 1 else found[0] / 10
        told = f"γ0 = {gamma:g}: test error, minus a guess's: {{}}"
        return equivalent(found[which][method, MANY] - guess(runs), (-NEAR, NEAR), told)

    return test


def learning(method):
    """A test: whether many learners with a tenth of the step size are better than a guess."""

    def test(runs):
        gamma, _, tenth = shared(runs)
        found = tenth[method, MANY]
        return below(found, np.full(len(found), guess(runs)), True, f"γ0 = {gamma / 10:g}: minus a guess's:")

    return test


def comparable(P):
    """A test: whether K-AVG's test error is that of sequential SGD, up to NEAR."""

    def test(runs, sequential):
        apart = tuned(runs)["periodic", P] - tuned(sequential)["periodic", 1]
        return equivalent(apart, (-NEAR, NEAR), "test error, K-AVG's minus SGD's: {}")

    return test


def degraded(runs, sequential):
    """Whether K-AVG with many learners is worse than sequential SGD."""
    one, many = tuned(sequential)["periodic", 1], tuned(runs)["periodic", MANY]
    return below(one, many, True, "test error, SGD's minus K-AVG's:")


def _shared(runs):
    return shared(runs)[1]


OTHERS = ("downpour", "eamsgd")
NEEDS = (EXPERIMENT.name,)
HERE = "here: sigmoid loss on a9a"
CLAIMS = (
    *(
        Claim(
            "section 4.1, Figures 1 and 2",
            f"K-AVG always achieves better test accuracy than {METHODS[method]} ({HERE}, P = {P}, {how})",
            "",
            NEEDS,
            better(method, P, of),
        )
        for how, of in (("one γ0 for all", _shared), ("each with its own settings", tuned))
        for method in OTHERS
        for P in (FEW, SOME, MANY)
    ),
    *(
        Claim(
            "section 4.1",
            f"The test accuracy of {METHODS[method]} decreases as P increases ({how})",
            "",
            NEEDS,
            worse_with_more(method, of),
        )
        for how, of in (("one γ0 for all", _shared), ("own settings", tuned))
        for method in OTHERS
    ),
    *(
        Claim(
            "section 4.1",
            f"When P reaches 128, {METHODS[method]} degrades to random guess (one γ0 for all)",
            "around 10 %, of ten classes",
            NEEDS,
            guessing(method, 1),
        )
        for method in OTHERS
    ),
    Claim("section 4.1", "With a tenth of γ0, Downpour recovers (P = 128)", "80 %, 87 %", NEEDS,
          learning("downpour")),
    Claim("section 4.1", "With a tenth of γ0, EAMSGD still does not converge (P = 128)", "", NEEDS,
          guessing("eamsgd", 2)),
)  # fmt: skip
BOTH = (EXPERIMENT.name, SEQUENTIAL.name)
GAP = (
    Claim("section 4.3, Figure 7", f"K-AVG and SGD achieve comparable accuracies with 8 learners ({HERE})",
          "slightly worse (vgg), better (nin)", BOTH, comparable(FEW)),
    Claim("section 4.3, Figure 7", "K-AVG and SGD achieve comparable accuracies with 32 learners", "",
          BOTH, comparable(SOME)),
    Claim("section 4.3, Figure 7", "With 128 learners, accuracy degrades significantly",
          "up to 8.8 points (vgg), within 1.3 (nin)", BOTH, degraded),
)  # fmt: skip


# --- figures ---------------------------------------------------------------------------------


def figure(runs):
    """Test accuracy over P, a line a method: with one step size for all, and each with its own settings."""
    gamma, same, tenth = shared(runs)
    panels = {
        f"γ0 = {gamma:g} for all": same,
        f"γ0 = {gamma / 10:g} for all": tenth,
        "own settings": tuned(runs),
    }
    shapes = style.markers(METHODS)
    with style.panels(list(panels)) as (figure, axes):
        for ax, found in zip(axes, panels.values(), strict=True):
            ax.axhline(1.0 - guess(runs), color="0.4", linestyle=":", label="majority")
            for method, label in METHODS.items():
                line = 1.0 - found[method].groupby("P").mean()
                ax.plot(line.index, line, marker=shapes[method], label=label)
            ax.set_xscale("log", base=2)
            style.powers_of_two(ax.xaxis, found.index.unique("P"))
            ax.set_ylabel("test accuracy")
        axes[-1].set_xlabel("P")
        style.legend(figure, axes)
    return figure


def gap(runs, sequential):
    """K-AVG's test accuracy minus that of sequential SGD, in points, with intervals: a table."""
    rows, one = [], tuned(sequential)["periodic", 1]
    for P, found in tuned(runs)["periodic"].groupby("P"):
        apart = 100 * (one - found.droplevel("P"))
        rows.append({"P": P, "points": apart.mean(), "standard error": apart.sem(), "seeds": len(apart)})
    return pd.DataFrame(rows)


PICTURES = (
    Picture(
        "Figures 1 and 2, asked of the sigmoid loss on a9a",
        "Test accuracy after 2^19 samples of all learners together, K = 16, batches of 16, the step size "
        "halved twelve times; Downpour and EAMSGD in virtual time. Means of ten seeds; ten others have "
        "chosen, by the training loss: γ0 for K-AVG with 128 learners, or for each method and P the best of "
        "20 settings. A run that diverged counts with the accuracy at its beginning.",
        NEEDS,
        figure,
    ),
)
GAPS = (
    Picture(
        "Figure 7, asked of the sigmoid loss on a9a",
        "Test accuracy of K-AVG minus that of sequential SGD after 2^19 samples, in points; each with its "
        "own settings.",
        BOTH,
        gap,
    ),
)
