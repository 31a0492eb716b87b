"""A net bound to images: the `Objective` that learners, evaluations and checkpoints see.

A model is float64 outside and float32 within, rounded on its way in and exact on its way out: no bit hangs on
where a run is interrupted. In a row of W come first the p parameters, then the s statistics of batch
normalisation.

- averaged: d = p + s. Statistics are averaged as weights are; gradient and momentum of theirs are 0.
- kept: d = p. Statistics lie behind the model, each learner's own, which checkpoints keep and averages leave
  alone. An average has none: wherever one is evaluated, they are made for it, from the parameters and the
  same training images on all ranks.

w0 has statistics that are made in that way, whichever they are.

On a GPU, models go through the host for an average, as MPI sums float64 there. An MPI that knows of device
memory could sum `Stack.w` where it lies: `steps` is where models enter and leave.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional
from torch.nn.modules.dropout import _DropoutNd

from pavg.comm.launch import local_rank
from pavg.errors import InputError
from pavg.kernels.images import AUGMENTATIONS, NONE, draw_images, take
from pavg.problems.base import Objective, frozen, width_of
from pavg.problems.nets.stack import REAL, Layout, Stack

PIECE = 256  # images at once in an evaluation
FIXED = 1024  # training images that statistics of an average are made from, at most


def bound(net, parts, seed):
    """The objective of a `pavg.problems.nets.base.Net` on the samples of a store."""
    device = _device(net.device)
    with torch.device("meta"):
        layout = Layout(_checked(net.module(), net.name))
    made = NetObjective(
        dimension=layout.p + (0 if net.kept else layout.s),
        n=parts["train"].n,
        y=frozen(parts["train"].y),
        start=net.start(layout.shapes, seed),
        optimum=None,
        classes=True,
        rows={name: part.n for name, part in parts.items()},
        sphere=False,
        notes={"version_torch": torch.__version__} | _said(device),
        net=net,
        layout=layout,
        device=device,
        samples={k: (frozen(part.X, part.dtype), part.y.astype(np.int64)) for k, part in parts.items()},
        scaling=net.scaling(parts["train"].X),
    )
    if not net.kept:
        made.start = np.concatenate([made.start, made.statistics_at(made.start)])
    return made


def _checked(module, name):
    """A module without state and randomness that would not be pavg's. InputError for another."""
    for layer in module.modules():
        if isinstance(layer, _DropoutNd) or next(layer.buffers(recurse=False), None) is not None:
            raise InputError(
                f"problem {name!r}: a layer {type(layer).__name__}, whose buffers or randomness averages and "
                "checkpoints would miss; expected BatchNorm and Dropout of pavg.problems.nets.layers"
            )
    return module


def _device(name):
    """The device of this rank."""
    if name == "cpu":
        return torch.device(name)
    count = torch.cuda.device_count()
    if not count:
        raise InputError("problem.device = 'cuda': PyTorch finds no GPU; expected 'cpu', or a node with one")
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.allow_tf32 = False  # float32 is float32
    return torch.device("cuda", local_rank() % count)


def _said(device):
    return {"gpu": torch.cuda.get_device_name(device)} if device.type == "cuda" else {}


