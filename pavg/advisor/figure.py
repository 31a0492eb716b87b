"""Seconds to a loss over K, with the band of what is left open."""

import numpy as np

from pavg.report.figures import style


def seconds(answers):
    """The figure of several answers, a panel each; the advised K is ringed.

    answers : name of a run → `pavg.advisor.asking.Answer`; one without choices has an empty panel
    """
    with style.panels(list(answers)) as (figure, axes):
        for ax, answer in zip(axes, answers.values(), strict=True):
            found = [one for one in answer.advice.choices if np.isfinite(one.seconds.middle)]
            K = [one.K for one in found]
            low, middle, high = (
                np.array([getattr(one.seconds, end) for one in found]) for end in ("low", "middle", "high")
            )
            ax.set(yscale="log", ylabel="seconds to the loss")
            ax.set_xscale("log", base=2)
            style.powers_of_two(ax.xaxis, K)
            ax.plot(K, middle, color="#0072B2", marker=style.MARKERS[0], label="foretold")
            top = np.where(np.isfinite(high), high, 10 * middle)  # never is drawn as far above
            ax.fill_between(K, low, top, color="#0072B2", alpha=0.15, linewidth=0, label="between")
            if answer.advice.best is not None:
                best = answer.advice.best
                ring = {"markersize": 9, "fillstyle": "none", "color": "#D55E00", "label": "advised"}
                ax.plot(best.K, best.seconds.middle, "o", **ring)
        axes[-1].set_xlabel("K")
        style.legend(figure, axes)
    return figure
