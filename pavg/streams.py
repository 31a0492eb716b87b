"""Random streams: every one a function of (seed, purpose, learner) alone.

Nothing else enters: no rank, no number of ranks, no time, no machine. What all learners
share (the coin of stochastic averaging, the initial model) has no learner in its key.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

# The number of a purpose is part of the results' meaning: add at the end, never renumber.
PURPOSES = {
    "partition": 0,
    "initial": 1,
    "order": 2,
    "noise": 3,
    "coin": 4,
    "problem": 5,
    "split": 6,
    "synthetic": 7,  # with the number of a block of rows in place of a learner's
    "line": 8,
    "ranking": 9,
    "compute": 10,  # given seconds of local steps, in virtual time
    "comm": 11,  # of messages; with P in place of a learner's number, of combinations
}


def sequence(seed: int, purpose: str, learner: int | None = None) -> np.random.SeedSequence:
    """The `numpy.random.SeedSequence` of one purpose, and of one learner if it is given."""
    key = (PURPOSES[purpose],) if learner is None else (PURPOSES[purpose], learner)
    return np.random.SeedSequence(seed, spawn_key=key)


def generator(seed: int, purpose: str, learner: int | None = None) -> np.random.Generator:
    """A `numpy.random.Generator` for draws outside the kernels."""
    return np.random.default_rng(sequence(seed, purpose, learner))


def key(seed: int, purpose: str, learner: int | None = None) -> np.uint64:
    """One 64-bit key (numpy.uint64) for the counter-based streams inside the kernels."""
    return sequence(seed, purpose, learner).generate_state(1, np.uint64)[0]


def keys(seed: int, purpose: str, learners: Iterable[int]) -> NDArray[np.uint64]:
    """The keys of several learners. learners : iterable of int. Returns uint64, shape (L,)."""
    return np.array([key(seed, purpose, learner) for learner in learners], np.uint64)
