"""The machine's model (`pavg.machine`): what it is fitted to is measured, and it is put to the test."""

import platform
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import numpy as np

from pavg.bench import pilots
from pavg.bench.base import NOTE, SI, Benchmark, Column, option
from pavg.bench.measuring import alternate, count_for
from pavg.bench.pilots import ROUND
from pavg.bench.ratios import interval
from pavg.bench.shapes import SHAPES
from pavg.machine import reading
from pavg.records.provenance import environment

LEFT_OUT = (1, 10, 100, 1000)  # K of the rounds that predictions are held against
FAR = ((100, 16), (100, 128), (100, 1024), (100, 10_000))  # (K, P) of predictions that are shown
SPENT, SPENT_QUICKLY = 0.02, 0.002  # seconds of a turn, about
QUICKLY = 0.1  # of the stretches, for a quick look
PREDICTED, CHECK = "round, predicted", "check"


@dataclass(frozen=True)
class Machine(Benchmark):
    """What a local step and an average take: rounds predicted.

    The file predicts them for other K, d and numbers of ranks, by pavg.machine.load(FILE). With --check,
    predictions are held against rounds, measured in the same turns.
    """

    columns: ClassVar[dict] = {
        "what": Column("", "what is measured or predicted", "s"),
        "work": Column("", "of local steps: problem, samples, sampling", "s"),
        "problem": Column("", "the problem's name"),
        "layout": Column("", "of the samples of linear models"),
        "ranks": Column("1", "ranks, a learner each", ",.0f"),
        "K": Column("1", "local steps of a round", ",.0f"),
        "B": Column("1", "samples of a local step", ",.0f"),
        "d": Column("1", "doubles of a model", ",.0f"),
        "entries": Column("1", "numbers of a row that a step goes through"),
        "time": Column("s", "median over turns: of collectives the slowest rank, else the mean of ranks", SI),
        "time_low": Column("s", "lower end of the median's 95 % interval, by order statistics"),
        "time_high": Column("s", "upper end of it"),
        "predicted": Column("s", "by the model, which is fitted to rows that are no rounds", SI),
        "low": Column("s", "lower end of its interval", SI),
        "high": Column("s", "upper end of it", SI),
        "error": Column("1", "predicted over measured, less 1; of the check: the median of its size", "+.3f"),
        "turns": Column("s", "each turn", axes=("alternation",)),
        "stretches": Column("s", "each stretch of equal work, of all ranks", axes=("stretch",)),
        "note": NOTE,
    }

    shapes: tuple[str, ...] = option(tuple(SHAPES), "Of which set's shape the samples are.", tuple(SHAPES))
    specs: tuple[str, ...] = option((), "A TOML file: local steps of its first run are measured, too.")
    check: bool = option(False, "Measure rounds as well, and hold predictions against them.")

    def rows(self, comm, progress):
        made = list(pilots.pilots(comm, self.shapes, self.specs, self.quick))
        turns = [turn for pilot in made for turn in pilots.steps(comm, pilot)]
        turns += list(pilots.averagings(comm))
        if self.check:
            turns += [turn for pilot in made for turn in pilots.held_back(comm, pilot, LEFT_OUT)]
        found = list(self._measured(comm, turns, progress))
        found += list(pilots.stretches(comm, made[0], QUICKLY if self.quick else 1.0))
        hosts = len(set(comm.allgather(platform.node())))
        about = {name: environment()[name] for name in reading.ABOUT} | {"hosts": str(hosts)}
        model = reading.of(found, about)
        yield from (row for row in found if row["what"] != ROUND)
        works = {pilot.work.name: pilot.work for pilot in made}
        yield from _held_against(model, works, [row for row in found if row["what"] == ROUND])
        yield from _far(model, made[0].work)

    def _measured(self, comm, turns, progress):
        """Rows of turns, with what they took."""
        spent, counts = SPENT_QUICKLY if self.quick else SPENT, []
        for k, turn in enumerate(turns):
            progress("machine: how long each takes", k, len(turns))
            counts.append(count_for(turn.call, spent, comm))
        calls = {k: partial(turn.call, n) for k, (turn, n) in enumerate(zip(turns, counts, strict=True))}
        progress("machine: turns", 0, 1)
        seconds = alternate(calls, self.alternations, comm)
        for k, turn in enumerate(turns):
            each = np.array(comm.allgather(seconds[k]))[: int(turn.row["ranks"]) if turn.slowest else None]
            each = (each.max(axis=0) if turn.slowest else each.mean(axis=0)) / counts[k]
            low, high = interval(each)
            yield turn.row | {"time": np.median(each), "time_low": low, "time_high": high, "turns": each}

    def draw(self, rows, figure):
        steps, averages, rounds = figure.subplots(1, 3)
        for name in {row["work"]: None for row in rows if row["what"] == reading.STEP}:
            of = [row for row in rows if row["what"] == reading.STEP and row["work"] == name]
            steps.plot([row["B"] for row in of], [row["time"] for row in of], "o-", label=name)
        for ranks in {row["ranks"]: None for row in rows if row["what"] == reading.AVERAGE}:
            of = [row for row in rows if row["what"] == reading.AVERAGE and row["ranks"] == ranks]
            averages.plot([row["d"] for row in of], [row["time"] for row in of], "o-", label=f"{ranks} ranks")
        of = [row for row in rows if row["what"] == ROUND]
        rounds.plot([row["time"] for row in of], [row["predicted"] for row in of], "o")
        rounds.axline((1e-5, 1e-5), slope=1, color="black", linewidth=1)
        steps.set(xscale="log", yscale="log", xlabel="B", ylabel="seconds of a local step")
        averages.set(xscale="log", yscale="log", xlabel="doubles", ylabel="seconds of an averaging")
        rounds.set(xscale="log", yscale="log", xlabel="seconds of a round, measured", ylabel="predicted")
        steps.legend(fontsize=6)
        averages.legend()


def _held_against(model, works, rows):
    """Rows of rounds with predictions, and one of them all."""
    found = []
    for row in rows:
        seconds = model.round_seconds(row["K"], works[row["work"]], row["ranks"])
        found.append(row | _as_columns(seconds) | {"error": seconds.middle / row["time"] - 1})
    yield from found
    if found:
        inside = sum(row["low"] <= row["time"] <= row["high"] for row in found)
        note = f"median error; {inside} of {len(found)} rounds lie in their intervals"
        sizes = [abs(row["error"]) for row in found]
        yield {"what": CHECK, "ranks": rows[0]["ranks"], "error": np.median(sizes), "note": note}


def _as_columns(seconds):
    return {"predicted": seconds.middle, "low": seconds.low, "high": seconds.high}


def _far(model, work):
    """Rows of predictions for ranks that are not there."""
    for K, P in FAR:
        if model.averaging.most > 1:
            row = {"what": PREDICTED, "work": work.name, "ranks": P, "K": K, "B": 1, "d": work.dimension}
            yield row | _as_columns(model.round_seconds(K, work, P)) | {"note": "; ".join(model.notes(P))}
