"""Sections 2.1 to 2.4: what averages can and cannot do on problems that theory knows."""

from scipy import stats

from pavg.report.claims import AGREES, DIFFERS, FAR, LEVEL, UNDECIDED, Claim, Finding, below, equal, number
from pavg.report.paper import Experiment, Picture
from pavg.report.papers.zhang2016 import figures

ROUNDING = 1e-12
EXPERIMENTS = (
    Experiment("example1", "example1", "Example 1: quadratics with one Hessian, eight ways to average."),
    Experiment(
        "example2", "example2", "Example 2: the variance of a learner over k.", reduced=("grid.seed=0:50",)
    ),
    Experiment("lemma1", "lemma1", "Lemma 1 over ζ, M, α and β².", reduced=("grid.seed=0:20",)),
    Experiment("double-well", "double_well", "The double well over ζ.", reduced=("grid.seed=0:100",)),
    Experiment("double-well-k", "double_well_k", "The double well over K.", reduced=("grid.seed=0:50",)),
    Experiment("pca", "pca", "PCA under each reading of the text.", reduced=("grid.seed=0:10",)),
)


def _picture(title, says, name, draw):
    return Picture(title, says, (name,), lambda runs: draw(runs.table))


PICTURES = (
    _picture(
        "Example 2: equation (4)",
        "E‖wₖ − E wₖ‖² of one learner: measured, exact, and the bound with L and c put right and as printed.",
        "example2",
        figures.example2,
    ),
    _picture(
        "Lemma 1",
        "The asymptotic variance of the average over ζ: closed form, and simulation with one standard error.",
        "lemma1",
        figures.lemma1,
    ),
    _picture(
        "The double well over ζ",
        "Final objective of 24 learners' average; circles: in print.",
        "double-well",
        figures.double_well,
    ),
    _picture(
        "The double well over K",
        "Final objective of 24 learners' average, and of one learner.",
        "double-well-k",
        figures.double_well_k,
    ),
    _picture(
        "Figure 1: PCA",
        "The error over the number of averagings, for each reading of what the text leaves open.",
        "pca",
        figures.pca,
    ),
)


def equivalent(runs):
    """Example 1: final averages of all methods are the same model where there is one Hessian."""
    found = figures.example1_values(runs.table, runs.folder)
    return equal(found.loc[found["spread"] == 0, "apart"], ROUNDING, "final models of eight methods")


def bounded(column):
    """A test of Example 2: no measured variance is above a bound by more than three standard errors."""

    def test(runs):
        found = figures.example2_values(runs.table)
        above = (found["mean"] - found[column]) / found["error"]
        worst = found.loc[above.idxmax()]
        told = f"k = {worst['k']:g}: {worst['mean']:.3g} ± {worst['error']:.1g}, bound {worst[column]:.3g}"
        verdict = DIFFERS if above.max() > FAR else AGREES
        return Finding(told, verdict, f"exact: {worst['exact']:.3g}; {worst['seeds']:g} seeds")

    return test


def lemma(runs):
    """Lemma 1: all points within what so many points allow at the page's level."""
    found = figures.lemma1_values(runs.table)
    most, allowed = found["off"].abs().max(), stats.norm.isf((1 - LEVEL ** (1 / len(found))) / 2)
    told = f"{len(found)} points, at most {most:.2f} standard errors from it"
    why = (
        f"allowed for so many: {allowed:.2f}; at least {found['effective'].min():,.0f} effective samples each"
    )
    return Finding(told, AGREES if most <= allowed else DIFFERS, why)


def printed(zeta, value):
    """A test of the double well: the mean objective over seeds against a printed one."""
    return lambda runs: number(runs.final("loss", f"method.zeta == {zeta}"), value, 0.001)


def above_worst(runs):
    """The double well: one-shot averaging against the worst of its own 24 learners."""
    table = runs.where("method.zeta == 0.0")
    return below(table["worst_loss"], table["loss"], True, "worst learner less one-shot:")


def pca_improves(runs):
    """Figure 1: in how many readings six averagings are better than one, seed by seed."""
    found = figures.pca_gain(runs.table)
    half = stats.t.isf((1 - LEVEL) / 2, found["seeds"] - 1) * found["error"]
    better, worse = int((found["mean"] > half).sum()), int((found["mean"] < -half).sum())
    told = f"better in {better} of {len(found)} readings, worse in {worse}; "
    told += f"better in the mean in {(found['mean'] > 0).sum()}"
    verdict = AGREES if better == len(found) else DIFFERS if worse else UNDECIDED
    return Finding(
        told, verdict, f"each at {LEVEL * 100:g} %, paired by {found['seeds'].min():g} seeds; agrees if all"
    )


def pca_resolved(runs):
    """Figure 1: the smallest error with ten samples a learner, against the 0.01 to 0.10 of its axis."""
    found = figures.pca_values(runs.table)
    ten = found[found["source"].isin(["any of its ten", "its ten in order"])]
    first, last = (ten[ten["averagings"] == n]["mean"].min() for n in (1, ten["averagings"].max()))
    verdict = AGREES if first < 0.2 and last < 0.05 else DIFFERS
    return Finding(f"at best {first:.2g} with one averaging, {last:.2g} with six", verdict, "of all readings")


CLAIMS = (
    Claim(
        "2.1, example 1",
        "one-shot averaging is equivalent to mini-batch averaging and any other scheme which interpolates "
        "between the two",
        "",
        ("example1",),
        equivalent,
    ),
    Claim("2.1, (4)", "the variance of worker i's model estimate after k steps is bounded by (4)", "(4)",
          ("example2",), bounded("printed")),
    Claim("2.1, (4)", "the same, with L and c exchanged (ours)", "", ("example2",), bounded("bound")),
    Claim("2.3", "Lemma 1: the asymptotic variance of the average", "the formula", ("lemma1",), lemma),
    Claim("2.4", "one-shot averaging achieves an abysmal average objective of 0.922", "0.922",
          ("double-well",), printed(0.0, 0.922)),
    Claim("2.4", "Averaging even 0.1% of the time improves this to 0.274", "0.274",
          ("double-well",), printed(0.001, 0.274)),
    Claim("2.4", "averaging after 10% of the steps achieves an objective of 0.011", "0.011",
          ("double-well",), printed(0.1, 0.011)),
    Claim("2.4", "one-shot averaging can produce incorrect results (here: it ends above the worst of its own "
          "24 learners)", "", ("double-well",), above_worst),
    Claim("2.4, PCA", "one-shot averaging is not suited for non-convex problems, an issue resolved by more "
          "frequent averaging", "", ("pca",), pca_improves),
    Claim("figure 1", "errors of about 0.1 with one averaging, 0.01 with six (the axis of the figure)",
          "0.01 … 0.10", ("pca",), pca_resolved),
)  # fmt: skip
