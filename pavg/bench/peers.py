"""Against what people would use instead: scikit-learn's SGD, PyTorch's PostLocalSGDOptimizer."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from mpi4py import MPI

from pavg.bench import postlocal, scikit
from pavg.bench.base import NOTE, SI, Benchmark, Column, option, ratio_columns
from pavg.bench.eager import Eager
from pavg.bench.measuring import alternate, count_for
from pavg.bench.periods import rounds
from pavg.bench.ratios import ratio
from pavg.bench.shapes import RULES, SHAPES, learners, lenet, plain, samples
from pavg.comm.agreement import once
from pavg.data import open_store
from pavg.errors import InputError

IN_ORDER, DEFAULT = "scikit-learn shuffle=False", "scikit-learn"
# rows drawn by pavg, and what that is held against
AGAINST = {"order": IN_ORDER, "reshuffle": DEFAULT, "replacement": DEFAULT}
BARE = "PyTorch PostLocalSGDOptimizer, K = 16"
PARALLEL = "PyTorch PostLocalSGDOptimizer with DistributedDataParallel, K = 16"
EPOCHS, EPOCHS_QUICKLY = {IN_ORDER: 3, DEFAULT: 2}, 10
EAGER = "PyTorch, eager"
IMAGES, BATCH, STEPS = 800, 8, 20  # of LeNet: rows, of a step, steps of a turn
PERIOD, AGREED = 16, 20  # K; rounds after which both must have the same model
SPENT, SPENT_QUICKLY = 0.1, 0.02  # seconds of a turn of local SGD, about


@dataclass(frozen=True)
class Peers(Benchmark):
    """pavg's local steps against scikit-learn's and PyTorch's.

    The latter are LeNet's, and local SGD on two ranks. Same samples, steps and step sizes, one core a rank,
    in turns. What scikit-learn spends before its first epoch (it checks and counts) is left out: times are
    those of further epochs of one fit.
    """

    columns: ClassVar[dict] = {
        "shape": Column("", "samples", "s"),
        "sampling": Column("", "how pavg draws rows", "s"),
        "peer": Column("", "what it is held against", "s"),
        "time_sample": Column("s", "pavg, a local step of one learner with one sample: median", SI),
        "time_peer": Column("s", "the peer, the same: median", SI),
        **ratio_columns("the peer's time over pavg's"),
        "difference": Column("1", "largest difference of the two models after equal work, relative", ".1e"),
        "loss": Column("1", "training objective of pavg's model after equal work", ".4g"),
        "loss_peer": Column("1", "training objective of the peer's model", ".4g"),
        "seconds": Column("s", "pavg, a sample, in each turn", axes=("alternation",)),
        "seconds_peer": Column("s", "the peer, a sample, in each turn", axes=("alternation",)),
        "note": NOTE,
    }

    shapes: tuple[str, ...] = option(tuple(SHAPES), "Of which set's shape the samples are.", tuple(SHAPES))
    samplings: tuple[str, ...] = option(RULES, "How pavg draws rows.", RULES)
    lenet: bool = option(True, "LeNet's local steps against PyTorch's.")
    local: bool = option(True, "Local SGD on two ranks against PyTorch's.")

    def rows(self, comm, progress):
        pairs = [(shape, rule, AGAINST[rule]) for shape in self.shapes for rule in self.samplings]
        for done, pair in enumerate(pairs):
            progress("peers: scikit-learn", done, len(pairs))
            yield once(comm, self._scikit, *pair)
        if self.lenet:
            progress("peers: LeNet", 0, 1)
            yield once(comm, self._lenet)
        if self.local:
            progress("peers: PyTorch", 0, 1)
            yield from self._local(comm)

    def _scikit(self, shape, sampling, peer):
        head = {"shape": shape, "sampling": sampling, "peer": peer}
        try:
            theirs = scikit.estimator(SHAPES[shape].problem, SHAPES[shape].step_size, peer == DEFAULT)
        except InputError as error:
            return head | {"note": str(error)}
        store, epochs = samples(shape, self.quick), EPOCHS_QUICKLY if self.quick else EPOCHS[peer]
        (X, y), n = plain(store), store.train.n
        ours = learners(MPI.COMM_SELF, shape, store, sampling=sampling)
        ours.step(epochs * n)
        same = compared(ours, scikit.fit(theirs, X, y, epochs))
        seconds = alternate(
            {
                "ours": lambda: ours.step(epochs * n),
                "first": lambda: scikit.fit(theirs, X, y, 1),
                "more": lambda: scikit.fit(theirs, X, y, 1 + epochs),
            },
            self.alternations,
        )
        spent = (seconds["more"] - seconds["first"]) / (epochs * n)
        return head | same | timed(seconds["ours"] / (epochs * n), spent)

    def _lenet(self):
        head = {"shape": "lenet", "sampling": "order", "peer": EAGER}
        ours, X, y = lenet(MPI.COMM_SELF, IMAGES, batch_size=BATCH, sampling="order")
        try:
            theirs = Eager(ours.objective.start, X, y, 0.01, 0.9, BATCH)
        except InputError as error:
            return head | {"note": f"missing: {error}"}
        ours.step(STEPS // 4)
        theirs.step(STEPS // 4)
        same = compared(ours, theirs.w)
        n = STEPS // 4 if self.quick else STEPS
        times = alternate({"ours": lambda: ours.step(n), "theirs": lambda: theirs.step(n)}, self.alternations)
        return head | same | timed(*(times[name] / (n * BATCH) for name in ("ours", "theirs")))

    def _local(self, comm):
        heads = [{"shape": "higgs", "sampling": "order", "peer": peer} for peer in (PARALLEL, BARE)]
        if comm.Get_size() != 2:
            missing = f"missing: {comm.Get_size()} ranks; expected 2: pavg bench peers -n 2"
            yield from (head | {"note": missing} for head in heads)
            return
        try:
            with postlocal.process_group(comm):
                for head in heads:
                    yield head | self._against_torch(comm, head["peer"] == PARALLEL)
        except InputError as error:
            yield from (head | {"note": f"missing: {error}"} for head in heads)

    def _against_torch(self, comm, parallel):
        store = open_store(once(comm, lambda: samples("higgs", self.quick).path))
        X, y = plain(store)
        own = slice(*np.array([comm.Get_rank(), comm.Get_rank() + 1]) * (len(y) // 2))
        settings = {"method": {"name": "periodic", "K": PERIOD}, "partition": "contiguous"}
        ours = learners(comm, "higgs", store, P=2, sampling="order", **settings)
        theirs = postlocal.LocalSGD(X[own], y[own], SHAPES["higgs"].step_size, PERIOD, parallel)

        rounds(ours, AGREED, PERIOD)
        theirs.step(AGREED * PERIOD)
        same = compared(ours, theirs.w)
        seconds = SPENT_QUICKLY if self.quick else SPENT
        n = {"ours": count_for(lambda n: rounds(ours, n, PERIOD), seconds / 10, comm)}
        n["theirs"] = count_for(lambda n: theirs.step(n * PERIOD), seconds, comm)
        turns = {
            "ours": lambda: rounds(ours, n["ours"], PERIOD),
            "theirs": lambda: theirs.step(n["theirs"] * PERIOD),
        }
        times = alternate(turns, self.alternations, comm)
        slowest = {name: np.max(comm.allgather(times[name]), axis=0) / (n[name] * PERIOD) for name in times}
        return same | timed(slowest["ours"], slowest["theirs"])

    def draw(self, rows, figure):
        rows = [row for row in rows if "ratio" in row][::-1]
        axes = figure.subplots()
        for k, row in enumerate(rows):
            axes.plot([row["ratio_low"], row["ratio_high"]], [k, k], color="C0")
            axes.plot(row["ratio"], k, "o", color="C0")
        names = [f"{row['shape']}, {row['sampling']}, against {row['peer']}" for row in rows]
        axes.set_yticks(range(len(rows)), names, fontsize=8)
        axes.axvline(1, color="black", linewidth=1)
        axes.grid(axis="x", alpha=0.3)
        axes.set(xscale="log", xlabel="the peer's time over pavg's; lines: 95 % interval of the median")


def compared(ours, theirs):
    """Columns that say whether two models are the same after the same work. ours : `Learners`, averaged."""
    d = theirs.size
    w, _ = ours.virtual_average(ours.comm)
    n = ours.objective.n
    both = np.zeros((2, 1, ours.objective.width))
    both[0, 0, :d], both[1, 0, :d] = w[:d], theirs
    losses = [ours.objective.losses("train", W, 0, n)[0] / n for W in both]
    difference = np.abs(w[:d] - theirs).max() / np.abs(theirs).max()
    return {"difference": difference, "loss": losses[0], "loss_peer": losses[1]}


def timed(ours, theirs):
    """Columns of seconds a sample, one for each turn."""
    medians = {"time_sample": np.median(ours), "time_peer": np.median(theirs)}
    return medians | {"seconds": ours, "seconds_peer": theirs} | ratio(theirs, ours)
