"""Disks that are full or read-only, folders that go away: a clear end, and the same command goes on later."""

import os
import shutil
import subprocess

import pytest

from tests.faults import sweeps
from tests.processes import wait_for

pytestmark = pytest.mark.mpirun


@pytest.fixture
def disk(tmp_path):
    """A function that makes a small disk at a folder; options as mount's -o."""
    mounted = []

    def mount(folder, options="size=1m"):
        folder.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", folder], capture_output=True)
        if done.returncode != 0:
            pytest.skip("a small disk needs root and the right to mount")
        mounted.append(folder)
        return folder

    if os.geteuid() != 0 or not shutil.which("mount"):
        pytest.skip("a small disk needs root and mount")
    yield mount
    for folder in reversed(mounted):
        subprocess.run(["umount", "-l", folder], check=True)


def fill(folder):
    with open(folder / "ballast", "wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)):
                pass
        except OSError:
            pass


def test_a_full_disk_ends_the_sweep_with_a_message_and_the_same_command_goes_on(place, disk, undisturbed):
    out = disk(place / "out")
    fill(out)
    options = ("--cells", "0:3:2")
    code, err = sweeps.run(place / "sweep.toml", out, *options)
    assert code == 2 and "No space left on device" in err and "Traceback" not in err
    assert not sweeps.temporaries(out) and not sweeps.whole(out)
    (out / "ballast").unlink()
    code, err = sweeps.run(place / "sweep.toml", out, *options)
    assert code == 0, err
    assert sweeps.same(sweeps.results(out), undisturbed, cells=2)


def test_a_disk_that_is_full_of_checkpoints_costs_no_result(place, disk, undisturbed):
    out = place / "out"
    kept = disk(out / "sweep" / ".checkpoints", "size=16k")
    fill(kept)
    code, err = sweeps.run(place / "sweep.toml", out, "--cells", "0", *sweeps.CHECKPOINTS)
    assert code == 0 and "no checkpoint" in err and "No space left on device" in err
    assert sweeps.same(sweeps.results(out), undisturbed, cells=1)
    assert not sweeps.temporaries(out)


def test_a_read_only_folder_is_refused_before_anything_starts(place, disk):
    out = disk(place / "out")
    subprocess.run(["mount", "-o", "remount,ro", out], check=True)
    code, err = sweeps.run(place / "sweep.toml", out)
    assert code == 2 and err.count("Read-only file system") == 1 and "Traceback" not in err
    assert "(logistic" not in err  # no cell has begun


def test_a_folder_that_goes_away_is_made_again(place, undisturbed):
    out = place / "out"
    job = sweeps.start(place / "sweep.toml", out, "--cells", "0:2", *sweeps.CHECKPOINTS)
    try:
        wait_for(lambda: sweeps.ticks(out))
        (out / "sweep").rename(place / "gone")
        shutil.rmtree(place / "gone", ignore_errors=True)
    finally:
        code, err = sweeps.ended(job)
    assert code == 0, err
    assert sweeps.same(sweeps.results(out), undisturbed, cells=2)
