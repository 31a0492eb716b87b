"""Network in network for CIFAR-10 (Lin, Chen & Yan 2013; Zhou & Cong 2018, section 4)."""

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge

from pavg.problems.nets.base import ColourNet


@dataclass(frozen=True)
class NIN(ColourNet):
    """Network in network: nine convolutions, six of them 1×1, and no layer that is fully connected.

    Three blocks of a convolution (5×5, 5×5, 3×3) and two of 1×1, each with ReLU; between them pooling of 3×3
    every 2 pixels, by maximum, then by mean, with dropout of ½; means of the last ten maps are the logits.

    width : maps, but for 5/6 and 1/2 of it in the first block's last layers. With 192, and 160 and 96, it has
    0.97 million parameters, without batch normalisation.
    """

    width: Annotated[int, Ge(6)] = 192
    batch_norm: bool = True
    dropout: bool = True

    @property
    def normalised(self):
        return self.batch_norm

    def module(self):
        from torch import nn

        from pavg.problems.nets.layers import BatchNorm, Dropout

        def block(seen, size, *widths):
            layers = []
            for k, maps in enumerate(widths):
                side = size if k == 0 else 1
                layers.append(nn.Conv2d(seen, maps, side, padding=side // 2))
                layers += [*([BatchNorm(maps)] if self.batch_norm else []), nn.ReLU()]
                seen = maps
            return layers

        def drop(number):
            return [Dropout(0.5, number)] if self.dropout else []

        w, half = self.width, self.width // 2
        return nn.Sequential(
            *(*block(3, 5, w, 5 * w // 6, half), nn.MaxPool2d(3, 2, ceil_mode=True), *drop(0)),
            *(*block(half, 5, w, w, w), nn.AvgPool2d(3, 2, ceil_mode=True), *drop(1)),
            *(*block(w, 3, w, w, 10), nn.AdaptiveAvgPool2d(1), nn.Flatten()),
        )
