"""A rank that fails, crawls, or stands still."""

import os
import signal
import time

import numpy as np
import pytest

from pavg.records.reading import opened
from tests.faults import sweeps
from tests.processes import running, wait_for

pytestmark = pytest.mark.mpirun
FAILING = """
    def failing(self, n):
        if rank == 1 and self.steps > 100_000 and self.spec.step_size.value == 0.02:
            raise FloatingPointError("a kernel of one's own gives up")
        step(self, n)
    Learners.step = failing
"""
CRAWLING = """
    import time
    def crawling(self, lengths, rest):
        if rank == 1:
            time.sleep(5e-5 * (sum(lengths) + rest))
        rounds(self, lengths, rest)
    rounds, Learners.rounds = Learners.rounds, crawling
"""
BACKWARDS = """
    import time
    real, begun = time.time, time.monotonic()
    def backwards():
        return real() - 86400 * int(time.monotonic() - begun)
    time.time = backwards
"""


def test_a_cell_that_fails_on_one_rank_is_recorded_and_the_others_run(place, undisturbed):
    out, options = place / "out", ("--cells", "3,5")
    code, err = sweeps.run(place / "sweep.toml", out, *options, script=FAILING)
    assert code == 3 and "a kernel of one's own gives up" in err
    assert sweeps.same(sweeps.results(out), undisturbed, cells=1)
    facts = sweeps.facts(*out.glob("*/*.failed.h5"))
    assert facts["status"] == "failed" and facts["attempts"] == 1
    assert facts["reason"] == "rank 1: FloatingPointError: a kernel of one's own gives up"
    code, err = sweeps.run(place / "sweep.toml", out, *options, "--retry", "failed")
    assert code == 0, err
    assert sweeps.same(sweeps.results(out), undisturbed, cells=2)
    assert not list(out.glob("*/*.failed.h5"))


def test_a_rank_that_is_far_slower_is_waited_for_and_the_waiting_is_shown(place):
    out = place / "out"
    options = ("--set", "stop.steps=50000", "--set", "barrier=true", "--cells", "0")
    code, err = sweeps.run(place / "sweep.toml", out, *options, script=CRAWLING)
    assert code == 0, err
    [path] = sweeps.whole(out)
    with opened(path) as file:
        waited, wall = np.nansum(file["time_wait"][:], axis=0), file["time_wall"][-1]
    assert waited[0] > max(0.5 * wall, 2 * waited[1])


@pytest.mark.parametrize(
    "cell, stopped", [(0, 1), (2, 0)], ids=["a rank of the cell", "the only rank of the cell"]
)
def test_a_rank_that_is_stopped_for_ever_ends_the_job_when_patience_has_passed(place, cell, stopped):
    out = place / "out"
    options = ("--patience", "2", "--set", "stop.steps=1000000000", "--cells", cell)
    job = sweeps.start(place / "sweep.toml", out, *map(str, options))
    try:
        wait_for(lambda: list(out.glob("*/.running/*.lock")))
        time.sleep(0.5)
        started, names = sweeps.noted(out)
        os.kill(started[stopped], signal.SIGSTOP)
    finally:
        code, err = sweeps.ended(job)
    assert code not in (0, 2, 75) and "nothing heard for 2 s" in err and "--patience" in err
    wait_for(lambda: not running(out))
    assert not sweeps.left(out, names)


def test_a_clock_that_steps_back_changes_no_result(place, undisturbed):
    out, options = place / "out", ("--cells", "0:3", *sweeps.CHECKPOINTS)
    code, err = sweeps.run(place / "sweep.toml", out, *options, script=BACKWARDS)
    assert code == 0, err
    assert sweeps.same(sweeps.results(out), undisturbed, cells=3)
    for path in sweeps.whole(out):
        with opened(path) as file:
            assert np.all(np.diff(file["time_wall"][:]) >= 0)
            for name, data in file.items():
                if name.startswith(("time_", "compile_time")):
                    assert not np.any(data[:] < 0), (path, name)


def test_two_sweeps_in_one_folder_share_the_cells(place, undisturbed):
    out = place / "out"
    jobs = [sweeps.start(place / "sweep.toml", out, *sweeps.CHECKPOINTS, ranks=2) for _ in range(2)]
    done = [sweeps.ended(job) for job in jobs]
    assert [code for code, _ in done] == [0, 0], done
    said = "".join(err for _, err in done)
    for name in undisturbed:
        begun = [
            line
            for line in said.splitlines()
            if line.startswith("[") and name.removesuffix(".h5") + " (" in line
        ]
        assert len(begun) == 1, said
    assert sweeps.same(sweeps.results(out), undisturbed)
    assert not sweeps.temporaries(out) and not list(out.glob("*/.running/*"))
