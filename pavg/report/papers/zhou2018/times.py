"""Figures 3 and 4, and the end of section 4.3, in given times: what a server costs, and what waiting does."""

from functools import cache

from pavg.report import analysis
from pavg.report.claims import CANNOT, Claim, Finding, below, ratio
from pavg.report.figures import style
from pavg.report.paper import Experiment, Picture

FEW, MANY = 8, 128  # learners
CLOCK = ("exponential", 3e-4)  # law of a step's seconds, a server's seconds for a message: as in scaling.toml
LAWS = {"constant": "steps of 1 ms", "exponential": "steps of 1 ms in the mean, exponential"}
EXPERIMENT = Experiment("times", "times", "K-AVG and Downpour in given times, over P and a server's seconds.")


@cache
def seconds(runs):
    """Virtual seconds for equally many local steps: a Series over (law, service, method, P, seed)."""
    table = runs.table.assign(seconds=analysis.final(runs.table, "time_wall"))
    names = ["clock_compute_law", "clock_service", "method", "P", "seed"]
    return table.set_index(names)["seconds"].sort_index()


def _over_average(found, P):
    """How many times as long as K-AVG Downpour takes for the same samples, by seed, at CLOCK."""
    of = found[CLOCK]
    return (of["downpour", P] / of["periodic", P]).to_numpy()


def faster(runs):
    """Whether Downpour is faster than K-AVG with few learners."""
    of = seconds(runs)[CLOCK]
    return ratio(of["periodic", FEW], of["downpour", FEW])


def grows(runs):
    """Whether K-AVG's speed-up over Downpour grows from few learners to many."""
    found = seconds(runs)
    few, many = _over_average(found, FEW), _over_average(found, MANY)
    return below(few, many, True, f"speed-up with {FEW} learners minus that with {MANY}:")


def theirs(runs):
    """What decides on K-AVG's speed-up over Downpour with many learners."""
    mean = seconds(runs).groupby(["method", "clock_compute_law", "clock_service", "P"]).mean()
    of = (mean["downpour"] / mean["periodic"]).xs(MANY, level="P")["exponential"]
    told = ", ".join(f"{value:.2g} (a server's {1e3 * service:g} ms)" for service, value in of.items())
    return Finding(told, CANNOT, "seconds of their cluster; here: given ones, 16 steps take 16 ms")


def linear(runs):
    """What decides on the speed-up of K-AVG over sequential SGD in seconds an epoch."""
    mean = seconds(runs).groupby(["method", "clock_compute_law", "P"]).mean()["periodic"].unstack("P")
    told = ", ".join(f"{times:.3g} ({LAWS[law]})" for law, times in (mean[1] / mean[MANY]).items())
    return Finding(told, CANNOT, "seconds of their cluster; here: given ones, an average takes 1 ms")


def figure(runs):
    """Seconds of Downpour over those of K-AVG for the same samples, over P, a line for a server's seconds."""
    mean = seconds(runs).groupby(["clock_compute_law", "clock_service", "method", "P"]).mean()
    services = mean.index.unique("clock_service")
    colours = style.ordered_colours({service: rank for rank, service in enumerate(services)})
    with style.panels(list(LAWS.values())) as (figure, axes):
        for ax, law in zip(axes, LAWS, strict=True):
            ax.axhline(1, color="0.4", linewidth=0.8)
            for service in services:
                of = mean[law, service]
                line = (of["downpour"] / of["periodic"]).drop(1)
                label = f"{1e3 * service:g} ms a message"
                ax.plot(line.index, line, color=colours[service], marker="o", label=label)
            ax.set(ylabel="seconds, Downpour / K-AVG", yscale="log")
            ax.set_xscale("log", base=2)
            style.few_decades(ax.yaxis)
            style.powers_of_two(ax.xaxis, mean.index.unique("P").drop(1))
        axes[-1].set_xlabel("P")
        style.legend(figure, axes, 2)
    return figure


NEEDS = (EXPERIMENT.name,)
PICTURES = (
    Picture(
        "Figures 3 and 4, in given times",
        "How many times as long as K-AVG Downpour takes for the same samples, K = 16, in virtual time: a "
        "message and an average take 1 ms, a server works on one message at a time. Where steps vary, K-AVG "
        "waits for the slowest learner; where messages come faster than a server works, they queue.",
        NEEDS,
        figure,
    ),
)
HERE = "here: given times, a server's 0.3 ms for a message"
WHERE = "section 4.1, Figures 3 and 4"
CLAIMS = (
    Claim(WHERE, f"When P = 8, the ASGD implementations are slightly faster ({HERE})", "", NEEDS, faster),
    Claim(WHERE, f"As P increases, the speed-up increases ({HERE})", "", NEEDS, grows),
    Claim(WHERE, "The speed-up of K-AVG over Downpour with 128 learners", "2.5", NEEDS, theirs),
)
EPOCH = (
    Claim("section 4.3", "K-AVG achieves almost linear speed-up in epoch processing time (128 learners)", "",
          NEEDS, linear),
)  # fmt: skip
