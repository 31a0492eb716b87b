"""The modules of residual nets."""

from torch import nn
from torch.nn import functional

from pavg.problems.nets.layers import BatchNorm


class Block(nn.Module):
    """Two convolutions and what goes past them: every `stride`-th pixel, and zeros for maps that are new."""

    def __init__(self, seen, maps, stride):
        super().__init__()
        self.stride, self.new = stride, maps - seen
        self.body = nn.Sequential(
            nn.Conv2d(seen, maps, 3, stride, padding=1, bias=False),
            BatchNorm(maps),
            nn.ReLU(),
            nn.Conv2d(maps, maps, 3, padding=1, bias=False),
            BatchNorm(maps),
        )

    def forward(self, x):
        past = x[:, :, :: self.stride, :: self.stride]
        return functional.relu(self.body(x) + functional.pad(past, (0, 0, 0, 0, 0, self.new)))


def residual(n, width):
    """A net of 6n + 2 layers."""
    layers = [nn.Conv2d(3, width, 3, padding=1, bias=False), BatchNorm(width), nn.ReLU()]
    seen = width
    for maps, stride in ((width, 1), (2 * width, 2), (4 * width, 2)):
        for k in range(n):
            layers.append(Block(seen, maps, stride if k == 0 else 1))
            seen = maps
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(seen, 10))
