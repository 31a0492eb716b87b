"""Figures of section 2, and the numbers in them, of the results of the sweeps beside this file.

    runs = analysis.runs(pavg.open_results("results/lemma1"))
    lemma1_values(runs)                       # a row a point: mean over seeds, its standard error, theory
    lemma1(runs)                              # the same as a figure

Numbers are means over seeds; a standard error is that of independent seeds.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from pavg import open_results
from pavg.problems.quadratic import Quadratic
from pavg.report.figures import style
from pavg.theory import zhang2016 as theory

PRINTED = {0.0: 0.922, 0.001: 0.274, 0.1: 0.011}  # section 2.4: ζ → objective of the double well
EXACT = {"color": "#0072B2", "label": "exact"}
SOURCES = ("any of its ten", "its ten in order", "any of all 480", "a new one each step")


def means(values, *by):
    """One row a point, over seeds: `mean`, `error` (standard error), `deviation`, `seeds`.

    values : Series over runs; by : Series over runs whose values tell points apart.
    """
    found = values.groupby(list(by)).agg(mean="mean", error="sem", deviation="std", seeds="size")
    return found.reset_index()


# section 2.1


def example1_values(runs, folder):
    """How far final averages are apart, whatever the method: one row for each spread and seed.

    `apart` : the largest ‖w − w'‖∞ of two methods over the largest ‖w‖∞; `methods` : how many there are.
    folder : where the files of `runs` lie
    """
    rows = []
    for (spread, seed), some in runs.groupby(["problem_spread", "seed"]):
        w = np.array([open_results(Path(folder) / file)["w"].values for file in some["file"]])
        apart = np.ptp(w, axis=0).max() / np.abs(w).max()
        rows.append({"spread": spread, "seed": seed, "apart": apart, "methods": len(w)})
    return pd.DataFrame(rows)


def example2_values(runs):
    """E‖w_k − E w_k‖² over k: measured, by the exact recursion, and eq. (4) put right and as printed.

    Learners are independent, so that M/(M − 1) times their drift is an unbiased estimate.
    """
    first = runs.iloc[0]
    table = json.loads(first["config"])["problem"]
    problem = Quadratic(**{key: value for key, value in table.items() if key != "name"})
    (X, _), d, alpha = problem.samples(1, 0), problem.d, first["gamma"]
    H, noise = X[:, : d * d].mean(axis=0).reshape(d, d), np.cov(X[:, d * d :].T, bias=True)
    eigenvalues = np.linalg.eigvalsh(H)
    case = {"alpha": alpha, "c": eigenvalues[0], "L": eigenvalues[-1], "sigma2": np.trace(noise)}
    found = means(runs["drift"] * runs["P"] / (runs["P"] - 1), runs["local_steps"].rename("k"))
    C, exact = np.zeros((d, d)), {}
    for k in range(1, int(found["k"].max()) + 1):
        C = theory.covariance_step(C, alpha=alpha, H=H, noise=noise)
        exact[k] = np.trace(C)
    found["exact"] = found["k"].map(exact)
    found["bound"] = [theory.variance_bound(k, **case) for k in found["k"]]
    found["printed"] = [theory.printed_variance_bound(k, **case) for k in found["k"]]
    return found


def example2(runs):
    """Example 2: the variance of a learner's model over k, and both bounds."""
    found = example2_values(runs)
    with style.panels([""]) as (figure, axes):
        (ax,) = axes
        ax.plot(found["k"], found["bound"], color="#D55E00", marker="^", label="(4), L and c put right")
        ax.plot(found["k"], found["exact"], **EXACT)
        _points(ax, found["k"], found, color="black")
        ax.plot(
            found["k"], found["printed"], color="#D55E00", linestyle="--", marker="v", label="(4) as printed"
        )
        ax.set_xscale("log", base=2)
        style.powers_of_two(ax.xaxis, found["k"])
        ax.set_yscale("log")
        style.few_decades(ax.yaxis)
        ax.set_xlabel("local steps k")
        ax.set_ylabel("E‖wₖ − E wₖ‖²")
        style.legend(figure, axes, columns=2)
    return figure


# section 2.3


