"""Figure 2 and its table: how much sooner learners that average every 128 steps get to 0.1."""

from dataclasses import replace
from functools import cache

import numpy as np

from pavg.report import analysis
from pavg.report.claims import AGREES, DIFFERS, UNDECIDED, Claim, Finding, below, ratio
from pavg.report.figures import style
from pavg.report.paper import TUNED, Experiment, Picture
from pavg.report.papers.zhang2016.speedup import speed_up, speed_ups
from pavg.report.papers.zhang2016.table1 import table

TARGET = 0.1
VARIANCE = "-variance"  # ends the names of Table 1's experiments
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
RHO = (("rho", "rho", "dense"), ("rho-sparse", "rho_sparse", "sparse"))  # name, sweep, kind of rows


def experiments():
    """Figure 2 and Table 1, of the paper's data sets and of real ones that stand beside them; and over ρ."""
    sweeps = tuple(
        Experiment(
            name,
            f"figure2/{name.replace('-', '_')}",
            f"Figure 2: {what}.",
            data=(file,) if file else (),
            tuned=OTHERS,
            target=TARGET,
        )
        for name, what, file, *_ in (*PAPERS, *HERE)
    )
    variances = tuple(
        Experiment(
            name + VARIANCE,
            f"{'stand_ins' if file else 'table1'}/{name.replace('-', '_')}",
            f"Table 1: {what.split(',')[0]}.",
            "variance",
            data=(file,) if file else (),
        )
        for name, what, file, *_ in (*PAPERS, *HERE)
    )
    rho = tuple(
        Experiment(name, spec, f"Synthetic {kind} least squares of known ρ.", reduced=("stop.steps=6_000",))
        for name, spec, kind in RHO
    )
    return (*sweeps, *rho, *variances)


def pictures():
    """Figure 2, Table 1, and the speed-up over ρ."""
    figure2 = tuple(
        Picture(
            f"Figure 2: {what}",
            "The smallest mean objective over the grid of step sizes at each iteration: 1 at the start, 0 at "
            "the optimum. Three shuffles.",
            (name,),
            draw,
        )
        for name, what, *_ in (*PAPERS, *HERE)
    )
    over_rho = tuple(
        Picture(
            f"Speed-up over ρ, {kind} rows",
            "Synthetic least squares of known ρ, which the paper could not vary: iterations of one-shot "
            "averaging over those of K steps, to normalised objectives of 0.1, 0.01 and 0.001; step sizes "
            "tuned on three seeds, ratios on ten others. A triangle: at least.",
            (name,),
            lambda runs: speed_up(runs.table, runs.points),
        )
        for name, _, kind in RHO
    )
    tables = tuple(
        Picture(
            f"Table 1: {what.split(',')[0]}",
            "σ² = Δ(w*); β² the mean curvature on random lines, as the paper takes it; ρ of that, of "
            "λmax(Q), of the largest ratio, and of the pair for which (5) holds.",
            (name + VARIANCE,),
            table1,
        )
        for name, what, *_ in (*PAPERS, *HERE)
    )
    return (*figure2, *over_rho, *tables)


def table1(told):
    """Rows of Table 1 with their intervals, as texts."""
    rows = table(told)
    made = rows[["data", "problem", "l2", "n", "d", "density", "sigma2"]].rename(columns={"sigma2": "σ²"})
    for name, sign in (("beta2", "β²"), ("rho", "ρ")):
        ends = zip(rows[name], rows[f"{name}_low"], rows[f"{name}_high"], strict=True)
        made[sign] = [f"{value:.3g} ({low:.3g} … {high:.3g})" for value, low, high in ends]
    for name, sign in (
        ("rho_largest", "ρ, λmax"),
        ("rho_ratio", "ρ, ratio"),
        ("rho_envelope", "ρ, envelope"),
    ):
        made[sign] = rows.get(name, np.nan)
    return made


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
    """(Local steps to the target, of one-shot averaging and of K = 128, by seed; how many are never).

    Where one-shot averaging does not get there, its last step counts, so that what K = 128 gains is at least
    that; where no step size of the grid does, it was not run again, and is never, too.
    """
    at = analysis.reach(runs.table, runs.points, TARGET, x="local_steps")["at"]
    told = runs.table.assign(rule=_rules(runs.table), at=at)
    found = told.pivot_table(index="seed", columns="rule", values="at")
    found = found.reindex(columns=["one-shot", "K = 128"], fill_value=np.inf)
    late = int(np.isinf(found["one-shot"]).sum())
    found["one-shot"] = found["one-shot"].clip(upper=runs.points["local_steps"].max())
    return found, late


