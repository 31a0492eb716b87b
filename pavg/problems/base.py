"""What a problem is, and what it becomes once it is bound to samples."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from pavg.kernels.vectors import aligned_zeros
from pavg.registry import Component

if TYPE_CHECKING:
    from pavg.data import Store
    from pavg.spec import Spec

NONE = np.empty(0)
Models = NDArray[np.float64]
Tuples = tuple[Any, ...]  # of arrays and numbers, as the compiled loops take them


def width_of(dimension: int) -> int:
    """Entries kept for a model: a multiple of 8 (64 bytes), with room for a CSR dummy column."""
    return (dimension + 8) // 8 * 8


def frozen(array: ArrayLike, dtype: DTypeLike = np.float64) -> NDArray[Any]:
    """A contiguous read-only base-class array of `dtype`: what the compiled loops take as samples."""
    array = np.ascontiguousarray(np.asarray(array), dtype).view()
    array.flags.writeable = False
    return array


class Problem(Component):
    """Base of the problems: a frozen dataclass of parameters, and `bind`.

    needs_data : takes samples from `data`; otherwise it makes its own, or needs none.
    partition : the rule that its samples are dealt out by, where the specification names none.
    lanes : whether its compiled loops take several step sizes side by side.
    """

    needs_data: ClassVar[bool] = False
    lanes: ClassVar[bool] = False
    partition: ClassVar[str] = "pool"

    @property
    def draws(self) -> bool:
        """Whether local steps draw from samples, given ones or its own."""
        return self.needs_data

    def bind(self, store: "Store | None", P: int, seed: int) -> "Objective":
        """The `Objective` on the samples of a `pavg.data.Store` (None without data)."""
        raise NotImplementedError

    def conflicts(self, spec: "Spec") -> list[str]:
        if self.needs_data and spec.data is None:
            return [f"data: missing; problem {self.name!r} needs samples (a name or a path)"]
        if not self.needs_data and spec.data is not None:
            return [f"data: problem {self.name!r} takes none; expected no [data]"]
        if self.draws:
            return []
        found = []
        if spec.partition is not None or spec.sampling != "replacement" or spec.weights != "equal":
            found.append(
                f"problem {self.name!r} draws from no samples: expected no partition, sampling or weights"
            )
        if spec.stop.epochs is not None:
            found.append(f"stop.epochs: problem {self.name!r} has no training set; expected steps or samples")
        return found


@dataclass
class Objective:
    """F(w) on this rank: compiled local steps, and sums over rows that ranks share out.

    dimension : d of the model; width : entries kept for it; n : rows that local steps draw
    from; y : their targets, for partitions; start : w0, shape (d,);
    optimum : F*, if it is known; classes : whether accuracy has a meaning; rows : how many terms the
    training loss is a mean of ("train") and the test loss ("test"); sphere : ‖w‖ = 1 is kept;
    notes : what the record should say of the problem. family : the module of `pavg.kernels` whose loops
    it runs, None for others.
    """

    dimension: int
    n: int
    y: NDArray[np.float64]
    start: NDArray[np.float64]
    optimum: float | None
    classes: bool
    rows: dict[str, int]
    sphere: bool
    notes: dict[str, str]

    family: ClassVar[str | None] = None
    convex: ClassVar[bool] = False  # known to be, with a curvature that is known
    block: ClassVar[int] = 1  # local steps that a cut between changes no bit of
    quadratic: ClassVar[bool] = False  # the loss of each row is a quadratic of the model

    @property
    def width(self) -> int:
        return width_of(self.dimension)

    def embedded(self, w: NDArray[np.float64]) -> Models:
        """Models (1, width), or (1, width, lanes), of one model (d,), or (d, lanes)."""
        W = aligned_zeros((1, self.width, *w.shape[1:]))
        W[0, : self.dimension] = w
        return W

    def arguments(self, lanes: int = 1, momentum: bool = False) -> Tuples:
        """What the compiled functions of this family take first."""
        raise NotImplementedError

    @property
    def csr(self) -> Tuples | None:
        """(columns, indptr, d, intercept, λ), where a step moves the columns of its rows alone; else None."""
        return None

    def steps(
        self, model: Tuples, order: Tuples, noise: NDArray[np.uint64], schedule: Tuples, n: int
    ) -> None:
        """n local steps of every learner (tuples: `pavg.kernels.linear`)."""
        raise NotImplementedError

    def gradients(
        self, model: Tuples, order: Tuples, noise: NDArray[np.uint64], batch: int, G: Models
    ) -> None:
        """G (L, width) ← each learner's mini-batch gradient at its own model."""
        raise NotImplementedError

    def move(self, model: Tuples, gamma: float, G: Models) -> None:
        """The local step w ← w − γG by gradients G (with momentum: v ← μv + G, w ← w − γv)."""
        W, V, mu, _ = model
        if V.size:
            V *= mu
            V += G
        W -= gamma * (V if V.size else G)
        if self.sphere:
            W /= np.linalg.norm(W, axis=1, keepdims=True)

    def losses(self, part: str, W: Models, begin: int, end: int) -> tuple[Any, Any]:
        """(Σ loss, right classes) over rows begin … end − 1 of a part, at W[0]; with lanes, of each."""
        raise NotImplementedError

    def losses_of(self, rows: NDArray[np.int64], W: Models) -> Any:
        """Σ loss over these training rows at W[0]; with lanes, of each."""
        return sum(self.losses("train", W, i, i + 1)[0] for i in rows.tolist())

    def penalty(self, W: Models) -> Any:
        """What F adds to the mean loss at W[0]."""
        return 0.0

    def add_gradient(self, W: Models, begin: int, end: int, G: Models) -> Models | None:
        """G[0] += Σ ∇loss over training rows begin … end − 1; None where no exact gradient is known."""
        raise NotImplementedError

    def add_penalty_gradient(self, W: Models, G: Models) -> None:
        """G[0] += the gradient of `penalty` at W[0]."""

    def add_curvature(self, W: Models, V: Models, begin: int, end: int, G: Models) -> Models | None:
        """G[0] += Σ ∇²loss·V[0] over training rows at W[0]; None where that is not known."""
        return None

    def add_hessian(self, W: Models, begin: int, end: int, H: Models) -> None:
        """H (d, d) += Σ ∇²loss over training rows at W[0], below and on its diagonal, where `add_curvature`
        is known."""
        raise NotImplementedError

    def add_gradient_and_squares(self, W: Models, begin: int, end: int, G: Models) -> float | None:
        """Σ ‖∇loss of a row‖² over training rows at W[0], G[0] += Σ ∇loss; None where that is not known."""
        return None

    def add_noise_slopes(self, W: Models, V: Models, begin: int, end: int, G: Models) -> None:
        """G[0] += ½∇ Σ ‖∇loss of a row − V[0]‖² over training rows at W[0], where these are known."""
        raise NotImplementedError

    @property
    def majorant(self) -> "tuple[float, float, Objective]":
        """(largest |∂ℓ/∂z|, largest |∂²ℓ/∂z²|, the mean of ½(z − 1)²) of a loss of z = ⟨w, x⟩ of each row.

        The Hessian of the third, times the second, is above ±∇²F everywhere, but for the penalty; known where
        `add_curvature` is.
        """
        raise NotImplementedError

    def least_margin(self, W: Models, begin: int, end: int) -> float:
        """The least margin of a class over training rows at W[0]; −∞ where there are no classes."""
        return -np.inf
