"""Residual nets for CIFAR-10 (He, Zhang, Ren & Sun 2016, section 4.2)."""

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge

from pavg.problems.nets.base import ColourNet


@dataclass(frozen=True)
class ResNet(ColourNet):
    """A residual net of `depth` = 6n + 2 layers, with batch normalisation and shortcuts without parameters.

    3×3 convolutions: one, then n blocks of two with width, 2·width and 4·width maps each; their option A.
    depth = 20 is the ResNet-20 of 0.27 million parameters.
    """

    depth: Annotated[int, Ge(8)] = 20
    width: Annotated[int, Ge(1)] = 16

    def module(self):
        from pavg.problems.nets.residual import residual

        return residual((self.depth - 2) // 6, self.width)

    def conflicts(self, spec):
        found = super().conflicts(spec)
        if self.depth % 6 != 2:
            found.append(f"problem.depth = {self.depth}: expected 6n + 2: 8, 14, 20, 32, 44, 56, 110 …")
        return found
