"""What axes and captions say."""

import numpy as np

from pavg.report.analysis import CLOCKS

X = {
    "samples": ("samples", "samples of all learners"),
    "steps": ("local_steps", "local steps of each learner"),
    "rounds": ("rounds", "averages"),
    "seconds": ("time_wall", "seconds of the training clock"),
}
Y = {
    "loss": "training objective",
    "normalised": "normalised objective",
    "test_loss": "test loss",
    "accuracy": "training accuracy",
    "test_accuracy": "test accuracy",
    "grad_norm": "norm of the gradient",
    "drift": "drift (mean squared distance)",
}


def seeds(counts):
    """ "5 seeds", "3 to 5 seeds"."""
    counts = sorted(set(int(count) for count in counts))
    if not counts:
        return "no seeds"
    span = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    return f"{span} seed{'s' if counts[-1] > 1 else ''}"


def scaled(table, told):
    """What the normalised objective is scaled by. told : `optima` of these runs."""
    given = told["given"].reindex(table.index)
    if given.all():
        by = "f*, as given"
    elif given.any():
        by = "f*, as given or, where it was not, the smallest loss of all runs there"
    else:
        by = "the smallest loss of all runs there, to which its own curve must fall"
    return f"Normalised objective: 1 at the start, 0 at {by}."


def left_out(table, kept):
    """A sentence about the runs whose times are not those of P learners, "" if there are none."""
    clocks = table.loc[~table.index.isin(kept.index), "clock"].value_counts()
    parts = [f"{count} ({CLOCKS[clock]})" for clock, count in clocks.items()]
    return f"Left out: {'; '.join(parts)}." if parts else ""


def ended(table):
    """A sentence about runs that did not end well, "" if there are none."""
    counts = table["status"].value_counts().drop("ok", errors="ignore")
    return (
        f"Of {len(table)} runs, {', '.join(f'{n} {status}' for status, n in counts.items())}."
        if len(counts)
        else ""
    )


def tuned(best):
    """A sentence about how step sizes were chosen, "" if there was nothing to choose."""
    if not len(best) or best["tried"].max() == 1:
        return ""
    most, edge = int(best["tried"].max()), int(best["edge"].astype(bool).sum())
    text = f"Step size: the best of up to {most}, by the median over seeds"
    return text + (f"; at the edge of the grid for {edge} of {len(best)}." if edge else ".")


def none_left(best):
    """A sentence about what has no step size with a finite median, "" if there is none."""
    lost = best[~np.isfinite(best["middle"].astype(float))]
    names = [name or "all runs" for name in lost["label"]]
    return f"Diverged, or did not get there, with every step size: {'; '.join(names)}." if names else ""
