"""How a run was made, as its file tells."""

import subprocess
import sys

import pytest

from pavg.records import provenance


def git(folder, *arguments):
    who = ["-c", "user.name=x", "-c", "user.email=x@x"]
    return subprocess.run(
        ["git", "-C", folder, *who, *arguments], capture_output=True, text=True, check=True
    ).stdout.strip()


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A checkout of one commit that pavg seems to lie in."""
    (tmp_path / "pavg" / "records").mkdir(parents=True)
    (tmp_path / "pavg" / "x.py").touch()
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "one")
    monkeypatch.setattr(provenance, "__file__", str(tmp_path / "pavg" / "records" / "provenance.py"))
    return tmp_path


def test_the_commit_is_that_of_the_checkout_and_a_change_is_said(checkout, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["pavg", "run", "a b.toml"])
    told = provenance.software.__wrapped__
    clean = told()
    assert (clean["git_sha"], clean["git_dirty"]) == (git(checkout, "rev-parse", "HEAD"), 0)
    assert clean["command"] == "pavg run 'a b.toml'" and clean["version_scikit_learn"]
    (checkout / "pavg" / "x.py").write_text("changed")
    assert told()["git_dirty"] == 1
    (checkout / ".git").rename(checkout / "git")
    assert (told()["git_sha"], told()["git_dirty"]) == ("", -1)  # installed: unknown


def test_variables_that_matter_to_speed_are_kept_and_no_others(monkeypatch):
    kept = ("SLURM_JOB_ID", "OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "PAVG_X", "OMPI_MCA_btl", "MPIR_CVAR_X")
    for name in (*kept, "A_SECRET", "MY_SLURM_X"):
        monkeypatch.setenv(name, "7")
    told = provenance.environment.__wrapped__()
    assert {told.get(name) for name in kept} == {"7"} and not {"A_SECRET", "MY_SLURM_X"} & told.keys()
    assert told["mpi_library"] and "\n" not in told["mpi_library"] and told["cpu"]
