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
TABLES = (4, 12, 60, 200)
PART = 200_000  # cells at once


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
    parser.add_argument("--cells", type=int, default=2_000_000, help="of each kind of noise")
    parser.add_argument("--spread", type=float, default=0.03, help="standard deviation of a log time")
    given = parser.parse_args()
    rng, parts = np.random.default_rng(0), max(1, given.cells // PART)
    found = {}
    for _ in range(parts):
        for kind, (a, b) in noise(rng, (2, min(PART, given.cells), PAIRS), given.spread).items():
            found.setdefault(kind, []).append(wrong(a, b))
    print(f"{'false tables of 100, of so many cells':50}" + "".join(f"{m:6}" for m in TABLES))
    for kind, shares in found.items():
        tables = 1 - (1 - np.mean(shares, axis=0)) ** np.array(TABLES)
        print(f"{kind:50}" + "".join(f"{100 * share:6.1f}" for share in tables))


def wrong(a, b):
    """For each size of a table, the share of cells that are better or worse. a, b : (cells, PAIRS).

    As `intervals.paired` and `Interval.verdict` have it, of all cells at once.
    """
    logs, ends = np.sort(b - a, axis=1), 1 + PAIRS - 2
    middle = logs[:, 1:ends].mean(axis=1)
    deviation = logs.clip(logs[:, [1]], logs[:, [ends - 1]]).std(axis=1, ddof=1)
    shares = []
    for m in TABLES:
        one = intervals.paired(*np.exp((a[0] - a[0], b[0] - a[0])), m)
        half = deviation * (math.log(one.high / one.ratio) / deviation[0])
        assert math.isclose(middle[0], math.log(one.ratio), abs_tol=1e-9)
        same = np.abs(middle) + half <= math.log1p(MARGIN)
        shares.append(np.mean((np.abs(middle) > half) & ~same))
    return shares


if __name__ == "__main__":
    main()