def lemma1_values(runs):
    """Var(w̄) over ζ, M, α and β²: measured as 2/c times the loss, and in closed form.

    `off` : difference in standard errors; `effective` : so many independent samples of w̄² at least would have
    this standard error. (Given coins and b̃, w̄ is normal: its kurtosis is 3 at least, Var(w̄²) ≥ 2 Var(w̄)².)
    """
    beta2 = (runs["problem_beta"] ** 2).round(12).rename("beta2")
    by = runs["method_zeta"], runs["P"], runs["gamma"], beta2, runs["problem_sigma"], runs["problem_c"]
    found = means(2.0 * runs["loss"] / runs["problem_c"], *by)
    found = found.rename(columns={"method_zeta": "zeta", "P": "M", "gamma": "alpha", "problem_c": "c"})
    found["exact"] = [_closed_form(row, row["zeta"]) for _, row in found.iterrows()]
    found["off"] = (found["mean"] - found["exact"]) / found["error"]
    found["effective"] = 2.0 * (found["exact"] / found["error"]) ** 2
    return found


def lemma1(runs):
    """Lemma 1: the variance of the average over ζ; a panel each for M, α and β²."""
    found = lemma1_values(runs)
    names = {"M": "M", "alpha": "α", "beta2": "β²"}
    usual = {name: found[name].mode()[0] for name in names}
    titles = [", ".join(f"{names[n]} = {usual[n]:g}" for n in names if n != name) for name in names]
    with style.panels(titles) as (figure, axes):
        figure.set_figheight(4.8)
        for ax, name in zip(axes, names, strict=True):
            rest = [found[other] == usual[other] for other in names if other != name]
            _lines(ax, found[rest[0] & rest[1]], name, names[name])
        _rates(axes[-1], found["zeta"])
    return figure


def _lines(ax, found, name, sign):
    """Points and closed form over ζ, a colour for each value of a parameter."""
    zeta = np.concatenate([np.linspace(0, 0.01, 20), np.geomspace(0.01, found["zeta"].max() * 1.1, 60)])
    values = sorted(found[name].unique())
    colours, shapes = style.ordered_colours({value: value for value in values}), style.markers(values)
    for value in values:
        one = found[found[name] == value]
        ax.plot(zeta, [_closed_form(one.iloc[0], z) for z in zeta], color=colours[value], linewidth=0.9)
        _points(ax, one["zeta"], one, color=colours[value], marker=shapes[value])
        start = one["zeta"].min(), one["exact"].max()
        ax.annotate(f"{sign} = {value:g}", start, (6, 3), textcoords="offset points", fontsize=7)
    if style.logarithmic(found["mean"]):
        ax.set_yscale("log")
        style.few_decades(ax.yaxis)
    ax.margins(y=0.2)
    ax.set_ylabel("Var(w̄)")


def _closed_form(row, zeta):
    case = {name: row[name] for name in ("alpha", "c", "beta2", "M")}
    return theory.asymptotic_variance(zeta=zeta, sigma2=row["problem_sigma"] ** 2, **case)


# section 2.4


def double_well_values(runs):
    """The final objective of the double well over ζ, and what is printed."""
    found = means(runs["loss"], runs["method_zeta"].rename("zeta"))
    return found.assign(printed=found["zeta"].map(PRINTED))


def double_well(runs):
    """The double well: the final objective over the rate of averaging."""
    found = double_well_values(runs)
    with style.panels([""]) as (figure, axes):
        (ax,) = axes
        _points(ax, found["zeta"], found, color="#0072B2", linestyle="-")
        ax.plot(
            found["zeta"],
            found["printed"],
            "o",
            markersize=7,
            fillstyle="none",
            color="#D55E00",
            label="in print",
        )
        _rates(ax, found["zeta"])
        _objective(ax)
        style.legend(figure, axes)
    return figure


def double_well_k_values(runs):
    """The final objective of the double well over P and K (`period`, infinite for one-shot averaging)."""
    return means(runs["loss"], runs["P"], runs["period"])


def double_well_k(runs):
    """The double well: the final objective over K, and of a single learner."""
    found = double_well_k_values(runs)
    several, single = found[found["P"] > 1], found[found["P"] == 1]
    finite = np.isfinite(several["period"])
    places = several["period"].where(finite, 4 * several.loc[finite, "period"].max())
    with style.panels([""]) as (figure, axes):
        (ax,) = axes
        _points(ax, places, several, color="#0072B2", linestyle="-", label=f"P = {several['P'].iloc[0]}")
        for _, row in single.iterrows():
            ax.axhline(row["mean"], color="0.4", linestyle="--", linewidth=0.9, label="one learner")
        ax.set_xscale("log")
        ax.minorticks_off()
        style.periods(ax, list(places), [f"{K:g}" if np.isfinite(K) else "all" for K in several["period"]])
        _objective(ax)
        style.legend(figure, axes)
    return figure


