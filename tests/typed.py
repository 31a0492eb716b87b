"""What the documentation shows, written with types: `make lint` checks it, nothing runs it."""

from dataclasses import dataclass
from typing import assert_type

import numpy as np
import xarray
from mpi4py import MPI
from numpy.typing import NDArray

import pavg
from pavg import spec, streams
from pavg.data.partition import Partition, Shards
from pavg.engine import synchronous
from pavg.engine.task import bind, open_data
from pavg.learners import Learners
from pavg.methods.asynchronous import Asynchronous, Vector
from pavg.methods.base import Method
from pavg.problems.general import General, gradient_function, loss_function
from pavg.records.record import Record
from pavg.schedules import BatchSize, StepSize


@dataclass(frozen=True)
class Own(General):
    b: float = 1.0

    def numbers(self) -> list[float]:
        return [self.b]

    def start(self, d: int, seed: int) -> NDArray[np.float64]:
        return streams.generator(seed, "initial").standard_normal(d)

    gradient = gradient_function(lambda theta, X, y, i, noise, m, W, l, scale, g: None)
    loss = loss_function(lambda theta, X, y, i, W, l: 0.0)


@dataclass(frozen=True)
class Once(Method):
    at: int

    @property
    def label(self) -> str:
        return f"once{self.at}"

    def averages(self, learners: Learners, t: int, stop: int) -> NDArray[np.int64]:
        return np.array([self.at] if t < self.at <= stop else [], np.int64)

    def conflicts(self, spec: spec.Spec) -> list[str]:
        return [] if spec.P > 1 else [f"{self.name}: expected several learners"]


@dataclass(frozen=True)
class Gradients(Method):
    gradients = True
    label = "mine"

    def advance(self, learners: Learners, t: int, stop: int) -> None:
        for _ in range(stop - t):
            learners.gradient()
            learners.average(learners.G)
            learners.apply()
        learners.step(1)
        learners.rounds([1, 2, 3], rest=1)
        assert_type(learners.coin(t, stop), NDArray[np.float64])
        assert_type(learners.steps, int)
        assert_type(learners.W, NDArray[np.float64])


@dataclass(frozen=True)
class Push(Asynchronous):
    def send(self, x: Vector, kept: Vector, message: Vector) -> None:
        message[:] = x

    def serve(self, centre: Vector, message: Vector, P: int) -> None:
        centre += (message - centre) / P
        message[:] = centre

    def receive(
        self, x: NDArray[np.float64], kept: NDArray[np.float64], message: NDArray[np.float64]
    ) -> None:
        x[:] = message


@dataclass(frozen=True)
class Halves(Partition):
    def shards(self, y: NDArray[np.float64], P: int, seed: int) -> Shards:
        counts = np.full(P, len(y) // P)
        return Shards(np.argsort(y), np.cumsum(counts) - counts, counts)


@dataclass(frozen=True)
class Cosine(StepSize):
    gamma: float

    def at(self, t: NDArray[np.int64], epochs: NDArray[np.float64]) -> NDArray[np.float64]:
        return self.gamma * (1 + np.cos(epochs)) / 2


@dataclass(frozen=True)
class Doubled(BatchSize):
    def at(self, t: NDArray[np.int64]) -> NDArray[np.int64]:
        return 2 * t


def a_run(comm: MPI.Intracomm) -> list[Record]:
    table = {"name": "mine", "problem": "double-well", "method": {"name": "periodic", "K": 4}}
    made = spec.build(table, "mine.toml")
    assert_type(made.P, int)
    return synchronous.run(comm, bind(made, open_data(made)))


def a_notebook() -> None:
    runs = pavg.open_results("results")
    assert_type(runs, xarray.Dataset)
    assert_type(streams.key(0, "coin"), np.uint64)
