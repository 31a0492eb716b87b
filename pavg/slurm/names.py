"""Names of jobs: what squeue shows, and how a sweep finds its own jobs there."""

import hashlib
import re

SLURM = ("array", "allocation", "nodes")  # kinds of jobs that sbatch takes
KINDS = (*SLURM, "hostfile")


def safe(name):
    """A sweep's name, of letters, digits, - and _ alone. Where that changes it, a hash keeps names apart."""
    kept = re.sub(r"[^A-Za-z0-9_-]+", "_", name)[:60]
    return kept if kept == name else f"{kept}-{hashlib.blake2b(name.encode(), digest_size=3).hexdigest()}"


def job_name(sweep, part):
    """pavg-SWEEP.PART; part : P008, P008-R4, all or merge."""
    return f"pavg-{safe(sweep)}.{part}"
