"""One run in a few numbers: what tables and counts say of a result file, without opening it again."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Summary:
    """What tables say of one run, and what must be known of its file before values are read.

    attributes : of the root; last : final values of the curves; seconds : phase → seconds of the
    training clock over all intervals, mean over ranks. A run that failed before its first evaluation
    has no last values. elapsed : seconds of the training clock, evaluations and checkpoints. curve : the
    loss at a few evaluations, evenly chosen, to three digits. sizes : axis → length. variables : names of
    those that are there. machine : CPU and MPI library.
    """

    path: Path
    attributes: dict
    last: dict
    seconds: dict
    elapsed: float
    curve: list
    sizes: dict
    variables: list
    machine: dict
