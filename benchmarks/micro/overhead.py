"""What a cell costs beside training and evaluation: binding, checkpoint folder, lock, record, file.

    python benchmarks/micro/overhead.py [RANKS [SPEC [KEY=VALUE …]]]

runs a sweep in one MPI job and prints, for each cell, the seconds from its beginning to the next one's, less
its training clock and its evaluations. Cells run one by one (lanes = 1); the first, which loads kernels,
stands apart.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

SWEEP = """
name = "overhead"
problem = "logistic"
data = {name = "breast_cancer", scale = "standardize"}
measure = "losses"
stop.steps = 256
method.name = "periodic"
evaluate.at = [256]
[grid]
P = [2, 4, 8]
method.K = [1, 8, 64, "all"]
step_size = [0.4, 0.2, 0.1, 0.05, 0.025]
"""


def main(ranks="2", spec=None, *overrides):
    from pavg.comm import launch

    with tempfile.TemporaryDirectory() as folder:
        if spec is None:
            spec = Path(folder) / "overhead.toml"
            spec.write_text(SWEEP)
        command = [launch.mpirun(), "-n", ranks, sys.executable, __file__, "--rank", folder, spec, *overrides]
        subprocess.run(list(map(str, command)), check=True, timeout=3600)


def rank(folder, spec, *overrides):
    """One rank of the job."""
    from mpi4py import MPI

    from pavg.sweep import running

    class Times(running.Watcher):
        begun, spent = [], []

        def begins(self, group):
            self.begun.append(time.perf_counter())

        def ended(self, cell, record):
            rows = record.rows
            self.spent.append(rows[-1]["time_wall"] + sum(row["time_eval"] for row in rows))

    watcher = Times()
    running.run(MPI.COMM_WORLD, spec, running.How(Path(folder), overrides=("lanes=1", *overrides)), watcher)
    if MPI.COMM_WORLD.Get_rank() == 0:
        beside = (np.diff(watcher.begun) - watcher.spent[:-1]) * 1e3
        print(
            f"{len(watcher.begun)} cells on {MPI.COMM_WORLD.Get_size()} ranks; ms a cell beside training and"
        )
        print(f"evaluation: first {beside[0]:.1f}; others median {np.median(beside[1:]):.1f}, ", end="")
        print(f"least {beside[1:].min():.1f}, most {beside[1:].max():.1f}")


if __name__ == "__main__":
    rank(*sys.argv[2:]) if sys.argv[1:2] == ["--rank"] else main(*sys.argv[1:])
