"""How a run was made: software, commit, command, machine, environment."""

import os
import platform
import shlex
import subprocess
import sys
from functools import cache
from importlib.metadata import version
from pathlib import Path

PACKAGES = ("mpi4py", "numpy", "numba", "h5py", "scipy", "scikit-learn")
PREFIXES = ("SLURM_", "OMP_", "NUMBA_", "OPENBLAS_", "MKL_", "BLIS_", "PAVG_", "MPIR_CVAR_", "OMPI_MCA_")


@cache
def software():
    """pavg's version, those of its packages, the commit of its checkout and whether it was changed."""
    facts = {"software": "pavg", "software_version": version("pavg"), "python": platform.python_version()}
    facts |= {f"version_{name.replace('-', '_')}": version(name) for name in PACKAGES}
    sha, dirty = _git("rev-parse", "HEAD"), _git("status", "--porcelain")
    facts |= {"git_sha": sha or "", "git_dirty": -1 if dirty is None else int(bool(dirty))}  # -1: unknown
    return facts | {"command": shlex.join(sys.argv)}


@cache
def environment():
    """Attributes of the group env: MPI library, CPU, BLAS, and the variables that matter to speed."""
    from mpi4py import MPI

    facts = {"mpi_library": MPI.Get_library_version().strip("\x00 \n").split("\n")[0]}
    facts |= {"cpu": cpu_model(), "caches": caches(), "cores": str(os.cpu_count()), "blas": blas()}
    facts |= {"relay": os.environ.get("PAVG_RELAY", "")}
    facts |= {name: value for name, value in sorted(os.environ.items()) if name.startswith(PREFIXES)}
    return facts


def _git(*args):
    """One git command in the folder of the checkout, or None where there is none."""
    here = Path(__file__).resolve().parent.parent
    if not (here.parent / ".git").exists():
        return None
    try:
        done = subprocess.run(
            ["git", "-C", here, *args], capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def cpu_model():
    """The CPU's name as the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith(("model name", "Model"))]
    return names[0] if names else platform.machine()


def caches():
    """Sizes of the first core's caches, as 'L1d 48K, L1i 32K, …'."""
    found = []
    for index in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        try:
            level, kind, size = (
                index.joinpath(name).read_text().strip() for name in ("level", "type", "size")
            )
        except OSError:
            continue
        letter = {"Data": "d", "Instruction": "i"}.get(kind, "")
        found.append(f"L{level}{letter} {size}")
    return ", ".join(found)


def blas():
    """BLAS libraries that are loaded, with versions and threads."""
    from threadpoolctl import threadpool_info

    loaded = [info for info in threadpool_info() if info["user_api"] == "blas"]
    return "; ".join(f"{i['internal_api']} {i['version']} ({i['num_threads']} threads)" for i in loaded)
