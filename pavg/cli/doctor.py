"""pavg doctor: whether the parts of this machine fit together, and what to mend. A line a finding."""

import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path

import click

from pavg.comm import launch
from pavg.errors import InputError

STYLES = {"ok": "green", "warning": "yellow", "bad": "bold red"}
PATIENCE = 60  # seconds that anything started here has
ROOM = 256 * 2**20  # bytes that MPI should find in shared memory
NETWORK = {"nfs", "nfs4", "lustre", "gpfs", "beegfs", "cifs", "smb3", "afs", "ceph", "fuse.sshfs", "9p"}
# variable → (the value that is fine, what another one does)
TRAPS = {
    "OPENBLAS_CORETYPE": ("", "makes OpenBLAS take another processor's kernels"),
    "OPENBLAS_L2_SIZE": ("", "gives OpenBLAS another cache size than the processor's"),
    "NUMBA_DISABLE_JIT": ("0", "runs kernels as plain Python"),
    "HDF5_USE_FILE_LOCKING": ("", "changes file locking: two programs may write into one HDF5 file"),
}
# what one rank sees, as a line of JSON
PROBE = r"""
import json, os, re, sys
from mpi4py import MPI
maps = open("/proc/self/maps").read() if os.path.exists("/proc/self/maps") else ""
seen = {"size": MPI.COMM_WORLD.Get_size(), "version": MPI.Get_library_version().split("\n")[0]}
seen["version"] = " ".join(seen["version"].strip("\0").split())
seen["cores"] = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
seen["library"] = ", ".join(sorted(set(re.findall(r"/\S*/libmpi\S*", maps)))) or "path unknown"
sys.stdout.write(json.dumps(seen) + "\n")
"""


@dataclass(frozen=True)
class Finding:
    """mark : ok, warning or bad; what : what was found; mend : what to do about it."""

    mark: str
    what: str
    mend: str = ""


ok, warning, bad = (partial(Finding, mark) for mark in STYLES)


@click.command("doctor")
def command():
    """Check MPI, binding, threads, caches, Slurm; say what to mend. Exit code 1: something is bad."""
    if any(os.environ.get(name, "1") not in ("", "1") for name in launch.SIZES):
        raise click.UsageError("start pavg doctor alone, not under mpirun or srun: it starts ranks itself")
    marks = set()
    for check in (mpi, blas, traps, kernels, files, shared_memory, slurm):
        for finding in check():
            show(finding)
            marks.add(finding.mark)
    return 1 if "bad" in marks else 0


def show(finding):
    """Print one line: coloured on a terminal, plain elsewhere."""
    from rich.console import Console
    from rich.text import Text

    line = Text.assemble((finding.mark.ljust(8), STYLES[finding.mark]), finding.what)
    if finding.mend:
        line.append(f" → {finding.mend}", "italic")
    Console(highlight=False).print(line, soft_wrap=True)


def mpi():
    """The library that mpi4py loads, mpirun, whether they match, and where ranks may run."""
    alone, said = _probe([sys.executable])
    if not alone:
        yield bad(f"MPI: {said}", "load your cluster's MPI module, or pip install 'pavg[mpi]'")
        return
    library = alone[0]["library"]
    yield ok(f"MPI: {alone[0]['version']} ({library}), by mpi4py {version('mpi4py')}")
    try:
        mpirun = launch.mpirun()
    except InputError as error:
        yield bad(f"mpirun: {error}")
        return
    began = time.monotonic()
    pair, said = _probe([mpirun, "-n", "2", sys.executable])
    sizes = [rank["size"] for rank in pair]
    if sizes == [2, 2]:
        yield ok(f"mpirun: {mpirun}; 2 ranks see each other, after {time.monotonic() - began:.1f} s")
        yield binding(alone[0]["cores"], pair[0]["cores"], pair[1]["cores"])
    else:
        found = f"ranks that see worlds of {', '.join(map(str, sizes))}" if sizes else said
        mend = f"is it the mpirun of {library}? put that first on PATH, or set MPI4PY_LIBMPI"
        yield bad(f"mpirun: {mpirun} -n 2 gave {found}", mend)


def binding(alone, first, second):
    """Processors of this process and of each of two ranks."""
    what = f"binding: this process may run on {_ranges(alone)} of {os.cpu_count()} processors"
    what += f", two ranks on {_ranges(first)} and {_ranges(second)}"
    if len({*first, *second}) < min(2, len(alone)):
        return warning(what, "both share one processor: mpirun --bind-to none, or more CPUs from Slurm")
    return ok(what)


def blas():
    """The BLAS libraries of NumPy and SciPy, and their threads."""
    import scipy.linalg.blas  # noqa: F401
    from threadpoolctl import threadpool_info

    pools = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    threads = max((pool["num_threads"] for pool in pools), default=1)
    names = sorted({f"{p['internal_api']} {p['version']} ({p.get('architecture', '')})" for p in pools})
    mend = "under mpirun, export OMP_NUM_THREADS=1: ranks share the processors" if threads > 1 else ""
    yield ok(f"BLAS: {', '.join(names) or 'none found'}; {threads} threads a process", mend)


