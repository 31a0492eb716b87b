"""Processes of a sweep are killed at random moments: nothing is lost but work since the last checkpoint."""

import contextlib
import os
import random
import signal
import time

import pytest

from tests.faults import sweeps
from tests.processes import running, wait_for

pytestmark = pytest.mark.mpirun

KILLS = int(os.environ.get("PAVG_TEST_KILLS", 8))
LATEST = 2.0  # seconds after the start of MPI


def victims(kind, out, launched, started):
    """Process ids: one rank, all ranks, the launcher, or pavg itself, which has started it."""
    if kind == "pavg":
        return [launched]
    if kind == "mpirun":
        return [pid for pid in running(out) if parent(pid) == launched]
    pids = [started[rank] for rank in sorted(started)]
    return pids if kind == "all ranks" else random.sample(pids, min(1, len(pids)))


def parent(pid):
    with contextlib.suppress(OSError), open(f"/proc/{pid}/stat") as file:
        return int(file.read().rpartition(")")[2].split()[1])


def killed(kind, file, out):
    """Start the sweep, and kill at a random moment: (exit code, whether there was something to kill)."""
    job = sweeps.start(file, out, *sweeps.CHECKPOINTS)
    try:
        wait_for(lambda: len(sweeps.noted(out)[0]) == 2 or job.poll() is not None)
        time.sleep(random.uniform(0.0, LATEST))
        started, names = sweeps.noted(out)
        pids = victims(kind, out, job.pid, started)
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    finally:
        code, _ = sweeps.ended(job)
    wait_for(lambda: not sweeps.left(out, names))
    return code, bool(pids)


def test_a_sweep_that_is_killed_many_times_ends_as_if_it_had_never_been(place, undisturbed):
    random.seed(1)
    kills = turn = 0
    while kills < KILLS:
        file, out = place / "sweep.toml", place / f"out{turn}"
        code, hit = killed(("one rank", "all ranks", "mpirun", "pavg")[kills % 4], file, out)
        kills += hit
        assert all(sweeps.facts(path)["status"] == "ok" for path in sweeps.whole(out))
        if code == 0:  # it was quicker
            assert sweeps.same(sweeps.results(out), undisturbed)
            turn += 1
    out = place / f"out{turn}"
    code, err = sweeps.run(file, out, *sweeps.CHECKPOINTS)
    assert code == 0, err
    assert sweeps.same(sweeps.results(out), undisturbed)
    assert not sweeps.temporaries(out) and not list(out.rglob(".checkpoints/*/*"))


SLOW = """
    import time
    def rounds(self, lengths, rest):
        time.sleep(0.1)
        advance(self, lengths, rest)
    advance, Learners.rounds = Learners.rounds, rounds
"""

COUNTING = r"""
    def begins(self, states, own):
        restore(self, states, own)
        begun.append(self.steps)
    def ends(self):
        sys.stderr.write(f"steps of rank {rank}: {self.steps - begun[-1]}\n")  # at once: ranks share a stream
        finish(self)
    begun = []
    restore, finish, Learners.restore, Learners.finish = Learners.restore, Learners.finish, begins, ends
"""


def test_a_killed_cell_goes_on_from_its_checkpoint(place, undisturbed):
    """Learners make only the steps that the newest checkpoint lacks."""
    out = place / "out"
    options = ("--cells", "0", *sweeps.CHECKPOINTS)
    job = sweeps.start(place / "sweep.toml", out, *options, script=SLOW)
    try:
        wait_for(lambda: len(sweeps.ticks(out)) == 2)
        for pid in sweeps.noted(out)[0].values():
            os.kill(pid, signal.SIGKILL)
    finally:
        sweeps.ended(job)
    kept = max(sweeps.ticks(out))
    code, err = sweeps.run(place / "sweep.toml", out, *options, script=COUNTING)
    assert code == 0, err
    assert f"steps of rank 0: {sweeps.STEPS - kept}\n" in err
    assert sweeps.same(sweeps.results(out), undisturbed, cells=1)
    assert sweeps.facts(*sweeps.whole(out))["attempts"] == 2
