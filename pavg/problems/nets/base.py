"""What nets have in common: parameters, samples, where they begin. Nothing here needs PyTorch."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np
from annotated_types import Ge
from numpy.typing import NDArray

from pavg import streams
from pavg.errors import missing_extra
from pavg.kernels.images import moments
from pavg.problems.base import Problem
from pavg.problems.images import parts_of

if TYPE_CHECKING:
    import torch

    from pavg.data import Store
    from pavg.problems.nets.objective import NetObjective
    from pavg.spec import Spec

Shapes = list[tuple[str, tuple[int, ...]]]  # of a module's parameters, by name and in order


@dataclass(frozen=True)
class Net(Problem):
    """Base: mean cross-entropy of a PyTorch module on images in ten classes, plus l2/2 ‖parameters‖².

    Models are rounded to float32 for local steps and losses. w0 is the same for all learners.

    augmentation : of training images: "flip" mirrors every second one at random, "crop" also moves all by
    up to 4 pixels, zeros moving in; device : "cuda" goes through the GPUs that PyTorch sees, ranks of a node
    in turn; threads : of a rank on the CPU: last bits hang on them; together : how many of a rank's learners
    step at once, by `torch.func.vmap`; "auto" is one on the CPU and all on a GPU.
    """

    needs_data = True
    shape: ClassVar[tuple[int, int, int]] = (3, 32, 32)  # of an image: channels, height, width

    augmentation: Literal["none", "flip", "crop"] = "none"
    l2: Annotated[float, Ge(0)] = 0.0
    device: Literal["cpu", "cuda"] = "cpu"
    threads: Annotated[int, Ge(1)] = 1
    together: Annotated[int, Ge(1)] | Literal["auto"] = "auto"

    @property
    def kept(self) -> bool:
        """Whether batch statistics are each learner's own, and no part of the model."""
        return False

    def module(self) -> "torch.nn.Module":
        """The net, of layers of PyTorch and of `pavg.problems.nets.layers`: images (B, channels, height,
        width) to logits (B, 10)."""
        raise NotImplementedError

    def scaling(self, X: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(shift, scale) (channels,): pixels become (x − shift) / scale. X : the training set."""
        channels, height, width = self.shape
        return moments(X, channels, height * width)

    def start(self, shapes: Shapes, seed: int) -> NDArray[np.float64]:
        """The parameters of w0, of He et al. (2015): weights are normal, of variance 2/(numbers that a unit
        sees); biases are 0, and factors of batch normalisation 1."""
        generator, pieces = streams.generator(seed, "initial"), []
        for name, shape in shapes:
            if len(shape) > 1:
                drawn = generator.standard_normal(math.prod(shape))
                pieces.append(drawn * np.sqrt(2 / math.prod(shape[1:])))
            else:
                pieces.append(np.full(shape, float(name.endswith("weight"))))
        return np.concatenate(pieces)

    def bind(self, store: "Store | None", P: int, seed: int) -> "NetObjective":
        """The objective on a store's images. InputError for others, without PyTorch, and without a GPU."""
        parts = parts_of(store, self.name, self.shape)
        try:
            from pavg.problems.nets.objective import bound
        except ImportError as error:
            if (error.name or "").split(".")[0] != "torch":
                raise
            raise missing_extra("torch", "torch") from None
        return bound(self, parts, seed)


def _of_one(spec):
    """Whether a mini-batch is of one sample, the first at least."""
    return spec.batch_size is None or spec.batch_size.at(np.ones(1, np.int64))[0] == 1


@dataclass(frozen=True)
class ColourNet(Net):
    """Base of nets on images of 32×32 pixels in three colours (CIFAR-10), with batch normalisation.

    Each colour is shifted and scaled to mean 0 and deviation 1 over the training set.

    statistics : means and variances that evaluations normalise by are "averaged", entries of the model like
    any other, or "kept" by each learner (`pavg.problems.nets.objective`).
    """

    augmentation: Literal["none", "flip", "crop"] = "crop"
    statistics: Literal["averaged", "kept"] = "averaged"

    @property
    def normalised(self) -> bool:
        """Whether there is batch normalisation."""
        return True

    @property
    def kept(self):
        return self.statistics == "kept"

    def conflicts(self, spec: "Spec") -> list[str]:
        found = super().conflicts(spec)
        if self.normalised and _of_one(spec):
            found.append(
                f"batch_size: of one sample; problem {self.name!r} normalises by mini-batches: expected more"
            )
        if self.kept and not self.normalised:
            found.append("problem.statistics = 'kept': there are none without batch normalisation")
        return found
