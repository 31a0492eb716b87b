"""What a method is: decisions about when, as functions of (parameters, seed, tick) alone."""

from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from pavg.registry import Component

if TYPE_CHECKING:
    from pavg.learners import Learners

BLOCK = 64  # a stop lies at a round's end, or so many local steps (or a multiple) after its beginning


class Method(Component):
    """Base of the methods: a frozen dataclass of parameters, without state.

    A method that averages models says when, by `averages`; the rest is here. One that does something
    else overrides `advance` too. A tick is a local step unless the method says otherwise.

    lanes : whether several step sizes can go side by side, which is so where learners are only asked for
    `rounds`.
    gradients : whether learners are asked for `gradient`.
    asynchronous : whether learners go on without each other (`pavg.methods.asynchronous`).
    foreseen : whether there is `round_of`.
    alike : whether all learners do the same number of local steps.
    buffers : names of arrays, of a model's shape, that all ranks keep alike: `learners.shared`.
    """

    lanes: ClassVar[bool] = False
    gradients: ClassVar[bool] = False
    asynchronous: ClassVar[bool] = False
    foreseen: ClassVar[bool] = False
    alike: ClassVar[bool] = True
    buffers: ClassVar[tuple[str, ...]] = ()

    @property
    def clocked(self) -> bool:
        """Whether what learners do hangs on a clock: then each has a rank of its own."""
        return False

    @property
    def label(self) -> str:
        """What names the method in a file name and a table."""
        return self.name

    def averages(self, learners: "Learners", t: int, stop: int) -> NDArray[np.int64]:
        """The ticks in t + 1 … stop after which learners average: sorted int64."""
        raise NotImplementedError

    def round_of(self, t: NDArray[np.int64]) -> NDArray[np.int64]:
        """The round 1, 2, … that local steps t = 1, 2, … belong to, where that is known beforehand."""
        raise NotImplementedError

    def advance(self, learners: "Learners", t: int, stop: int) -> None:
        """From tick t to tick stop: local steps on every learner, and averages where they are due."""
        ends = self._ends(learners, t, stop)
        learners.rounds(np.diff(ends, prepend=t), rest=stop - (int(ends[-1]) if ends.size else t))

    def ticks_for(self, learners: "Learners", steps: int) -> int:
        """The tick at which every learner has done so many local steps."""
        return steps

    def ticks_seeing(self, learners: "Learners", samples: int) -> int:
        """The first tick at which all learners together have seen so many samples."""
        return self.ticks_for(learners, learners.schedule.steps_for(samples))

    def allowed(self, learners: "Learners", t: int, stop: int) -> int:
        """The first tick from `stop` on where the engine may stop, coming from tick t.

        Kernels that work in blocks are never cut there, so that stops change no bit.
        """
        ends = self._ends(learners, t, stop + BLOCK)
        past = np.searchsorted(ends, stop)  # ends[past] is the first average at or after `stop`
        begin = int(ends[past - 1]) if past else t - learners.since
        blocks = begin + -(-(stop - begin) // BLOCK) * BLOCK
        return min(blocks, int(ends[past])) if past < ends.size else blocks

    def _ends(self, learners, t, stop):
        """`averages`; ValueError for what is none: with a user's own, a run would go on, or never end."""
        ends = self.averages(learners, t, stop)
        if isinstance(ends, np.ndarray) and ends.ndim == 1 and ends.dtype == np.int64:
            if not ends.size or (t < ends[0] and ends[-1] <= stop and (ends[1:] > ends[:-1]).all()):
                return ends
        raise ValueError(
            f"{self.name}: averages: expected ticks from {t + 1} to {stop}, ascending, an array of int64; "
            f"found {ends!r}"
        )
