"""LeNet in PyTorch, eager and on one thread: the same local step on the same images."""

import numpy as np

from pavg.errors import missing_extra
from pavg.kernels.lenet import ENDS


class Eager:
    """Momentum SGD on mini-batches of rows in order, from pavg's w0. X : pixels in 0 … 1."""

    def __init__(self, w0, X, y, step_size, momentum, batch):
        try:
            import torch
            from torch import nn
        except ImportError:
            raise missing_extra("torch", "torch") from None
        torch.set_num_threads(1)
        self.net = nn.Sequential(
            *(nn.Conv2d(1, 32, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(32, 64, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Flatten(), nn.Linear(3136, 512), nn.ReLU(), nn.Linear(512, 10)),
        )
        f1, b1, f2, b2, w3, b3, w4, b4 = np.split(w0.astype(np.float32), ENDS[1:-1])
        given = [
            *(f1.reshape(5, 5, 1, 32).transpose(3, 2, 0, 1), b1),
            *(f2.reshape(5, 5, 32, 64).transpose(3, 2, 0, 1), b2),
            *(w3.reshape(7, 7, 64, 512).transpose(3, 2, 0, 1).reshape(512, -1), b3),
            *(w4.reshape(10, 512), b4),
        ]
        with torch.no_grad():
            for parameter, values in zip(self.net.parameters(), given, strict=True):
                parameter.copy_(torch.tensor(np.ascontiguousarray(values)))
        self.X = torch.tensor(X.reshape(-1, 1, 28, 28), dtype=torch.float32)
        self.y = torch.tensor(y.astype(np.int64))
        self.optimizer = torch.optim.SGD(self.net.parameters(), lr=step_size, momentum=momentum)
        self.loss, self.batch, self.row = nn.functional.cross_entropy, batch, 0

    def step(self, n):
        """n local steps."""
        for _ in range(n):
            rows = slice(self.row, self.row + self.batch)
            self.optimizer.zero_grad()
            self.loss(self.net(self.X[rows]), self.y[rows]).backward()
            self.optimizer.step()
            self.row = rows.stop % len(self.y)

    @property
    def w(self):
        """The model in pavg's order."""
        f1, b1, f2, b2, w3, b3, w4, b4 = (parameter.detach().numpy() for parameter in self.net.parameters())
        maps = w3.reshape(512, 64, 7, 7).transpose(2, 3, 1, 0)
        parts = f1.transpose(2, 3, 1, 0), b1, f2.transpose(2, 3, 1, 0), b2, maps, b3, w4, b4
        return np.concatenate([part.ravel() for part in parts])
