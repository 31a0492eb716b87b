"""What result files say: pure functions, which figures and the page share.

data = pavg.open_results("all.h5")       # merged: run, evaluation, rank
table = analysis.runs(data)              # a row a run; choose rows as you like
points = analysis.curves(data, table)    # a row an evaluation
analysis.bands(table, points, y="loss", x="samples")
"""

from pavg.report.analysis.choice import best_step_sizes, held_out, period_map
from pavg.report.analysis.curves import QUANTILES, bands, curves, envelope, optima
from pavg.report.analysis.runs import (
    CLOCKS,
    ONE_SHOT,
    chosen,
    differing,
    grouped,
    period_of,
    runs,
    settings,
)
from pavg.report.analysis.scaling import seconds_for, speedups
from pavg.report.analysis.split import PHASES, split_over_runs, time_split
from pavg.report.analysis.targets import final, over_seeds, reach

__all__ = [
    "CLOCKS",
    "ONE_SHOT",
    "PHASES",
    "QUANTILES",
    "bands",
    "best_step_sizes",
    "chosen",
    "curves",
    "differing",
    "envelope",
    "final",
    "grouped",
    "held_out",
    "optima",
    "over_seeds",
    "period_map",
    "period_of",
    "reach",
    "runs",
    "seconds_for",
    "settings",
    "speedups",
    "split_over_runs",
    "time_split",
]
