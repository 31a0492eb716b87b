"""What a method is: decisions about when, as functions of (parameters, seed, tick) alone."""

import numpy as np

from pavg.registry import Component

BLOCK = 64  # a stop lies at a round's end, or so many local steps (or a multiple) after its beginning


class Method(Component):
    """Base of the methods: a frozen dataclass of parameters, without state.

    A method that averages models says when, by `averages`; the rest is here. One that does something
    else overrides `advance` too. A tick is a local step unless the method says otherwise.

    lanes : whether several step sizes can go side by side, which is so where learners are only asked for
    `rounds`.
    gradients : whether learners are asked for `gradient`.
    """

    lanes = False
    gradients = False

    @property
    def label(self):
        """What names the method in a file name and a table."""
        return self.name

    def averages(self, learners, t, stop):
        """The ticks in t + 1 … stop after which learners average: sorted int64."""
        raise NotImplementedError

    def advance(self, learners, t, stop):
        """From tick t to tick stop: local steps on every learner, and averages where they are due."""
        ends = self.averages(learners, t, stop)
        lengths, rest = np.diff(ends, prepend=t), stop - (int(ends[-1]) if ends.size else t)
        if rest < 0 or (lengths < 1).any():  # a user's own: it would run on, or never end
            raise ValueError(f"{self.name}: averages: expected ticks from {t + 1} to {stop}, ascending")
        learners.rounds(lengths, rest)

    def ticks_for(self, learners, steps):
        """The tick at which every learner has done so many local steps."""
        return steps

    def allowed(self, learners, t, stop):
        """The first tick from `stop` on where the engine may stop, coming from tick t.

        Kernels that work in blocks are never cut there, so that stops change no bit.
        """
        ends = self.averages(learners, t, stop + BLOCK)
        past = np.searchsorted(ends, stop)  # ends[past] is the first average at or after `stop`
        begin = int(ends[past - 1]) if past else t - learners.since
        blocks = begin + -(-(stop - begin) // BLOCK) * BLOCK
        return min(blocks, int(ends[past])) if past < ends.size else blocks
