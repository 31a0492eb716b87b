"""One run in a few numbers: what tables and counts say of a result file, without opening it again."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Summary:
    """What `pavg show` and `pavg status` say of one run.

    attributes : of the root; last : final values of the curves; seconds : phase → seconds of the
    training clock over all intervals, mean over ranks. A run that failed before its first evaluation
    has no last values. elapsed : seconds of the training clock, evaluations and checkpoints.
    """

    path: Path
    attributes: dict
    last: dict
    seconds: dict
    elapsed: float
