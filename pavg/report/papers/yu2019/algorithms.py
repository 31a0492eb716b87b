"""Which of the paper's algorithms are the same: final models on the same draws."""

from functools import cache
from pathlib import Path

import numpy as np

from pavg import open_results
from pavg.report.claims import Claim, equal
from pavg.report.paper import Experiment

ROUNDING = 1e-12  # of sums over learners, which may be made in another order
EXPERIMENT = Experiment(
    "algorithms", "algorithms", "Six algorithms on the same draws: least squares, 4 learners."
)


@cache
def models(runs):
    """(label, seed) → final model (d,)."""
    rows = runs.table[["label", "seed", "file"]].itertuples(index=False)
    return {(row.label, row.seed): open_results(Path(runs.folder) / row.file)["w"].values for row in rows}


def same(method, other, tolerance):
    """A test: whether two methods, by their labels, end at the same models, relative to the largest entry."""

    def test(runs):
        found = models(runs)
        apart = [
            np.abs(w - found[other, seed]).max() / np.abs(w).max()
            for (label, seed), w in found.items()
            if label == method
        ]
        return equal(apart, tolerance, f"final models of {len(apart)} seeds")

    return test


def _claim(where, says, method, other, tolerance):
    return Claim(where, says, "", (EXPERIMENT.name,), same(method, other, tolerance))


CLAIMS = (
    _claim("footnote 6", "The classical parallel mini-batch SGD is equivalent to Algorithm 1 with I = 1",
           "gradient", "I0001", ROUNDING),
    _claim("ours", "Parallel mini-batch SGD is equivalent to periodic averaging with K = 1",
           "gradient", "K0001", ROUNDING),
    _claim("Algorithm 3", "if I_i ≡ I for some fixed constant I, then Algorithm 3 degrades to Algorithm 1",
           "Ivar", "I0008", ROUNDING),
    _claim("ours", "With I_i ≡ I, Algorithm 3 is periodic averaging with K = I, to the bit",
           "Ivar", "K0008", 0.0),
)  # fmt: skip
