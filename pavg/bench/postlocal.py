"""PyTorch's PostLocalSGDOptimizer over gloo: local SGD as a PyTorch user has it, on the same rows."""

import contextlib
import tempfile
from pathlib import Path

import numpy as np

from pavg.errors import missing_extra


@contextlib.contextmanager
def process_group(comm):
    """torch.distributed with the ranks of `comm`, over gloo, one thread each. InputError without torch."""
    try:
        import torch
        from torch import distributed
    except ImportError:
        raise missing_extra("torch", "torch") from None
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    folder = comm.bcast(tempfile.mkdtemp() if comm.Get_rank() == 0 else None)
    meeting = Path(folder, "meeting")
    size, rank = comm.Get_size(), comm.Get_rank()
    distributed.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=size)
    try:
        yield
    finally:
        comm.Barrier()
        distributed.destroy_process_group()
        torch.set_num_threads(threads)
        comm.Barrier()
        if rank == 0:
            meeting.unlink(missing_ok=True)
            Path(folder).rmdir()


class LocalSGD:
    """Logistic regression in float64 by single samples, averaged every `period` steps.

    parallel : wrapped in DistributedDataParallel, as PyTorch's documentation has it (its hook leaves
    gradients alone: there is no Allreduce but that of models); without, only the optimizer.
    X : (n, d); y : −1 or +1; rows are taken in order.
    """

    def __init__(self, X, y, step_size, period, parallel):
        import torch
        from torch.distributed.algorithms.ddp_comm_hooks import post_localSGD_hook as hooks
        from torch.distributed.algorithms.model_averaging.averagers import PeriodicModelAverager
        from torch.distributed.optim import PostLocalSGDOptimizer
        from torch.nn.parallel import DistributedDataParallel

        self.X, self.y = torch.tensor(X), torch.tensor((y + 1) / 2)[:, None]
        self.linear = torch.nn.Linear(X.shape[1], 1, bias=False, dtype=torch.float64)
        torch.nn.init.zeros_(self.linear.weight)
        self.model = self.linear
        if parallel:
            self.model = DistributedDataParallel(self.linear)
            state = hooks.PostLocalSGDState(
                process_group=None,
                subgroup=torch.distributed.group.WORLD,
                start_localSGD_iter=0,
                post_local_gradient_allreduce=False,
            )
            self.model.register_comm_hook(state, hooks.post_localSGD_hook)
        # its first average is after step warmup_steps + 1
        self.optimizer = PostLocalSGDOptimizer(
            torch.optim.SGD(self.linear.parameters(), lr=step_size),
            PeriodicModelAverager(period=period, warmup_steps=period - 1),
        )
        self.loss = torch.nn.functional.binary_cross_entropy_with_logits
        self.row = 0

    def step(self, n):
        """n local steps, and the averages that fall into them."""
        for _ in range(n):
            i = self.row
            self.optimizer.zero_grad()
            self.loss(self.model(self.X[i : i + 1]), self.y[i : i + 1]).backward()
            self.optimizer.step()
            self.row = (i + 1) % len(self.X)

    @property
    def w(self):
        return np.array(self.linear.weight.detach()).ravel()
