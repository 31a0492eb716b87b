"""What pavg is to reach, beside what it reaches here."""

from dataclasses import dataclass, field, replace
from typing import ClassVar

from mpi4py import MPI

from pavg.bench.base import NOTE, Benchmark, Column
from pavg.bench.kernels import Kernels
from pavg.bench.peers import DEFAULT, IN_ORDER, PARALLEL, Peers
from pavg.bench.roofline import STEPS, Roofline
from pavg.bench.scaling import Scaling

OPEN_MPI = "Open MPI"  # how its library calls itself


@dataclass(frozen=True)
class Target:
    """A bound on a ratio that a benchmark measures. where : what its row says of itself."""

    what: str
    benchmark: Benchmark
    where: dict = field(hash=False)
    least: float | None = None
    most: float | None = None
    column: str = "ratio"


def targets():
    """All of them. With another MPI than Open MPI averages cost more."""
    open_mpi = MPI.Get_library_version().startswith(OPEN_MPI)
    local = 5000.0 if open_mpi else 1500.0
    reading = Roofline(shapes=("higgs",), samplings=("order",), lanes=(1,))
    found = [_against(shape, sampling, least) for shape, sampling, least in AGAINST]
    found += [_lanes(shape, lanes, least) for shape, lanes, least in LANES]
    found += [
        Target(
            "higgs, in order, time over that of reading the bytes once",
            reading,
            {"what": STEPS},
            most=2.6,
        ),
        Target(
            "2 ranks, d = 28, K = 16, against PostLocalSGDOptimizer",
            Peers(shapes=()),
            {"peer": PARALLEL},
            least=local,
        ),
        Target("2 ranks against 1, higgs, K = 1,024", Scaling(periods=(1024,)), {"K": 1024}, least=1.9),
    ]
    return found


AGAINST = [
    ("higgs", "order", 4.2),
    ("higgs", "reshuffle", 14.0),
    ("higgs", "replacement", 14.0),
    ("year", "order", 5.5),
    ("year", "reshuffle", 10.0),
    ("rcv1", "order", 2.2),
    ("rcv1", "reshuffle", 3.5),
    ("e2006", "order", 1.9),
    ("e2006", "reshuffle", 2.0),
]
LANES = [("higgs", 8, 3.8), ("year", 8, 2.8), ("rcv1", 8, 4.0), ("e2006", 8, 2.5)]
LANES += [("higgs", 32, 7.5), ("year", 32, 4.5), ("rcv1", 32, 6.0)]


def _against(shape, sampling, least):
    peer = IN_ORDER if sampling == "order" else DEFAULT
    peers = Peers(shapes=(shape,), samplings=(sampling,), local=False)
    return Target(f"{shape}, {sampling}, against {peer}", peers, {"peer": peer}, least)


def _lanes(shape, lanes, least):
    kernels = Kernels(shapes=(shape,), samplings=("order",), places=("memory",), lanes=(lanes,))
    what = f"{shape}, {lanes} lanes, in order, a lane against one model alone"
    return Target(what, kernels, {"lanes": lanes}, least, column="gain")


@dataclass(frozen=True)
class Targets(Benchmark):
    """All that pavg is to reach in speed, beside what it reaches here; some need two ranks (-n 2)."""

    columns: ClassVar[dict] = {
        "target": Column("", "what is compared with what", "s"),
        "at_least": Column("1", "the ratio that is to be reached", ",g"),
        "at_most": Column("1", "the ratio that is not to be passed", ",g"),
        "ratio": Column("1", "measured: median of the ratios of alternating runs", ",.2f"),
        "ratio_low": Column("1", "lower end of the median's 95 % interval, by order statistics", ",.2f"),
        "ratio_high": Column("1", "upper end of it", ",.2f"),
        "reached": Column("", "whether the median is within the bound", "s"),
        "note": NOTE,
    }

    def rows(self, comm, progress):
        for target in targets():
            benchmark = replace(target.benchmark, quick=self.quick, alternations=self.alternations)
            progress(f"targets: {target.what}", 0, 1)
            found = list(benchmark.rows(comm, lambda what, done, total: None))
            rows = [row for row in found if all(row.get(k) == value for k, value in target.where.items())]
            yield _row(target, rows[0] if rows else found[0])

    def draw(self, rows, figure):
        rows = [row for row in rows if "ratio" in row][::-1]
        axes = figure.subplots()
        for k, row in enumerate(rows):
            measured = [row["ratio_low"], row["ratio"], row["ratio_high"]]
            low, middle, high = (
                value / row["at_least"] if "at_least" in row else row["at_most"] / value for value in measured
            )
            colour = "C0" if row["reached"] == "yes" else "C3"
            axes.plot([low, high], [k, k], color=colour)
            axes.plot(middle, k, "o", color=colour)
        axes.axvline(1, color="black", linewidth=1)
        axes.grid(axis="x", alpha=0.3)
        axes.set_yticks(range(len(rows)), [row["target"] for row in rows], fontsize=8)
        axes.set(xscale="log", xlabel="how far beyond the target; red: not reached")


def _row(target, found):
    bounds = {"at_least": target.least, "at_most": target.most}
    row = {"target": target.what} | {name: value for name, value in bounds.items() if value is not None}
    if target.column not in found:
        return row | {"note": found.get("note", "")}
    value = found[target.column]
    reached = value >= target.least if target.least is not None else value <= target.most
    measured = {f"ratio{end}": found[f"{target.column}{end}"] for end in ("", "_low", "_high")}
    return row | measured | {"reached": "yes" if reached else "no"}
