"""Models of a few learners on a device, side by side, and their gradients."""

import torch
from torch import nn
from torch.func import functional_call, grad, vmap
from torch.nn import functional

from pavg.problems.nets.layers import BatchNorm, Dropout

REAL = torch.float32
MEMORY = 0.1  # weight of a batch among the statistics so far


class Layout:
    """How a module lies in one vector: p parameters in their order, then the s statistics, of each batch
    normalisation the means and the variances."""

    def __init__(self, module):
        self.module = module
        self.shapes = [(name, tuple(parameter.shape)) for name, parameter in module.named_parameters()]
        self.norms = [layer for layer in module.modules() if isinstance(layer, BatchNorm)]
        self.dropouts = [layer for layer in module.modules() if isinstance(layer, Dropout)]
        self.sizes = [parameter.numel() for parameter in module.parameters()]
        self.channels = [norm.weight.numel() for norm in self.norms for _ in range(2)]
        self.p, self.s = sum(self.sizes), sum(self.channels)

    def named(self, flat):
        """Name → parameter (…, its shape) of flat vectors (…, p), sharing their memory."""
        pieces = flat.split(self.sizes, -1)
        return {n: x.unflatten(-1, shape) for (n, shape), x in zip(self.shapes, pieces, strict=True)}

    def seen(self):
        """(s,): the statistics of the batch that has just gone through."""
        return torch.cat([part for norm in self.norms for part in norm.seen])


class Stack:
    """Up to `size` models: w (size, p + s), momentum `moved` (size, p), `gradient` (size, p), and the
    statistics that were `seen` (size, s) on the way.

    Where there is one, it is the module's own parameters and statistics, which share its memory; several go
    through `torch.func.vmap`, the same up to rounding.
    """

    def __init__(self, layout, size, device):
        self.layout, self.size, self.device = layout, size, device
        zeros = {"dtype": REAL, "device": device}
        self.w = torch.zeros(size, layout.p + layout.s, **zeros)
        self.moved, self.gradient = (torch.zeros(size, layout.p, **zeros) for _ in range(2))
        self.seen = torch.zeros(size, layout.s, **zeros)
        if size == 1:
            self._own()

    def _own(self):
        """The module's parameters, their gradients and its statistics are row 0 from now on."""
        layout = self.layout
        gradients = layout.named(self.gradient[0])
        for name, values in layout.named(self.w[0, : layout.p]).items():
            owner, _, own = name.rpartition(".")
            parameter = nn.Parameter(values)
            parameter.grad = gradients[name]
            setattr(layout.module.get_submodule(owner), own, parameter)
        statistics = iter(self.w[0, layout.p :].split(layout.channels))
        for norm in layout.norms:
            norm.mean, norm.variance = next(statistics), next(statistics)

    def enter(self, W, V=None):
        """Take models (m, p + s), m ≤ size, and their momentum (m, p), rounded; None: 0."""
        self._take(self.w, W)
        self.moved.zero_()
        if V is not None:
            self._take(self.moved, V)

    def _take(self, into, rows):
        into[: len(rows)] = torch.from_numpy(rows).to(REAL).to(self.device)

    def learn(self, images, labels, keys, l2):
        """gradient, seen ← of m mini-batches, one a model: images (m, B, …), labels and keys (m, B) int64.

        The gradient is that of mean cross-entropy + l2/2 ‖parameters‖².
        """
        layout, m = self.layout, len(images)
        layout.module.train()
        if self.size == 1:
            self.gradient.zero_()
            self._loss(images[0], labels[0], keys[0]).backward()
            if layout.norms:
                self.seen[0] = layout.seen()
        else:
            of = grad(self._loss_of, has_aux=True)
            slopes, seen = vmap(of)(layout.named(self.w[:m, : layout.p]), images, labels, keys)
            torch.cat([slope.flatten(1) for slope in slopes.values()], 1, out=self.gradient[:m])
            if layout.norms:
                self.seen[:m] = seen
        if l2:
            self.gradient.add_(self.w[:, : layout.p], alpha=l2)

    def _loss(self, images, labels, keys, parameters=None):
        """Mean cross-entropy of one mini-batch, at the module's own parameters or others."""
        module = self.layout.module
        for layer in self.layout.dropouts:
            layer.keys = keys
        logits = module(images) if parameters is None else functional_call(module, parameters, (images,))
        return functional.cross_entropy(logits, labels)

    def _loss_of(self, parameters, *batch):
        """(Loss, statistics)."""
        return self._loss(*batch, parameters), self.layout.seen() if self.layout.norms else ()

    def move(self, mu, gamma):
        """A local step: moved ← μ·moved + gradient, parameters ← parameters − γ·moved, and what was seen
        becomes a part of the statistics."""
        p = self.layout.p
        self.moved.mul_(mu).add_(self.gradient)
        self.w[:, :p].add_(self.moved, alpha=-gamma)
        self.remember()

    def remember(self):
        """statistics ← (1 − MEMORY)·statistics + MEMORY·seen."""
        self.w[:, self.layout.p :].lerp_(self.seen, MEMORY)
