"""Figure 3: ResNet-20 on CIFAR-10, averages every 1 to 32 steps."""

from dataclasses import replace

from pavg.report.claims import Claim, equivalent
from pavg.report.figures import style
from pavg.report.paper import Experiment, Picture

MARGIN = 1.1  # how many times as large is nearly the same; one seed of I = 1 and I = 32 had been seen
SIZE = ("problem_depth", "problem_width", "n_samples", "batch_size")
BATCHES = "cifar-10-batches-bin"
EXPERIMENT = Experiment(
    "resnet20",
    "resnet20",
    "Figure 3: a residual net on CIFAR-10, 8 learners.",
    reduced=(
        "problem.depth=8",
        "problem.width=4",
        'data.test_path=""',
        "batch_size=8",
        "stop.epochs=2",
        "step_size.at_points=[1, 1.8]",
        "evaluate.every=128",
        "grid.seed=0:3",
    ),
    data=(f"{BATCHES}/data_batch_*.bin", f"{BATCHES}/test_batch.bin"),
    part=(f"{BATCHES}/data_batch_1.bin",),
)


def figure(runs):
    """The training loss over epochs of all learners, a line for each I, means over seeds."""
    rules = runs.points["run"].map(runs.table["rule"])
    periods = dict(
        sorted(zip(runs.table["rule"], runs.table["period"], strict=True), key=lambda pair: pair[1])
    )
    colours = style.ordered_colours(periods)
    with style.panels([""]) as (figure, (ax,)):
        for (rule, period), shape in zip(periods.items(), style.MARKERS, strict=False):
            of = runs.points[rules == rule]
            epochs = of["samples"] / of["run"].map(runs.table["n_samples"])
            line = of["loss"].groupby(epochs).mean()
            ax.plot(line.index, line, color=colours[rule], marker=shape, label=f"I = {period:g}")
        ax.set(xlabel="epochs of all learners together", ylabel="training loss", yscale="log")
        style.few_decades(ax.yaxis)
        style.legend(figure, [ax], 3)
    return figure


def near(period):
    """A test: whether the loss at the end is that of I = 1, up to MARGIN, seed by seed."""

    def test(runs):
        ends = runs.table.pivot(index="seed", columns="period", values="loss")
        ratios = (ends[period] / ends[1.0]).to_numpy()
        told = f"{{}} times the final loss of I = 1 ({ends[1.0].mean():.3g})"
        found = equivalent(ratios, (1 / MARGIN, MARGIN), told, times=True)
        net = {name: int(runs.table[name].iloc[0]) for name in SIZE}
        epochs = runs.points["samples"].max() / net["n_samples"]
        size = f"ResNet-{net['problem_depth']}, {net['problem_width']} maps, {epochs:.3g} epochs of "
        size += f"{net['n_samples']:,} images, batches of {net['batch_size']}"
        return replace(found, why=f"{found.why}; {size}")

    return test


PICTURES = (
    Picture(
        "Figure 3",
        "Training loss over epochs, 8 learners, means over seeds. In the reduced size: ResNet-8 with 4, 8 "
        "and 16 maps for ResNet-20 with 16, 32 and 64, batches of 8 for 32, 2 epochs of one file (a fifth of "
        "CIFAR-10) for 300 of all, the step size divided by 10 at epochs 1 and 1.8.",
        (EXPERIMENT.name,),
        figure,
    ),
)
CLAIMS = tuple(
    Claim(
        "Figure 3",
        f"Training loss of ResNet20 over CIFAR10: over epochs that of I = {I} is nearly that of I = 1 "
        "(drawn, not said)",
        "",
        (EXPERIMENT.name,),
        near(float(I)),
    )
    for I in (4, 8, 16, 32)  # noqa: E741 (as the paper has it)
)
