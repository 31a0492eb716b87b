"""What it costs to share out rows among learners: python benchmarks/micro/partitions.py [ROWS [LEARNERS]]

For each partition, of 11,000,000 rows of two classes among 128 learners: seconds, the smallest of five;
bytes that are kept; bytes of memory beside these while it works, at most (of Linux).
"""

import re
import sys
import time
from pathlib import Path

import numpy as np

from pavg import registry

REPEAT = 5
STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def main(rows="11_000_000", learners="128"):
    y = np.where(np.random.default_rng(0).random(int(rows)) < 0.53, 1.0, -1.0)
    print(f"{'rule':12}{'seconds':>9}{'kept, MB':>10}{'beside, MB':>12}")
    for name in registry.names("partitions"):
        partition, seconds = registry.load("partitions", name)(), []
        CLEAR.write_text("5")  # the peak of memory is told from now on
        before = peak_bytes()
        shards = partition.shards(y, int(learners), 0)
        peak = peak_bytes() - before
        kept = shards.rows.nbytes + shards.starts.nbytes + shards.counts.nbytes
        for _ in range(REPEAT):
            began = time.perf_counter()
            partition.shards(y, int(learners), 0)
            seconds.append(time.perf_counter() - began)
        print(f"{name:12}{min(seconds):9.2f}{kept / 1e6:10.3f}{max(peak - kept, 0) / 1e6:12.0f}")


def peak_bytes():
    """The most memory that this process has had."""
    return int(re.search(r"VmHWM:\s+(\d+) kB", STATUS.read_text())[1]) * 1024


if __name__ == "__main__":
    main(*sys.argv[1:])
