"""Classification by the sigmoid loss, which is not convex."""

from dataclasses import dataclass

from pavg.kernels.losses import SIGMOID
from pavg.problems.linear import LinearModel


@dataclass(frozen=True)
class Sigmoid(LinearModel):
    """F(w) = 1/n Σ 1/(1 + exp(yᵢ⟨w, xᵢ⟩)) + l2/2 ‖w‖², with two classes y = ±1: not convex."""

    code = SIGMOID
    classes = True