def pca_values(runs):
    """The error over the number of averagings, a line a reading (the columns before it)."""
    return means(runs["loss"], *_readings(runs), runs["rounds"].rename("averagings"))


def pca_gain(runs):
    """How much smaller the error is with most averagings than with one, seed by seed, for each reading.

    Runs of a seed have the same samples and start: `error` is that of the differences' mean.
    """
    of_seed = means(runs["loss"], *_readings(runs), runs["seed"], runs["rounds"].rename("averagings"))
    names = list(of_seed.columns[: of_seed.columns.get_loc("averagings")])
    of_seed = of_seed.pivot(index=names, columns="averagings", values="mean")
    gain = (of_seed[of_seed.columns.min()] - of_seed[of_seed.columns.max()]).reset_index(name="gain")
    return means(gain["gain"], *(gain[name] for name in names if name != "seed"))


def _readings(runs):
    """Where samples come from, steps, step size, spectrum, and whether ‖w‖ = 1: Series over runs."""
    new = runs["problem_samples_each"] >= runs["stop_steps"]
    cases = {2: runs["partition"] == "pool", 3: new, 1: runs["sampling"] == "order"}
    source = np.select(list(cases.values()), [SOURCES[k] for k in cases], SOURCES[0])
    return (
        pd.Series(source, runs.index, name="source"),
        runs["stop_steps"].rename("steps"),
        runs["gamma"],
        runs["problem_spectrum"].rename("spectrum"),
        runs["problem_normalised"].astype(bool).rename("normalised"),
    )


def pca(runs):
    """Figure 1: the error over the number of averagings; a row a source of samples, a column a step size."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    found = pca_values(runs)
    columns = list(found[["steps", "gamma"]].drop_duplicates().itertuples(index=False, name=None))
    colours = {"deviations": "#0072B2", "variances": "#D55E00"}
    with rc_context(style.RC):
        figure = Figure(figsize=(2 * style.WIDTH, 1.5 * len(SOURCES) + 0.5), layout="constrained")
        grid = figure.subplots(len(SOURCES), len(columns), squeeze=False, sharex=True, sharey=True)
        for axes, source in zip(grid, SOURCES, strict=True):
            axes[0].set_ylabel(f"error\n({source})")
            for ax, (steps, gamma) in zip(axes, columns, strict=True):
                here = (found["source"] == source) & (found["steps"] == steps) & (found["gamma"] == gamma)
                for (spectrum, normalised), one in found[here].groupby(["spectrum", "normalised"]):
                    how = {"color": colours[spectrum], "linestyle": "-" if normalised else ":"}
                    how |= {"marker": "o" if normalised else "s"}
                    label = f"{spectrum}, {'‖w‖ = 1' if normalised else 'as printed'}"
                    _points(ax, one["averagings"], one, label=label, **how)
                ax.set_yscale("log")
        for ax, (steps, gamma) in zip(grid[0], columns, strict=True):
            ax.set_title(f"{steps:,} steps, γ = {gamma:g}")
        for ax in grid[-1]:
            ax.set_xlabel("averagings")
            ax.set_xticks(sorted(found["averagings"].unique()))
        style.legend(figure, grid.ravel())
    return figure


def _points(ax, x, found, **how):
    """Means with bars of one standard error."""
    how = {"linestyle": "none", "marker": "o", "label": "measured"} | how
    ax.errorbar(x, found["mean"], found["error"], elinewidth=0.8, capsize=1.5, **how)


def _rates(ax, zetas):
    """An axis of ζ: logarithmic, with a place for 0."""
    zetas = np.sort(zetas.unique())
    ax.set_xscale("symlog", linthresh=zetas[zetas > 0].min(), linscale=0.5)
    ax.set_xticks(zetas, [f"{zeta:g}" for zeta in zetas], rotation=45)
    ax.minorticks_off()
    ax.set_xlim(left=-0.2 * zetas[zetas > 0].min())
    ax.set_xlabel("rate of averaging ζ")


def _objective(ax):
    ax.set_yscale("log")
    ax.set_ylabel("objective (w̄² − 1)²")