def traps():
    """Environment variables that make runs slow, or other than they seem."""
    for name, (fine, effect) in TRAPS.items():
        if os.environ.get(name, fine) not in ("", fine):
            yield warning(f"{name}={os.environ[name]} {effect}", f"unset {name}")
    threads = os.environ.get("OMP_NUM_THREADS", "")
    if threads.isdigit() and int(threads) > os.cpu_count():
        yield warning(f"OMP_NUM_THREADS={threads}: {os.cpu_count()} processors", "export OMP_NUM_THREADS=1")


def kernels():
    """numba, and the folder where compiled kernels are kept."""
    import llvmlite.binding
    import numba

    from pavg.kernels import cache

    cpu = llvmlite.binding.get_host_cpu_name()
    yield ok(f"numba: {numba.__version__} for {cpu}, {numba.config.NUMBA_NUM_THREADS} threads at most")
    yield folder("kernel cache", cache.folder(), "NUMBA_CACHE_DIR")


def files():
    """HDF5, and the folder where converted data sets are kept."""
    import h5py

    from pavg.data import conversion

    kind = "parallel" if h5py.get_config().mpi else "serial"
    yield ok(f"HDF5: {h5py.version.hdf5_version}, {kind}, by h5py {h5py.__version__}")
    yield folder("data", conversion.folder(), "PAVG_DATA")


def folder(what, path, variable):
    """Whether files can be made in a folder that ranks share; `variable` moves it elsewhere."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        return bad(f"{what}: {path}: {error.strerror}", f"set {variable} to a folder that can be written")
    kind = _file_system(path)
    if kind in NETWORK:
        return warning(f"{what}: {path}, on a network ({kind})", f"set {variable} to a folder of the node")
    return ok(f"{what}: {path}")


def shared_memory(where=Path("/dev/shm")):
    """Room in the memory through which the ranks of a node talk."""
    if where.is_dir():
        free = shutil.disk_usage(where).free
        mend = "give it more (docker run --shm-size=1g)" if free < ROOM else ""
        yield (warning if mend else ok)(f"shared memory: {free / 2**20:,.0f} MB free in {where}", mend)


def slurm():
    """Slurm's version, and how its srun can start MPI."""
    if not shutil.which("srun"):
        yield ok("Slurm: none here")
        return
    kinds = sorted(set(re.findall(r"\b(?:pmi2|pmix|cray_shasta)\b", _output(["srun", "--mpi=list"])[1])))
    release = _last(_output(["srun", "--version"])[1].splitlines())
    found = f"Slurm: {release}; srun --mpi: {', '.join(kinds) or 'neither pmi2 nor pmix'}"
    alone, _ = _probe([sys.executable])
    mend = f"pavg slurm --launcher {_launcher(alone[0]['version'], kinds)}" if alone else ""
    yield (ok if kinds else warning)(found, mend)
    code, said = _output(["sinfo", "--noheader"])
    if code:
        yield warning(f"Slurm: sinfo failed: {_last(said.splitlines())}", "is its controller up?")


def _launcher(library, kinds):
    """What starts ranks of a library in a job: Open MPI speaks PMIx alone, MPICH and its like PMI2 too."""
    spoken = ["pmix"] if library.startswith("Open MPI") else ["pmi2", "pmix"]
    return next((kind for kind in spoken if kind in kinds), "mpirun")


def _probe(command):
    """([what each rank saw], the last line of what else was said)."""
    lines = _output([*command, "-c", PROBE])[1].splitlines()
    seen = [json.loads(line) for line in lines if line.startswith("{")]
    return seen, _last(line for line in lines if not line.startswith("{"))


def _output(command):
    """(exit code, standard output and error) of a command; it is killed when its time is up."""
    settings = {"env": launch.OPEN_MPI | os.environ, "stdin": subprocess.DEVNULL, "timeout": PATIENCE}
    try:
        done = subprocess.run(command, capture_output=True, text=True, **settings)
    except subprocess.TimeoutExpired:
        return 1, f"not over after {PATIENCE} s"
    return done.returncode, done.stdout + done.stderr


def _last(lines):
    """The last line that says something."""
    return ([line.strip() for line in lines if line.strip()] or ["it said nothing"])[-1]


def _file_system(path):
    """The type of the file system that a folder lies on; "" where the system does not tell."""
    if not os.path.exists("/proc/mounts"):
        return ""
    mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text().splitlines()]
    return max((m for m in mounts if path.resolve().is_relative_to(m[0])), key=lambda m: len(m[0]))[1]


def _ranges(numbers):
    """[0, 1, 2, 5] → '0-2,5'."""
    groups = itertools.groupby(enumerate(numbers), lambda pair: pair[1] - pair[0])
    runs = [[n for _, n in group] for _, group in groups]
    return ",".join(f"{run[0]}-{run[-1]}" if run[1:] else str(run[0]) for run in runs) or "?"