@dataclass
class NetObjective(Objective):
    """net, layout : the problem, and how its models lie in a row of W; samples : part → (X, y), y int64;
    scaling : (shift, scale) of the channels."""

    net: object
    layout: Layout
    device: torch.device
    samples: dict
    scaling: tuple

    def __post_init__(self):
        self._one = Stack(self.layout, 1, self.device)
        self._stacks = {1: self._one}

    @property
    def width(self):
        return width_of(self.layout.p + self.layout.s)

    def embedded(self, w):
        W = super().embedded(w)
        if self.net.kept:
            W[0, self._all] = np.concatenate([w, self.statistics_at(w)])
        return W

    # --- local steps ------------------------------------------------------------------------------

    def steps(self, model, order, noise, schedule, n):
        W, V, mu, _ = model
        gammas, batches, first = schedule
        if n == 0:
            self._warm_up(order, noise, len(W), int(batches[first]))
            return
        p = self.layout.p
        for own, stack in self._groups(len(W)):
            stack.enter(W[own, self._all], V[own, :p] if V.size else None)
            for s in range(first, first + n):
                stack.learn(*self._batch(order, noise, own, int(batches[s])), self.net.l2)
                stack.move(mu, float(gammas[s]))
            W[own, self._all] = _back(stack.w, own)
            if V.size:
                V[own, :p] = _back(stack.moved, own)

    def gradients(self, model, order, noise, batch, G):
        W, p = model[0], self.layout.p
        for own, stack in self._groups(len(G)):
            stack.enter(W[own, self._all])
            stack.learn(*self._batch(order, noise, own, batch), self.net.l2)
            stack.remember()
            G[own, :p] = _back(stack.gradient, own)
            found = _back(stack.w, own)[:, p:]
            if self.net.kept:
                W[own, self._statistics] = found
            else:  # how they change, to be averaged and subtracted by `move`
                G[own, self._statistics] = W[own, self._statistics] - found

    def move(self, model, gamma, G):
        if self.net.kept:
            super().move(model, gamma, G)
            return
        change = G[:, self._statistics].copy()
        G[:, self._statistics] = 0.0  # no step size, no momentum
        super().move(model, gamma, G)
        model[0][:, self._statistics] -= change

    @property
    def _all(self):
        """Columns of W that are anything."""
        return slice(self.layout.p + self.layout.s)

    @property
    def _statistics(self):
        return slice(self.layout.p, self.layout.p + self.layout.s)

    def _groups(self, L):
        """(Slice of this rank's learners, the stack that they step in), one after the other."""
        torch.set_num_threads(self.net.threads)
        size = self.net.together
        if size == "auto":
            size = 1 if self.device.type == "cpu" else L
        for begin in range(0, L, size):
            if size not in self._stacks:
                self._stacks[size] = Stack(self.layout, size, self.device)
            yield slice(begin, min(begin + size, L)), self._stacks[size]

    def _batch(self, order, noise, own, batch):
        """(images, labels, keys) of the next mini-batch of each of these learners."""
        shape = own.stop - own.start, batch
        rows, keys = np.empty(shape, np.int64), np.empty(shape, np.uint64)
        for k, l in enumerate(range(own.start, own.stop)):
            draw_images(order, noise, l, batch, rows[k], keys[k])
        return self._images("train", rows, keys, AUGMENTATIONS[self.net.augmentation])

    def _images(self, part, rows, keys, augmentation=NONE):
        """(images (…, c, h, w), labels (…), keys (…)) of rows (…) of a part, on the device."""
        X, y = self.samples[part]
        images = np.empty((rows.size, *self.net.shape), np.float32)
        take(X, rows.ravel(), keys.ravel(), augmentation, *self.scaling, images)
        images = torch.from_numpy(images).to(self.device, REAL).unflatten(0, rows.shape)
        labels, keys = (torch.from_numpy(a).to(self.device) for a in (y[rows], keys.view(np.int64)))
        return images, labels, keys

    def _warm_up(self, order, noise, L, batch):
        """A gradient of the first image, so often, and no draw: nothing is set up on the clock."""
        own, stack = next(self._groups(L))
        rows = np.zeros((own.stop - own.start, batch), np.int64)
        stack.learn(*self._images("train", rows, rows.view(np.uint64), NONE), 0.0)
        draw_images(order, noise, 0, 0, rows[0], rows[0].view(np.uint64))

    # --- evaluations ------------------------------------------------------------------------------

    def losses(self, part, W, begin, end):
        return self._losses(part, np.arange(begin, end), W)

    def losses_of(self, rows, W):
        return self._losses("train", rows, W)[0]

    @torch.no_grad()
    def _losses(self, part, rows, W):
        """(Σ loss, right classes) over these rows of a part at W[0]."""
        module, loss, right = self._entered(W), 0.0, 0.0
        for images, labels in self._pieces(part, rows):
            logits = module(images)
            loss += functional.cross_entropy(logits.double(), labels, reduction="sum").item()
            right += (logits.argmax(1) == labels).sum().item()
        return loss, right

    def add_gradient(self, W, begin, end, G):
        if self.layout.s and self.net.kept:
            return None  # statistics of an average hang on its parameters
        module = self._entered(W)
        for images, labels in self._pieces("train", np.arange(begin, end)):
            self._one.gradient.zero_()
            functional.cross_entropy(module(images), labels, reduction="sum").backward()
            G[0, : self.layout.p] += self._one.gradient[0].cpu().numpy()
        return G

    def penalty(self, W):
        return 0.5 * self.net.l2 * np.sum(W[0, : self.layout.p] ** 2)

    def add_penalty_gradient(self, W, G):
        G[0, : self.layout.p] += self.net.l2 * W[0, : self.layout.p]

    @torch.no_grad()
    def statistics_at(self, w):
        """(s,): means and variances of one large batch of training images, spaced evenly, without dropout."""
        W = np.zeros((1, self.width))
        W[0, : self.layout.p] = w[: self.layout.p]
        module = self._entered(W)
        if not self.layout.norms:
            return np.empty(0)
        for norm in self.layout.norms:
            norm.train()
        rows = np.unique(np.linspace(0, self.n - 1, FIXED).astype(np.int64))
        module(self._images("train", rows, np.zeros(rows.shape, np.uint64))[0])
        return self.layout.seen().double().cpu().numpy()

    def _entered(self, W):
        """The module at W[0], as it is evaluated."""
        torch.set_num_threads(self.net.threads)
        self._one.enter(W[:1, self._all])
        return self.layout.module.eval()

    def _pieces(self, part, rows):
        """(images, labels) of these rows, PIECE at a time."""
        for first in range(0, rows.size, PIECE):
            piece = rows[first : first + PIECE]
            yield self._images(part, piece, np.zeros(piece.shape, np.uint64))[:2]


def _back(tensor, own):
    """Rows of a stack for the learners in it, on the host."""
    return tensor[: own.stop - own.start].cpu().numpy()
