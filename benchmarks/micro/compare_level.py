"""How often a table of `pavg compare` is wrong where nothing differs, by simulation.

    python benchmarks/micro/compare_level.py

Simulated cells of ten pairs, whose times differ by noise of five kinds alone. A cell is wrong where it is
better or worse; a table, where one of its cells is. Cells do not know of each other: of q, the share of wrong
cells among --cells of them, follows 1 − (1 − q)^m, that of wrong tables of m.
"""

import argparse
import math

import numpy as np

from pavg.report import intervals

PAIRS, MARGIN = 10, 0.05
TABLES = (4, 12, 60)


def noise(rng, shape, spread):
    """Kind → logarithms of times."""
    normal = rng.normal(0, spread, shape)
    return {
        "normal": normal,
        "Student's t, 3 degrees of freedom": spread * rng.standard_t(3, shape),
        "Student's t, 1.5": spread * rng.standard_t(1.5, shape),
        "normal, and in one run of ten a burst": normal
        + (rng.random(shape) < 0.1) * rng.exponential(0.3, shape),
        "two speeds, a factor of 1.65 apart, by chance": normal + (rng.random(shape) < 0.3) * 0.5,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cells", type=int, default=200_000, help="of each kind of noise")
    parser.add_argument("--spread", type=float, default=0.03, help="standard deviation of a log time")
    given = parser.parse_args()
    print(f"{'false tables of 100, of so many cells':50}" + "".join(f"{m:6}" for m in TABLES))
    for kind, (a, b) in noise(np.random.default_rng(0), (2, given.cells, PAIRS), given.spread).items():
        shares = wrong(np.exp(a.clip(-50, 50)), np.exp(b.clip(-50, 50)))
        print(f"{kind:50}" + "".join(f"{100 * (1 - (1 - shares[m]) ** m):6.1f}" for m in TABLES))


def wrong(a, b):
    """Number of cells of a table → share of cells that are better or worse there."""
    alone = [intervals.paired(one, other, 1) for one, other in zip(a, b, strict=True)]
    middle, high = np.log([(one.ratio, one.high) for one in alone]).T
    # intervals differ by the quantile of Student's t alone
    width = {m: math.log(intervals.paired(a[0], b[0], m).high) - middle[0] for m in TABLES}
    halves = {m: (high - middle) * width[m] / (high - middle)[0] for m in TABLES}
    same = {m: np.abs(middle) + half <= math.log1p(MARGIN) for m, half in halves.items()}
    return {m: np.mean((np.abs(middle) > half) & ~same[m]) for m, half in halves.items()}


if __name__ == "__main__":
    main()
