"""What a family of runs comes to, in sentences."""

import numpy as np

from pavg.report import analysis


def of(family):
    """Two or three sentences on the lowest loss and on the quickest way to a target."""
    found, subject = [], family.name
    best = family.best[np.isfinite(family.best["middle"].astype(float))]
    if len(best):
        row = best.loc[best["middle"].idxmin()]
        found.append(
            f"{subject}: the lowest final loss, {row['middle']:.5g}, came with P = {row['P']}, "
            f"{_rule(row['rule'])}, step size {row['step_size']}{_seeds(row['seeds'])}."
        )
    real = family.table[family.table["clock"] == "learners"]
    if len(real):  # of one machine: the one that says most
        spread = real.groupby("machine")["P"].agg(["nunique", "size"])
        real = real[real["machine"] == spread.sort_values(["nunique", "size"]).index[-1]]
    if len(real) and family.levels:
        found += _quickest(family, real)
    return found


def _quickest(family, real):
    """On the seconds to the first target, of runs with a rank for each learner."""
    level = family.levels[family.first]
    at = analysis.reach(real, family.points, level, x="time_wall")["at"]
    rows = analysis.best_step_sizes(real, at, timed=True)
    rows = rows[np.isfinite(rows["middle"].astype(float))]
    if len(rows) < 2:
        return []
    first, last = rows.loc[rows["middle"].idxmin()], rows.loc[rows["middle"].idxmax()]
    loss = family.losses[family.first]
    goal = f"{level * 100:g} % of the way left" if loss is None else f"a loss of {loss:.5g}"
    return [
        f"{family.name}: {goal} was reached soonest with P = {first['P']}, {_rule(first['rule'])}, "
        f"step size {first['step_size']}: {first['middle']:.3g} s. The slowest that got there, "
        f"P = {last['P']}, {_rule(last['rule'])}, took {last['middle']:.3g} s."
    ]


def _rule(rule):
    return "one average at the end (K = all)" if rule == analysis.ONE_SHOT else rule


def _seeds(count):
    return f" (median of {count:g} seeds)" if count > 1 else ""


def warnings(table):
    """What a reader must know before comparing times."""
    apart = int((table["clock"] != "learners").sum())
    if apart == len(table):
        return ["No run has a rank for each learner (R = P): no times of P learners, and no speed-up."]
    if apart:
        return [
            f"Seconds of P learners come from {len(table) - apart:,} runs with a rank for each learner "
            f"(R = P); those of the other {apart:,} (hosted, lanes, virtual, or not run for times) are kept "
            "apart."
        ]
    return []
