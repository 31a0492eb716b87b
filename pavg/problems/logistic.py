"""Logistic regression."""

from dataclasses import dataclass

from pavg.kernels.losses import LOGISTIC
from pavg.problems.linear import LinearModel


@dataclass(frozen=True)
class Logistic(LinearModel):
    """F(w) = 1/n Σ log(1 + exp(−yᵢ⟨w, xᵢ⟩)) + l2/2 ‖w‖², with two classes y = ±1."""

    code = LOGISTIC
    classes = True
