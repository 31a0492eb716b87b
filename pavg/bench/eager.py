"""LeNet in PyTorch, eager and on one thread: the same local step on the same images."""

import numpy as np

from pavg.errors import missing_extra
from pavg.problems.nets.lenet import TorchLeNet, places


class Eager:
    """Momentum SGD on mini-batches of rows in order, from pavg's w0. X : pixels in 0 … 1."""

    def __init__(self, w0, X, y, step_size, momentum, batch):
        try:
            import torch
            from torch import nn
        except ImportError:
            raise missing_extra("torch", "torch") from None
        torch.set_num_threads(1)
        self.net, self.order, self.utils = TorchLeNet().module(), places(), nn.utils
        self.utils.vector_to_parameters(
            torch.tensor(w0[self.order].astype(np.float32)), self.net.parameters()
        )
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
        w = np.empty(self.order.size, np.float32)
        w[self.order] = self.utils.parameters_to_vector(self.net.parameters()).detach().numpy()
        return w
