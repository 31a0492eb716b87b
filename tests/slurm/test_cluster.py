"""Sweeps through a real Slurm: two emulated nodes, arrays, requeueing. Results as on a laptop."""

import os
import re
import sys

import h5py
import pytest

from pavg.slurm import queue
from pavg.slurm.names import job_name
from tests.conftest import mpi_named, run_to_end

SWEEP = """
name = "wells"
stop.steps = 2000
step_size = 0.01
problem = "double-well"
method = {name = "periodic"}
[grid]
P = [1, 2]
method.K = [4, "all"]
"""
LIVE = {"PENDING", "RUNNING", "COMPLETING", "CONFIGURING"}

pytestmark = pytest.mark.mpirun


@pytest.fixture
def place(cluster, tmp_path, monkeypatch):
    """A folder with a sweep, where commands talk to the cluster."""
    mpi_named("default")  # skips without an MPI
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith(("SLURM_", "SBATCH_"))]:
        monkeypatch.delenv(name)
    for name, value in cluster.variables.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "wells.toml").write_text(SWEEP)
    yield tmp_path
    name = f"--name={','.join(job_name('wells', part) for part in ('P001', 'P002', 'all', 'merge'))}"
    cluster.run("scancel", name)


def pavg(*arguments):
    done = run_to_end([sys.executable, "-m", "pavg", *arguments], {})
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def submitted(*arguments):
    """{script: job id} of `pavg slurm --submit`."""
    lines = pavg("slurm", "wells.toml", "--submit", *arguments).splitlines()
    words = [line.split() for line in lines if line.startswith("submitted: ")]
    return {file.strip("()"): job for _, job, file in words}


def live(cluster, jobs):
    """Which of these jobs, or of their elements, have not ended."""
    states = cluster.states().items()
    return [id for id, state in states if state in LIVE and id.partition("_")[0] in jobs.values()]


def wait_for_end(cluster, jobs, seconds=90):
    cluster.wait(lambda: not live(cluster, jobs), seconds, "jobs to end")


def logs(place):
    return "\n".join(f"--- {path.name}\n{path.read_text()}" for path in place.glob("jobs-*/*.log"))


def measured(folder):
    """{file name: losses, model and counters}: what does not depend on the machine's speed."""
    found = {}
    for path in sorted(folder.glob("*.h5")):
        with h5py.File(path) as file:
            names = [n for n in file if not n.startswith("time_") and n in ("ticks", "samples", "loss", "w")]
            found[path.name] = file.attrs["status"], {name: file[name][()].tobytes() for name in names}
    return found


def on_a_laptop(*arguments):
    """What the same sweep measures, started by hand."""
    pavg("run", "wells.toml", "-n", "2", "--out", "laptop", *arguments)


ENDLESS = """
name = "endless"
P = 1
stop.steps = 1_000_000_000
step_size = 0.01
problem = "double-well"
method = {name = "periodic", K = 4}
"""


@pytest.fixture(scope="module", autouse=True)
def limited(cluster, tmp_path_factory):
    """A job that ends never, with a limit of a minute, submitted before all tests: (its folder, its id)."""
    folder = tmp_path_factory.mktemp("limited")
    (folder / "endless.toml").write_text(ENDLESS)
    command = [
        sys.executable,
        "-m",
        "pavg",
        "slurm",
        folder / "endless.toml",
        "--kind",
        "allocation",
        "--submit",
    ]
    command += ["--time", "1", "--signal", "55", "--jobs", folder / "jobs", "--out", folder / "results"]
    done = run_to_end([*map(str, command)], cluster.variables)
    assert done.returncode == 0, done.stdout + done.stderr
    yield folder, re.search(r"submitted: (\d+) \(allocation", done.stdout).group(1)
    cluster.run("scancel", f"--name={job_name('endless', 'all')},{job_name('endless', 'merge')}")


