"""Robust regression by Cauchy's loss, which is not convex."""

from dataclasses import dataclass

from pavg.kernels.losses import CAUCHY
from pavg.problems.linear import LinearModel


@dataclass(frozen=True)
class Cauchy(LinearModel):
    """F(w) = 1/n Σ ½log(1 + (⟨w, xᵢ⟩ − yᵢ)²) + l2/2 ‖w‖²: robust regression, not convex."""

    code = CAUCHY
    classes = False
