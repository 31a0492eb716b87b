"""Algorithms 3 and 1 where one learner is four times slower than the others: seconds to a loss."""

from dataclasses import replace
from functools import cache

import numpy as np

from pavg.report import analysis
from pavg.report.claims import Claim, ratio
from pavg.report.figures import style
from pavg.report.paper import Experiment, Picture

A9A = ("a9a/a9a",)
REAL, TUNING, VIRTUAL = "heterogeneous", "heterogeneous-tuning", "heterogeneous-virtual"
EXPERIMENTS = (
    Experiment(
        TUNING, "heterogeneous_tuning", "2 learners in virtual time: which step size is best?", data=A9A
    ),
    Experiment(
        REAL,
        "heterogeneous",
        "2 real ranks, one of them 4 times slower: seconds to a loss, by turns.",
        data=A9A,
        ranks=2,
    ),
    Experiment(
        VIRTUAL,
        "heterogeneous_virtual",
        "8 learners in virtual time, one of them 4 times slower: seconds to a loss.",
        data=A9A,
    ),
)
FIRST = range(4)  # seeds that tune the step sizes of VIRTUAL
ALGORITHMS = {
    "periodic": "Algorithm 1, as meant",
    "pr-sgd": "Algorithm 1, as printed",
    "heterogeneous": "Algorithm 3",
}
SAYS = "Algorithm 3 can achieve a better performance than Algorithm 1 in heterogeneous networks"


@cache
def seconds(runs):
    """Seconds of the training clock to the runs' target loss: a Series over runs, infinite for never."""
    (target,) = runs.table["stop_target_loss"].unique()
    return analysis.reach(runs.table, runs.points, target, "loss", "time_wall")["at"]


def by_seed(runs):
    """A frame of `seconds`: a row a seed, a column a method, each with the step size that suits it."""
    at, table = seconds(runs), runs.table
    if table["gamma"].nunique() > 1:
        table = analysis.held_out(table, at, FIRST)
    return table.assign(at=at[table.index]).pivot(index="seed", columns="method", values="at")


def best(runs):
    """Method → the step size that gets to the target soonest, in the mean over seeds."""
    table = runs.table.assign(at=seconds(runs))
    return table.groupby(["method", "gamma"])["at"].mean().unstack().idxmin(axis=1).to_dict()


def against(method, runs):
    """The finding on how many times the seconds of Algorithm 3 another method takes, seed by seed.

    Where the other does not get there, its last second counts, so that it takes so many times at least.
    """
    at = by_seed(runs)
    never, last = np.isinf(at[method]), runs.points["time_wall"].max()
    other = at[method].clip(upper=last)
    found = ratio(other, at["heterogeneous"])
    if not found.measured:
        return found
    told = f"{found.measured}: medians {other.median():.3g} s and {at['heterogeneous'].median():.3g} s"
    if not never.any():
        return replace(found, measured=told)
    why = f"{never.sum()} of {len(at)} runs did not get there: their last second counts; {found.why}"
    return replace(found, measured=f"at least {told}", why=why)


def real(runs, tuning):
    """Seconds of real ranks; the step size is that of other seeds in virtual time."""
    found, sizes = against("periodic", runs), best(tuning)
    used = ", ".join(f"{gamma:g}" for gamma in runs.table["gamma"].unique())
    told = f"step size {used}; best of {tuning.table['gamma'].nunique()} in virtual time, other seeds: "
    told += ", ".join(f"{gamma:g} for {ALGORITHMS[name]}" for name, gamma in sizes.items())
    return replace(found, why=f"{found.why}; {told}")


def virtual(method):
    """A test: the virtual seconds of a method over those of Algorithm 3."""

    def test(runs):
        found = against(method, runs)
        return replace(found, why=f"{found.why}; step sizes tuned for each on {len(FIRST)} other seeds")

    return test


def figure(runs):
    """The share of seeds that have got to the target, over seconds: a staircase for each algorithm."""
    at = by_seed(runs)
    colours = dict(zip(ALGORITHMS, ("#0072B2", "#009E73", "#D55E00"), strict=True))
    lines = {"periodic": "-", "pr-sgd": "--", "heterogeneous": "-"}
    with style.panels([""]) as (figure, (ax,)):
        for method in [name for name in ALGORITHMS if name in at]:
            seconds = np.sort(at[method])
            share = np.arange(len(seconds) + 1) / len(seconds)
            how = {"color": colours[method], "linestyle": lines[method], "label": ALGORITHMS[method]}
            ax.step(np.append(0, seconds), share, where="post", **how)
        ax.set(xlim=(0, None), ylim=(0, 1.05), ylabel="share of seeds at the target")
        virtual = (runs.table["clock"] == "virtual").all()
        ax.set_xlabel("virtual seconds" if virtual else "seconds of the training clock")
        style.legend(figure, [ax], 2)
    return figure


PICTURES = (
    Picture(
        "Algorithms 3 and 1 on two real ranks",
        "Logistic regression on a9a; one rank's local steps take four times as long. Seconds to a training "
        "loss of 0.3235, of 16 seeds by turns. Algorithm 1 with the average before the gradient.",
        (REAL,),
        figure,
    ),
    Picture(
        "Algorithms 3 and 1 in virtual time, 8 learners",
        "The same question to a loss of 0.324, 8 learners and given seconds: a local step 50 µs, of one "
        "learner 200 µs, a combination 100 µs. Ten seeds; each algorithm with the step size that four other "
        "seeds found best.",
        (VIRTUAL,),
        figure,
    ),
)
CLAIMS = (
    Claim("Heterogeneous Networks", f"{SAYS} (here: seconds to a loss, two real ranks, one 4 times slower)",
          "", (REAL, TUNING), real),
    Claim("Heterogeneous Networks", f"{SAYS} (here: 8 learners in virtual time, one 4 times slower)", "",
          (VIRTUAL,), virtual("periodic")),
    Claim("Heterogeneous Networks", f"{SAYS} (the same, against Algorithm 1 as printed)", "",
          (VIRTUAL,), virtual("pr-sgd")),
)  # fmt: skip