def test_an_array_with_a_throttle_gives_what_a_laptop_gives(cluster, place):
    jobs = submitted("--throttle", "1", "--time", "5", "--max-array", "2")
    assert list(jobs) == ["P001.sbatch", "P002.sbatch", "merge.sbatch"]
    elements, seen = [f"{jobs['P002.sbatch']}_{i}" for i in (0, 1)], []
    reasons = {job.id: job.reason for job in queue.jobs(["wells"])["wells"]}
    assert reasons[jobs["merge.sbatch"]] == "Dependency"

    def over():
        states = cluster.states()
        seen.append([states.get(element) for element in elements].count("RUNNING"))
        return not live(cluster, jobs)

    cluster.wait(over, 90, "the sweep to end")
    states = cluster.states()
    assert [states[element] for element in elements] == ["COMPLETED"] * 2, logs(place)
    assert max(seen) == 1
    assert states[jobs["merge.sbatch"]] == "COMPLETED", logs(place)
    assert (place / "results" / "wells.h5").exists()
    on_a_laptop()
    assert measured(place / "results" / "wells") == measured(place / "laptop" / "wells")
    assert len(measured(place / "results" / "wells")) == 4


def test_one_run_spans_two_nodes(cluster, place):
    jobs = submitted("--kind", "nodes", "--nodes", "2", "--set", "P=2", "--set", "method.K=4", "--time", "5")
    wait_for_end(cluster, jobs)
    [path] = (place / "results" / "wells").glob("*.h5")
    with h5py.File(path) as file:
        assert file.attrs["R"] == 2 and file["env"].attrs["SLURM_JOB_NUM_NODES"] == "2", logs(place)
    on_a_laptop("--set", "P=2", "--set", "method.K=4")
    assert measured(place / "results" / "wells") == measured(place / "laptop" / "wells")


def test_an_interrupted_element_goes_on_by_itself_where_it_stopped(cluster, place):
    """USR1 as --signal=B:USR1 sends it, to the script of one element; the other one is left alone."""
    longer = ("--set", "P=1", "--set", "stop.steps=30_000_000")  # some seconds: the signal must find it
    jobs = submitted("--time", "5", *longer)
    first, other = (f"{jobs['P001.sbatch']}_{i}" for i in (0, 1))
    log = place / "jobs-wells" / f"pavg-wells.P001-{first}.log"
    cluster.wait(lambda: log.exists() and "(double-well)" in log.read_text(), 60, "the first cell to begin")
    cluster.run("scancel", "--signal=USR1", "--batch", first)
    cluster.wait(lambda: "1 of at most 10 times" in log.read_text(), 30, "the element to be put back")
    cluster.wait(lambda: cluster.states()[first] == "PENDING", 30, "the element to wait")
    assert list((place / "results" / "wells" / ".checkpoints").glob("*"))
    # Slurm holds it for two minutes; within the second of its end a node still refuses it
    cluster.run("scontrol", "update", f"jobid={first}", "StartTime=now+3seconds")
    wait_for_end(cluster, jobs)
    states = cluster.states()
    assert states[first] == states[other] == "COMPLETED", logs(place) + cluster.logs(40)
    on_a_laptop(*longer)
    assert measured(place / "results" / "wells") == measured(place / "laptop" / "wells")
    assert len(measured(place / "results" / "wells")) == 2


def test_the_time_limit_leads_to_a_checkpoint_and_back_into_the_queue(cluster, place, limited):
    """The last test here: Slurm looks at limits every half a minute."""
    folder, job = limited
    log = folder / "jobs" / f"pavg-endless.all-{job}.log"
    cluster.wait(
        lambda: log.exists() and "back into the queue" in log.read_text(), 70, "the limit to come near"
    )
    cluster.wait(lambda: cluster.states()[job] == "PENDING", 30, "the job to wait")
    assert "interrupted (signal SIGUSR1)" in log.read_text()
    assert list((folder / "results" / "endless" / ".checkpoints").glob("*"))
    found = {queued.id: queued for queued in queue.jobs(["endless"])["endless"]}
    assert found[job].reason == "BeginTime" and not found[job].ended
