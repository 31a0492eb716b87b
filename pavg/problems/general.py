"""Problems given by two compiled functions: a stochastic gradient and a loss."""

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pavg.errors import InputError
from pavg.kernels import general as kernels
from pavg.kernels.general import Compiled, gradient_function, loss_function
from pavg.problems.base import NONE, Objective, Problem, frozen

if TYPE_CHECKING:
    from pavg.data import Store

ARGUMENTS = {  # of the two functions, by place
    "gradient": "(theta, X, y, i, noise, m, W, l, scale, g)",
    "loss": "(theta, X, y, i, W, l)",
}

__all__ = ["General", "gradient_function", "loss_function"]


class General(Problem):
    """Base of such problems. A subclass is a frozen dataclass of its parameters with

    - `gradient`, decorated by `@gradient_function`, and `loss`, by `@loss_function`
      (their arguments: `pavg.kernels.general`); they see `numbers()` as `theta`;
    - `start(d, seed)`: w0, whose length is the dimension;
    - where it has them: `samples(P, seed)`, `optimum(X)`.

    noisy : the gradient has noise of its own, so its sum over samples is not ∇F.
    loss_of_model : the loss is one number of the model, not a mean over samples.
    """

    noisy: ClassVar[bool] = False
    loss_of_model: ClassVar[bool] = False
    gradient: ClassVar[Compiled]
    loss: ClassVar[Compiled]

    @property
    def draws(self) -> bool:
        return self.needs_data or type(self).samples is not General.samples

    @property
    def sphere(self) -> bool:
        """Whether models are scaled to unit length after each step."""
        return False

    def numbers(self) -> Sequence[float]:
        """The problem's numbers, as its compiled functions see them."""
        return []

    def samples(self, P: int, seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(X (n, any), y (n,)) of the problem's own making; empty ones for none."""
        return np.empty((0, 0)), NONE

    def start(self, d: int, seed: int) -> ArrayLike:
        """w0. d : columns of X."""
        return np.zeros(d)

    def optimum(self, X: NDArray[np.float64]) -> float | None:
        """F*, or None where it is not known."""
        return None

    def bind(self, store: "Store | None", P: int, seed: int) -> "GeneralObjective":
        if store is None:
            X, y = self.samples(P, seed)
            features = X.shape[1]
        elif hasattr(store.train, "X"):
            X, y, features = store.train.X, store.train.y, store.n_features
        else:
            raise InputError(
                f"{store.path}: sparse samples; problem {self.name!r} reads dense ones: layout = 'dense'"
            )
        for name, expected in ARGUMENTS.items():
            found = inspect.signature(getattr(type(self), name).__wrapped__)
            if len(found.parameters) != expected.count(",") + 1:
                raise InputError(f"problem {self.name!r}: {name}{found}; expected {name}{expected}")
        dtype = store.dtype if store is not None else "float64"
        start = np.asarray(self.start(features, seed), float)
        n = X.shape[0]
        if len(y) != n:
            raise InputError(f"problem {self.name!r}: samples() gives {n} rows and {len(y)} targets")
        return GeneralObjective(
            dimension=start.size,
            n=n,
            y=frozen(y),
            start=start,
            optimum=self.optimum(X),
            classes=False,
            rows={"train": 1 if self.loss_of_model or n == 0 else n},
            sphere=self.sphere,
            notes={},
            functions=(type(self).gradient.on(dtype), type(self).loss.on(dtype)),
            theta=frozen(self.numbers()),
            samples=(frozen(X, dtype), frozen(y)),
            exact=not self.noisy and not self.loss_of_model,
        )


@dataclass
class GeneralObjective(Objective):
    functions: tuple
    theta: np.ndarray
    samples: tuple
    exact: bool

    family = "general"

    @property
    def width(self):
        return self.dimension  # the compiled loops run over whole rows

    def arguments(self, lanes=1, momentum=False):
        return self.functions[0], self.theta, self.samples, self.sphere

    def steps(self, model, order, noise, schedule, n):
        kernels.steps(self.arguments(), model, order, noise, schedule, n)

    def gradients(self, model, order, noise, batch, G):
        kernels.gradients(self.arguments(), model, order, noise, batch, G)

    def losses(self, part, W, begin, end):
        return kernels.losses(self.functions[1], self.theta, self.samples, W, begin, end), 0.0

    def add_gradient(self, W, begin, end, G):
        if not self.exact:
            return None
        kernels.add_gradient(self.functions[0], self.theta, self.samples, W, begin, end, G)
        return G
