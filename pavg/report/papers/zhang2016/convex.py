"""Figure 2 and its table: how much sooner learners that average every 128 steps get to 0.1."""

import numpy as np

from pavg.report import analysis
from pavg.report.claims import UNDECIDED, Claim, Finding, ratio
from pavg.report.figures import style
from pavg.report.paper import TUNED, Experiment, Picture

TARGET = 0.1
OTHERS = "100:110"  # seeds that nothing was tuned on

# name, what it is, its file under the folder of data ("" where the catalogue names it), the paper's speed-up
PAPERS = (
    ("e2006-tfidf", "E2006-tfidf, least squares", "", 2.26),
    ("e2006-log1p", "E2006-log1p, least squares", "", None),
    ("year", "YearPredictionMSD, least squares", "", 1.22),
    ("higgs", "HIGGS, logistic regression", "", 1.32),
    ("rcv1", "rcv1.binary, logistic regression", "", 1.0),
)
HERE = (
    ("blogfeedback", "BlogFeedback, least squares", "blogfeedback/BlogFeedback.zip"),
    ("higgs-excerpt", "7,000 rows of HIGGS, logistic regression", "higgs-excerpt/binary.train"),
    ("a9a", "a9a, logistic regression", "a9a/a9a"),
    ("w8a", "w8a, logistic regression", "w8a/w8a"),
    ("rcv1-subsets", "RCV1 topic subsets, logistic regression", "rcv1-subsets/rcv1_subsets.binary.bz2"),
)


def experiments():
    """The sweeps of Figure 2: the paper's data sets, and real ones that stand beside them."""
    return tuple(
        Experiment(
            name,
            f"figure2/{name.replace('-', '_')}",
            f"Figure 2: {what}.",
            data=file,
            tuned=OTHERS,
            target=TARGET,
        )
        for name, what, file, *_ in (*PAPERS, *HERE)
    )


def pictures():
    """Figure 2: the smallest mean normalised objective over the grid at each iteration."""
    return tuple(
        Picture(
            f"Figure 2: {what}",
            "The smallest mean objective over the grid of step sizes at each iteration: 1 at the start, 0 at "
            "the optimum. Three shuffles.",
            (name,),
            draw,
        )
        for name, what, *_ in (*PAPERS, *HERE)
    )


def draw(runs):
    """Figure 2: all four methods in one panel, over the local steps of one learner."""
    lines = analysis.envelope(runs.table, runs.points, "normalised", "local_steps")
    rule = _rules(runs.table)
    groups, _ = analysis.grouped(runs.table, without=("step_size",))
    rule_of = rule.groupby(groups).first()
    colours = style.ordered_colours(
        {"one-shot": np.nan, "single learner": np.nan, "K = 128": 0, "K = 1024": 1}
    )
    with style.panels([""]) as (figure, (ax,)):
        for (name, colour), shape in zip(colours.items(), style.MARKERS, strict=False):
            line = lines[lines["group"].map(rule_of) == name]
            ax.plot(line["x"], line["mean"], color=colour, marker=shape, markevery=0.2, label=name)
        ax.axhline(TARGET, color="0.5", linestyle=":", linewidth=0.8)
        ax.set(xlabel="local steps of one learner", ylabel="normalised objective", yscale="log")
        style.legend(figure, [ax], 2)
    return figure


def _rules(table):
    return table["rule"].where(table["P"] > 1, "single learner")


def steps_to_target(runs):
    """Local steps to the target of runs by seed: a column a rule."""
    at = analysis.reach(runs.table, runs.points, TARGET, x="local_steps")["at"]
    told = runs.table.assign(rule=_rules(runs.table), at=at)
    return told.pivot_table(index="seed", columns="rule", values="at")


def speed_up(printed):
    """A test of tuned runs: the steps of one-shot averaging over those of K = 128."""

    def test(runs):
        at = steps_to_target(runs)
        if not {"one-shot", "K = 128"} <= set(at):
            return Finding("", UNDECIDED, "no step size of the grid gets there with every seed")
        return ratio(at["one-shot"], at["K = 128"], printed=printed)

    return test


def claims():
    """Figure 2f for the paper's sets; the same question asked of the others."""
    found = [
        Claim(
            "figure 2f",
            f"{what}: averaging every 128 steps gets to 0.1 sooner than one-shot averaging",
            "more than 3 times" if printed is None else f"{printed:g} times",
            (name + TUNED,),
            speed_up(printed),
        )
        for name, what, _, printed in PAPERS
    ]
    found += [
        Claim(
            "figure 2",
            f"{what}: periodic averaging is faster than one-shot",
            "",
            (name + TUNED,),
            speed_up(None),
        )
        for name, what, _ in HERE
    ]
    return tuple(found)
