"""What Slurm says of a sweep's jobs: squeue of those in the queue, sacct of those that have ended."""

import contextlib
import re
import subprocess
from dataclasses import dataclass

from pavg.slurm.names import safe

PATIENCE = 5  # seconds that squeue and sacct have each
DAYS = 7  # how far back sacct looks
SQUEUE = ["squeue", "--me", "--noheader", "--array", "--states=all", "--format=%i|%T|%r|%j"]
SACCT = ["sacct", "-X", "--noheader", "--parsable2", f"--starttime=now-{DAYS}days"]
SACCT += ["--format=JobID,State,ExitCode,JobName%100"]
ENDED = ("COMPLETED", "CANCELLED", "FAILED", "TIMEOUT", "NODE_FAIL", "BOOT_FAIL", "DEADLINE", "OUT_OF_MEMORY")


@dataclass(frozen=True)
class Queued:
    """One job, or one element of an array, as Slurm has it.

    id : "17", of an element "17_3"; part : of the sweep: P008, P008-R4, all, merge; state : Slurm's word,
    as PENDING, RUNNING, COMPLETING, FAILED, TIMEOUT; reason : why it waits ("Priority",
    "JobArrayTaskLimit", "BeginTime" after a requeue), or how it ended ("NonZeroExitCode"; from sacct
    "exit code 1", "signal 9"), or "".
    """

    id: str
    part: str
    state: str
    reason: str

    @property
    def ended(self):
        """Whether it will not run (again)."""
        return self.state in ENDED


def jobs(sweeps):
    """{sweep: [Queued]} of this user's jobs that `pavg slurm` wrote, sorted by id; none: an empty list.

    sweeps : names of specifications. Without squeue, or where it fails or does not answer within
    seconds, every list is empty; where there is no sacct, jobs that ended more than some minutes ago
    are left out. Never raises; takes 10 s at most.
    """
    found = {}
    for fields in [*_lines(SACCT), *_lines(SQUEUE)]:  # squeue, the later, knows better
        if len(fields) == 4:
            found[fields[0]] = fields
    made = {sweep: [] for sweep in sweeps}
    keys = {safe(sweep): sweep for sweep in made}
    for id, state, why, name in found.values():
        match = re.fullmatch(r"pavg-([\w-]+)\.([\w-]+)", name.strip())
        if match and match.group(1) in keys:
            made[keys[match.group(1)]].append(Queued(id, match.group(2), state.split()[0], _reason(why)))
    return {sweep: sorted(queued, key=_order) for sweep, queued in made.items()}


def _reason(why):
    """squeue's reason as it is, but None; sacct's exit code "1:0" in words."""
    code = re.fullmatch(r"(\d+):(\d+)", why)
    if not code:
        return "" if why == "None" else why
    number, signal = map(int, code.groups())
    return f"signal {signal}" if signal else f"exit code {number}" if number else ""


def _order(queued):
    return [int(part) for part in re.findall(r"\d+", queued.id)]


def _lines(command):
    """What a command prints, a list of fields a line; nothing where it is missing, fails or is slow."""
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        pipes = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True, "errors": "replace"}
        done = subprocess.run(command, timeout=PATIENCE, **pipes)
        if done.returncode == 0:
            return [line.strip().split("|", 3) for line in done.stdout.splitlines()]
    return []
