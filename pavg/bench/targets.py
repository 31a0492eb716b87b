"""What pavg is to reach, beside what it reaches here."""

from dataclasses import dataclass, replace
from typing import ClassVar

from mpi4py import MPI

from pavg.bench.averaging import Averaging
from pavg.bench.base import NOTE, Benchmark, Column
from pavg.bench.kernels import Kernels
from pavg.bench.peers import DEFAULT, EAGER, IN_ORDER, PARALLEL, Peers
from pavg.bench.roofline import STEPS, Roofline
from pavg.bench.rounds import Rounds
from pavg.bench.scaling import Scaling
from pavg.comm.agreement import once

OPEN_MPI = "Open MPI"  # how its library calls itself
MICRO = 1e6


@dataclass(frozen=True)
class Target:
    """A bound on what a benchmark measures. where : what its row says of itself; column : which ratio, or
    which seconds, then in µs; alone : on one rank, whatever ranks there are."""

    what: str
    benchmark: Benchmark
    where: dict
    least: float | None = None
    most: float | None = None
    column: str = "ratio"
    alone: bool = False


def targets():
    """All of them. With another MPI than Open MPI averages cost more."""
    open_mpi = MPI.Get_library_version().startswith(OPEN_MPI)
    reading = Roofline(shapes=("higgs",), samplings=("order",), lanes=(1,))
    local = Peers(shapes=(), samplings=(), lenet=False)
    net = Peers(shapes=(), samplings=(), local=False)
    every_step, rarely = Rounds(periods=(1,)), Scaling(periods=(1024,))
    return [
        *(_against(*given) for given in AGAINST),
        Target("higgs, order, over the time of reading the bytes once", reading, {"what": STEPS}, most=2.6),
        *(_lanes(*given) for given in LANES),
        Target(f"2 ranks, against {PARALLEL}", local, {"peer": PARALLEL}, 5000.0 if open_mpi else 1500.0),
        Target(f"LeNet, batch 8, against {EAGER}", net, {"peer": EAGER}, least=1.5),
        *(_sparse(*given) for given in SPARSELY),
        Target(f"{ROUND} its local step, one rank", every_step, {"K": 1}, None, 0.3, "overhead", True),
        Target(f"{ROUND} an Allreduce in C", every_step, {"K": 1}, None, 1.0, "beyond"),
        Target("higgs, K = 1,024, all ranks against one", rarely, {"K": 1024}, 1.9),
    ]


ROUND = "higgs, round with K = 1, µs beyond"
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

SPARSELY = [(1, 20.0), (4, 8.0)]


def _against(shape, sampling, least):
    peer = IN_ORDER if sampling == "order" else DEFAULT
    peers = Peers(shapes=(shape,), samplings=(sampling,), lenet=False, local=False)
    return Target(f"{shape}, {sampling}, against {peer}", peers, {"peer": peer}, least)


def _lanes(shape, lanes, least):
    kernels = Kernels(shapes=(shape,), samplings=("order",), places=("memory",), lanes=(lanes,))
    what = f"{shape}, {lanes} lanes, in order, a lane against one model alone"
    return Target(what, kernels, {"lanes": lanes}, least, column="gain")


def _sparse(K, least):
    averaging = Averaging(shapes=("rcv1",), periods=(K,))
    return Target(f"rcv1, K = {K}, a round with sparse averages against dense", averaging, {"K": K}, least)


@dataclass(frozen=True)
class Targets(Benchmark):
    """What pavg is to reach in speed, beside what it reaches here.

    Some need two ranks (-n 2).
    """

    columns: ClassVar[dict] = {
        "target": Column("", "what is compared with what", "s"),
        "at_least": Column("1", "the ratio that is to be reached", ",g"),
        "at_most": Column("1", "the ratio that is not to be passed", ",g"),
        "ratio": Column("1", "measured: median of alternating runs; a ratio, or µs", ",.2f"),
        "ratio_low": Column("1", "lower end of the median's 95 % interval, by order statistics", ",.2f"),
        "ratio_high": Column("1", "upper end of it", ",.2f"),
        "reached": Column("", "whether the median is within the bound", "s"),
        "note": NOTE,
    }

    def rows(self, comm, progress):
        for target in targets():
            benchmark = replace(target.benchmark, quick=self.quick, alternations=self.alternations)
            progress(f"targets: {target.what}", 0, 1)
            if target.alone:
                found = once(comm, _found, benchmark, MPI.COMM_SELF)
            else:
                found = _found(benchmark, comm)
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


def _found(benchmark, comm):
    return list(benchmark.rows(comm, lambda what, done, total: None))


def _row(target, found):
    bounds = {"at_least": target.least, "at_most": target.most}
    row = {"target": target.what} | {name: value for name, value in bounds.items() if value is not None}
    if target.column not in found:
        return row | {
            "note": found.get("note") or f"missing: {target.column} is not measured on so few ranks"
        }
    scale = MICRO if target.benchmark.columns[target.column].unit == "s" else 1.0
    measured = {f"ratio{end}": found[f"{target.column}{end}"] * scale for end in ("", "_low", "_high")}
    value = measured["ratio"]
    reached = value >= target.least if target.least is not None else value <= target.most
    return row | measured | {"reached": "yes" if reached else "no"}