def faster(printed):
    """A test of tuned runs: the steps of one-shot averaging over those of K = 128."""

    def test(runs):
        at, late = steps_to_target(runs)
        found = ratio(at["one-shot"], at["K = 128"], printed=None if late else printed)
        if late and found.measured:
            why = f"one-shot averaging did not get there on {late} of {len(at)} seeds: its last step counts"
            return replace(found, measured=f"at least {found.measured}", why=f"{why}; {found.why}")
        return found

    return test


@cache
def gain(runs):
    """Rows of `speed_ups` of K = 128 to the paper's target, by ρ, and each as a text."""
    found = speed_ups(runs.table, runs.points, (TARGET,))
    found = found[found["rule"] == "K = 128"].sort_values("rho")
    ends = zip(found["rho"], found["ratio"], found["low"], found["high"], strict=True)
    return found, [
        f"ρ = {rho:g}: {ratio:.3g} times ({low:.3g} … {high:.3g})" for rho, ratio, low, high in ends
    ]


def much_where_large(runs):
    """A test: whether the gain at the largest ρ is above that at the smallest."""
    found, told = gain(runs)
    first, last = found.iloc[0], found.iloc[-1]
    verdict = AGREES if last["low"] > first["high"] else DIFFERS if last["high"] < first["low"] else UNDECIDED
    return Finding(f"{told[0]}; {told[-1]}", verdict, f"intervals over {len(found)} ρ at once, 10 seeds")


def little_where_small(runs):
    """A test: whether there is a measurable gain at the smallest ρ; what is little the paper does not say."""
    found, told = gain(runs)
    verdict = AGREES if found["low"].iloc[0] <= 1 <= found["high"].iloc[0] else UNDECIDED
    return Finding(
        told[0], verdict, "agrees where 1 lies within; a measurable gain may still be a little one"
    )


def larger(many, few):
    """A test of variances: whether all ρ of the first kind of sets are above those of the second."""

    def test(*told):
        rho = [float(table(one)["rho"].iloc[0]) for one in told]
        first, second = rho[: len(many)], rho[len(many) :]
        verdict = AGREES if min(first) > max(second) else DIFFERS
        return Finding(", ".join(f"{value:.3g}" for value in rho), verdict, "each measured once, on all rows")

    return test


def less_for_classes(*runs):
    """A test of tuned runs, the last of least squares: whether logistic ones gain less from K = 128."""
    gains, late = [], 0
    for one in runs:
        at, late_here = steps_to_target(one)
        gains.append((np.log(at["one-shot"]) - np.log(at["K = 128"])).to_numpy())
        late += late_here if one is not runs[-1] else 0  # a larger gain of least squares says the same
    if late or not np.isfinite(np.concatenate(gains)).all():
        return Finding("", UNDECIDED, "some runs did not get there")
    return below(np.concatenate(gains[:-1]), gains[-1], False, "difference of logarithms")


def claims():
    """What section 3.1 says; Figure 2f's question is asked of the sets that are here, too."""
    squares, sparse = "year" + VARIANCE, ("e2006-tfidf" + VARIANCE, "e2006-log1p" + VARIANCE)
    logistic = tuple(name + TUNED for name, what, _ in HERE if "logistic" in what)
    found = [
        Claim(where, f"{says} (here: synthetic {kind} rows)", "", (name,), test)
        for where, says, test in (
            (
                "section 2.2",
                "we expect that speedups will mostly be observed when the first variance term dominates, "
                "i.e., ρ … is large",
                much_where_large,
            ),
            (
                "section 3.1",
                "when ρ is small, … periodic averaging yields little or no measurable benefits",
                little_where_small,
            ),
        )
        for name, _, kind in RHO
    ]
    found += [
        Claim(
            "section 3.1",
            "ρ is considerably larger for sparse E2006-tfidf and E2006-log1p than dense YearPrediction",
            "4.046e9, 8.032e8; 2.865",
            (*sparse, squares),
            larger(sparse, (squares,)),
        ),
        Claim(
            "section 3.1",
            "The gap becomes smaller for logistic regression on both sparse and dense data (here: four sets "
            "of classes against BlogFeedback)",
            "",
            (*logistic, "blogfeedback" + TUNED),
            less_for_classes,
        ),
    ]
    found += [
        Claim(
            "figure 2f",
            f"{what}: averaging every 128 steps gets to 0.1 sooner than one-shot averaging",
            "more than 3 times" if printed is None else f"{printed:g} times",
            (name + TUNED,),
            faster(printed),
        )
        for name, what, _, printed in PAPERS
    ]
    found += [
        Claim(
            "figure 2",
            f"Periodic averaging (K = 128) gets to 0.1 sooner than one-shot averaging, asked of {what}",
            "",
            (name + TUNED,),
            faster(None),
        )
        for name, what, _ in HERE
    ]
    return tuple(found)
