"""LeNet of `pavg.problems.lenet` by PyTorch, as a check of either by the other."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Gt

from pavg.kernels.lenet import DIMENSION, ENDS
from pavg.problems.lenet import start
from pavg.problems.nets.base import Net


@dataclass(frozen=True)
class TorchLeNet(Net):
    """The problem `lenet` by PyTorch: the same net, images, w0 and local steps, to rounding.

    A pixel's value is divided by `white`.
    """

    shape = (1, 28, 28)

    white: Annotated[float, Gt(0)] = 255.0

    def module(self):
        from torch import nn

        return nn.Sequential(
            *(nn.Conv2d(1, 32, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(32, 64, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Flatten(), nn.Linear(3136, 512), nn.ReLU(), nn.Linear(512, 10)),
        )

    def scaling(self, X):
        return np.zeros(1), np.full(1, self.white)

    def start(self, shapes, seed):
        return start(seed)[places()]


def places():
    """(DIMENSION,): w[places()] are PyTorch's parameters, one after the other, of a model w of `lenet`."""
    f1, b1, f2, b2, w3, b3, w4, b4 = np.split(np.arange(DIMENSION), ENDS[1:-1])
    parts = (
        *(f1.reshape(5, 5, 1, 32).transpose(3, 2, 0, 1), b1),
        *(f2.reshape(5, 5, 32, 64).transpose(3, 2, 0, 1), b2),
        *(w3.reshape(7, 7, 64, 512).transpose(3, 2, 0, 1), b3),
        *(w4, b4),
    )
    return np.concatenate([part.ravel() for part in parts])
