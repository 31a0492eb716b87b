"""Linear models: F(w) = 1/n Σ ℓ(⟨w, xᵢ⟩, yᵢ) + λ/2 ‖w‖², dense or CSR."""

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Ge

from pavg.errors import InputError
from pavg.kernels import abreast, linear
from pavg.kernels import lanes as many
from pavg.kernels.choice import path
from pavg.kernels.losses import CAUCHY, LEAST_SQUARES, LOGISTIC, MOST_CURVED, STEEPEST
from pavg.problems.base import NONE, Objective, Problem, frozen


@dataclass(frozen=True)
class LinearModel(Problem):
    """Base: a loss by its code in `pavg.kernels.losses`, an L2 term and an intercept free of it."""

    needs_data = True
    lanes = True
    code: ClassVar[int]
    classes: ClassVar[bool]

    l2: Annotated[float, Ge(0)] = 0.0
    intercept: bool = False

    def bind(self, store, P, seed):
        """The objective on a store's samples. InputError for labels that cannot be classes."""
        train, values = self._samples(store.train, store, None)
        test = self._samples(store.test, store, values)[0] if store.test is not None else None
        dimension = store.n_features + self.intercept
        return LinearObjective(
            dimension=dimension,
            n=store.train.n,
            y=train[-1],
            start=np.zeros(dimension),
            optimum=None,
            classes=self.classes,
            rows={"train": store.train.n} | ({"test": store.test.n} if test else {}),
            sphere=False,
            notes={"labels": f"{values[0]:g} → -1, {values[1]:g} → +1"} if values else {},
            samples={"train": train, "test": test},
            formula=(self.code, store.n_features, self.l2, int(self.intercept)),
        )

    def _samples(self, part, store, values):
        """The kernels' tuple of one part, and the two label values if this is classification."""
        y = np.asarray(part.y)
        if self.classes:
            found = np.unique(y)
            if values is None and found.size == 2:
                values = tuple(found.tolist())
            if values is None or not np.isin(found, values).all():
                shown = ", ".join(f"{v:g}" for v in found[:5]) + (" …" if found.size > 5 else "")
                raise InputError(
                    f"{store.path}: {found.size} different labels ({shown}); "
                    f"problem {self.name!r} expects two, the same in training and test"
                )
            if values != (-1.0, 1.0):  # else the store's own memory serves
                y = np.where(y == values[1], 1.0, -1.0)
        dense = hasattr(part, "X")
        X, columns, indptr = (part.X, NONE, NONE) if dense else (part.values, part.columns, part.indptr)
        return (
            frozen(X, part.dtype),
            frozen(columns, np.uint32),
            frozen(indptr, np.int64),
            frozen(y),
        ), values


@dataclass
class LinearObjective(Objective):
    samples: dict
    formula: tuple

    family = "linear"
    block = 64

    def arguments(self, lanes=1, momentum=False):
        return path(self.samples["train"][0], lanes, momentum), self.samples["train"], self.formula

    @property
    def width(self):
        X = self.samples["train"][0]
        return max(super().width, X.shape[1] if X.ndim == 2 else 0)  # kernels load whole rows of it

    @property
    def csr(self):
        X, columns, indptr, _ = self.samples["train"]
        _, d, l2, intercept = self.formula
        return (columns, indptr, d, intercept, l2) if X.ndim == 1 else None

    def steps(self, model, order, noise, schedule, n):
        arguments = self.arguments(model[3].shape[1], model[1].size > 0)
        linear.steps(arguments, model, order, noise, schedule, n)

    def gradients(self, model, order, noise, batch, G):
        linear.gradients(self.samples["train"], self.formula, model, order, batch, G)

    def losses(self, part, W, begin, end):
        samples = self.samples[part]
        row, side = path(samples[0], W.shape[2] if W.ndim == 3 else 1, momentum=False)
        if row and side and self.formula[0] != CAUCHY:
            return abreast.losses(side, samples, self.formula, W, begin, end)
        return _loops(W).losses(samples, self.formula, W, begin, end)

    def penalty(self, W):
        _, d, l2, _ = self.formula
        return 0.5 * l2 * np.einsum("j...,j...->...", W[0, :d], W[0, :d])  # without an array of squares

    def add_gradient(self, W, begin, end, G):
        _loops(W).add_gradient(self.samples["train"], self.formula, W, begin, end, G)
        return G

    def add_penalty_gradient(self, W, G):
        _, d, l2, _ = self.formula
        G[0, :d] += l2 * W[0, :d]

    def add_curvature(self, W, V, begin, end, G):
        linear.add_curvature(self.samples["train"], self.formula, W, V, begin, end, G)
        return G

    def add_hessian(self, W, begin, end, H):
        linear.add_hessian(self.samples["train"], self.formula, W, begin, end, H)

    @property
    def convex(self):
        return self.formula[0] in (LEAST_SQUARES, LOGISTIC)

    @property
    def quadratic(self):
        return self.formula[0] == LEAST_SQUARES

    def add_gradient_and_squares(self, W, begin, end, G):
        return linear.add_gradient_and_squares(self.samples["train"], self.formula, W, begin, end, G)

    def add_noise_slopes(self, W, V, begin, end, G):
        linear.add_noise_slopes(self.samples["train"], self.formula, W, V, begin, end, G)

    @property
    def majorant(self):
        code, d, _, intercept = self.formula
        X, columns, indptr, y = self.samples["train"]
        samples = {"train": (X, columns, indptr, frozen(np.ones(y.size))), "test": None}
        simple = replace(self, samples=samples, formula=(LEAST_SQUARES, d, 0.0, intercept))
        return STEEPEST[code], MOST_CURVED[code], simple

    def least_margin(self, W, begin, end):
        if not self.classes:
            return -np.inf
        return linear.least_margin(self.samples["train"], self.formula, W, begin, end)


def _loops(W):
    """The compiled loops for models (learners, width), or (learners, width, lanes)."""
    return linear if W.ndim == 2 else many
