"""Least squares."""

from dataclasses import dataclass

from pavg.kernels.losses import LEAST_SQUARES
from pavg.problems.linear import LinearModel


@dataclass(frozen=True)
class LeastSquares(LinearModel):
    """F(w) = 1/n Σ ½(⟨w, xᵢ⟩ − yᵢ)² + l2/2 ‖w‖²."""

    code = LEAST_SQUARES
    classes = False
