"""Asynchronous runs that go wrong, or are asked to end: no rank and no process is left."""

import os
import signal
import time

import pytest

from pavg.records.reading import opened
from tests.faults import sweeps
from tests.processes import running, wait_for

pytestmark = pytest.mark.mpirun
SWEEP = """
problem = "logistic"
data = {name = "breast_cancer", scale = "standardize"}
P = 2
step_size = 0.01
evaluate.at = [16]
method = {name = "downpour", K = 16}
"""
FAILING = """
    def failing(self, n):
        if rank == 2 and self.steps > 1000:
            raise FloatingPointError("a kernel of one's own gives up")
        step(self, n)
    Learners.step = failing
"""


def start(folder, script=None):
    path, out = sweeps.sweep(folder, SWEEP, steps=10**9), folder / "out"
    job = sweeps.start(path, out, ranks=3, script=script)
    if script is None:
        wait_for(lambda: list(out.glob("*/.running/*.json")) or job.poll() is not None)  # it trains
        time.sleep(0.2)
    return job, out


def test_a_learner_that_is_killed_ends_the_job(tmp_path):
    job, out = start(tmp_path)
    try:
        started, names = sweeps.noted(out)
        os.kill(started[2], signal.SIGKILL)
        began = time.monotonic()
    finally:
        code, _ = sweeps.ended(job)
    assert code != 0 and time.monotonic() - began < 30
    wait_for(lambda: not running(out))
    assert not sweeps.whole(out) and not sweeps.left(out, names)


def test_a_learner_that_fails_is_recorded_and_ends_the_job(tmp_path):
    job, out = start(tmp_path, FAILING)
    code, err = sweeps.ended(job)
    assert code == 3 and "a kernel of one's own gives up" in err
    (failed,) = out.glob("*/*.failed.h5")
    assert sweeps.facts(failed)["reason"] == "rank 2: FloatingPointError: a kernel of one's own gives up"
    assert not running(out)


def test_ctrl_c_ends_the_run_in_order_and_what_there_is_is_kept(tmp_path):
    job, out = start(tmp_path)
    os.kill(job.pid, signal.SIGINT)
    code, err = sweeps.ended(job)
    assert code == 75 and "no checkpoint of an asynchronous run" in err, err
    (partial,) = out.glob("*/*.partial.h5")
    with opened(partial) as file:
        assert (
            file.attrs["status"] == "interrupted" and file["updates"][-1] == file["arrival_learner"].size > 0
        )
    assert not running(out) and not list(out.glob("*/.running/*"))
