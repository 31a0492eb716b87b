"""VGG for CIFAR-10 (Simonyan & Zisserman 2014, on images of 32×32; Zhou & Cong 2018, section 4)."""

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge

from pavg.problems.nets.base import ColourNet

BLOCKS = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}


@dataclass(frozen=True)
class VGG(ColourNet):
    """VGG of 11 to 19 layers with a classifier for small images.

    3×3 convolutions in five blocks of width, 2, 4, 8 and 8 times width maps, each with 2×2 max-pooling behind
    it; then layers of 8·width and 10.

    dropout : the net of the Torch code for CIFAR-10 (Zagoruyko 2015) whose settings, γ = 1 halved again and
    again, are those of Zhou & Cong, who do not say which vgg theirs is: 0.3 in the first block, 0.4 in the
    others, behind all convolutions but a block's last, and 0.5 twice in the classifier.
    """

    depth: Literal[11, 13, 16, 19] = 16
    width: Annotated[int, Ge(1)] = 64
    batch_norm: bool = True
    dropout: bool = True

    @property
    def normalised(self):
        return self.batch_norm

    def module(self):
        from torch import nn

        from pavg.problems.nets.layers import BatchNorm, Dropout

        dropped = iter(range(100))

        def drop(p):
            return [Dropout(p, next(dropped))] if self.dropout else []

        def normed(layer, units):
            return [layer, *([BatchNorm(units)] if self.batch_norm else []), nn.ReLU()]

        layers, seen = [], 3
        for block, convolutions in enumerate(BLOCKS[self.depth]):
            maps = self.width * min(2**block, 8)
            for k in range(convolutions):
                layers += normed(nn.Conv2d(seen, maps, 3, padding=1), maps)
                layers += drop(0.3 if block == 0 else 0.4) if k < convolutions - 1 else []
                seen = maps
            layers.append(nn.MaxPool2d(2))
        layers += [nn.Flatten(), *drop(0.5), *normed(nn.Linear(seen, seen), seen), *drop(0.5)]
        return nn.Sequential(*layers, nn.Linear(seen, 10))
