"""Sweeps through a real Slurm: two emulated nodes, arrays, requeueing. Results as on a laptop."""

import os
import sys

import h5py
import pytest

from pavg.slurm import queue
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
    live = [job for job, state in cluster.states().items() if state in LIVE]
    if live:
        cluster.run("scancel", *live)


def pavg(*arguments):
    done = run_to_end([sys.executable, "-m", "pavg", *arguments], {}, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def submitted(cluster, *arguments):
    """{script: job id} of `pavg slurm --submit`."""
    lines = pavg("slurm", "wells.toml", "--submit", *arguments).splitlines()
    words = [line.split() for line in lines if line.startswith("submitted: ")]
    return {file.strip("()"): job for _, job, file in words}


def wait_for_end(cluster, seconds=60):
    cluster.wait(lambda: not LIVE & {*cluster.states().values()}, seconds, "jobs to end")


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


def test_an_array_with_a_throttle_gives_what_a_laptop_gives(cluster, place):
    jobs = submitted(cluster, "--throttle", "1", "--time", "5", "--max-array", "2")
    assert list(jobs) == ["P001.sbatch", "P002.sbatch", "merge.sbatch"]
    elements, seen = [f"{jobs['P002.sbatch']}_{i}" for i in (0, 1)], []
    reasons = {job.id: job.reason for job in queue.jobs(["wells"])["wells"]}
    assert reasons[jobs["merge.sbatch"]] == "Dependency"

    def over():
        states = cluster.states()
        seen.append([states[element] for element in elements].count("RUNNING"))
        return not LIVE & {states[job] for job in states}

    cluster.wait(over, 90, "the sweep to end")
    states = cluster.states()
    assert [states[element] for element in elements] == ["COMPLETED"] * 2, logs(place)
    assert max(seen) == 1
    on_a_laptop()
    assert measured(place / "results" / "wells") == measured(place / "laptop" / "wells")
    assert len(measured(place / "results" / "wells")) == 4


def test_one_run_spans_two_nodes(cluster, place):
    submitted(
        cluster, "--kind", "nodes", "--nodes", "2", "--set", "P=2", "--set", "method.K=4", "--time", "5"
    )
    wait_for_end(cluster)
    [path] = (place / "results" / "wells").glob("*.h5")
    with h5py.File(path) as file:
        assert file.attrs["R"] == 2 and file["env"].attrs["SLURM_JOB_NUM_NODES"] == "2", logs(place)
    on_a_laptop("--set", "P=2", "--set", "method.K=4")
    assert measured(place / "results" / "wells") == measured(place / "laptop" / "wells")
