"""pavg doctor: whether the parts of this machine fit together, and what to mend. A line a finding."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import click

from pavg.comm import launch
from pavg.errors import InputError

OK, WARNING, BAD = "ok", "warning", "bad"
STYLES = {OK: "green", WARNING: "yellow", BAD: "bold red"}
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
seen = {"size": MPI.COMM_WORLD.Get_size(), "version": MPI.Get_library_version().split("\n")[0].strip("\0 ")}
seen["cores"] = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
seen["library"] = ", ".join(sorted(set(re.findall(r"/\S*/libmpi\S*", maps)))) or "path unknown"
sys.stdout.write(json.dumps(seen) + "\n")
"""


@dataclass(frozen=True)
class Finding:
    """mark : OK, WARNING or BAD; what : what was found; mend : what to do about it."""

    mark: str
    what: str
    mend: str = ""


@click.command("doctor")
def command():
    """Check MPI, binding, threads, caches, HDF5 and Slurm; say what to mend. Exit code 1: something is bad."""
    if any(os.environ.get(name, "1") not in ("", "1") for name in launch.SIZES):
        raise click.UsageError("start pavg doctor alone, not under mpirun or srun: it starts ranks itself")
    marks = set()
    for check in (mpi, blas, traps, kernels, hdf5, data, shared_memory, slurm):
        for finding in check():
            show(finding)
            marks.add(finding.mark)
    return 1 if BAD in marks else 0


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
        yield Finding(BAD, f"MPI: none can be loaded: {said}", "load your cluster's MPI module, or pip install 'pavg[mpi]'")
        return
    library = alone[0]["library"]
    yield Finding(OK, f"MPI: {' '.join(alone[0]['version'].split())} ({library}), by mpi4py {version('mpi4py')}")
    try:
        mpirun = launch.mpirun()
    except InputError as error:
        yield Finding(BAD, f"mpirun: {error}")
        return
    began = time.monotonic()
    pair, said = _probe([mpirun, "-n", "2", sys.executable])
    sizes = [rank["size"] for rank in pair]
    if sizes == [2, 2]:
        yield Finding(OK, f"mpirun: {mpirun}; 2 ranks see each other, after {time.monotonic() - began:.1f} s")
        yield binding(alone[0]["cores"], pair[0]["cores"], pair[1]["cores"])
    else:
        found = f"ranks that see worlds of {', '.join(map(str, sizes))}" if sizes else said
        mend = f"is it the mpirun of {library}? put that one first on PATH, or set MPI4PY_LIBMPI to another library"
        yield Finding(BAD, f"mpirun: {mpirun} -n 2 gave {found}", mend)


def binding(alone, first, second):
    """Processors of this process and of each of two ranks."""
    what = f"binding: this process may run on {_ranges(alone)} of {os.cpu_count()} processors"
    what += f", two ranks on {_ranges(first)} and {_ranges(second)}"
    if len({*first, *second}) < min(2, len(alone)):
        return Finding(WARNING, what, "both ranks share one processor: mpirun --bind-to none, or more CPUs from Slurm")
    return Finding(OK, what)


def blas():
    """The BLAS libraries of NumPy and SciPy, and their threads."""
    import scipy.linalg.blas  # noqa: F401
    from threadpoolctl import threadpool_info

    pools = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    threads = max((pool["num_threads"] for pool in pools), default=1)
    names = sorted({f"{p['internal_api']} {p['version']} ({p.get('architecture', '')})" for p in pools})
    mend = "under mpirun, export OMP_NUM_THREADS=1: ranks share the processors" if threads > 1 else ""
    yield Finding(OK, f"BLAS: {', '.join(names) or 'none found'}; {threads} threads a process", mend)


def traps():
    """Environment variables that make runs slow, or other than they seem."""
    for name, (fine, effect) in TRAPS.items():
        value = os.environ.get(name, "")
        if value not in ("", fine):
            yield Finding(WARNING, f"{name}={value} {effect}", f"unset {name}")
    threads = os.environ.get("OMP_NUM_THREADS", "")
    if threads.isdigit() and int(threads) > os.cpu_count():
        what = f"OMP_NUM_THREADS={threads} is more than the {os.cpu_count()} processors"
        yield Finding(WARNING, what, "export OMP_NUM_THREADS=1")


def kernels():
    """numba, and the folder where compiled kernels are kept."""
    import llvmlite.binding
    import numba

    from pavg.kernels import cache

    cpu = llvmlite.binding.get_host_cpu_name()
    yield Finding(OK, f"numba: {numba.__version__} for {cpu}, {numba.config.NUMBA_NUM_THREADS} threads at most")
    yield folder("kernel cache", cache.folder(), "NUMBA_CACHE_DIR")


def hdf5():
    """h5py and its HDF5."""
    import h5py

    kind = "parallel" if h5py.get_config().mpi else "serial"
    yield Finding(OK, f"HDF5: {h5py.version.hdf5_version}, {kind}, by h5py {h5py.__version__}")


def data():
    """The folder where converted data sets are kept."""
    from pavg.data import conversion

    yield folder("data", conversion.folder(), "PAVG_DATA")


def folder(what, path, variable):
    """Whether files can be made in a folder that ranks share; `variable` moves it elsewhere."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        return Finding(BAD, f"{what}: {path} cannot be written: {error.strerror}", f"set {variable} to another folder")
    kind = _file_system(path)
    if kind in NETWORK:
        return Finding(WARNING, f"{what}: {path}, on a network ({kind})", f"set {variable} to a folder of the node's own")
    return Finding(OK, f"{what}: {path}")


def shared_memory(where=Path("/dev/shm")):
    """Room in the memory through which the ranks of a node talk, and what killed jobs left there."""
    if not where.is_dir():
        return
    free, left = shutil.disk_usage(where).free, list(where.glob("mpich_shm_*"))
    mend = "give it more (docker run --shm-size=1g)" if free < ROOM else ""
    yield Finding(WARNING if mend else OK, f"shared memory: {free / 2**20:,.0f} MB free in {where}", mend)
    if len(left) > 8:
        mend = f"when no MPI job runs here: rm {where}/mpich_shm_*"
        yield Finding(WARNING, f"shared memory: {len(left)} segments, perhaps left by killed MPICH jobs", mend)


def slurm():
    """Slurm's version, and how its srun can start MPI."""
    if not shutil.which("srun"):
        yield Finding(OK, "Slurm: none here")
        return
    kinds = re.findall(r"\b(pmi2|pmix|cray_shasta)\b", _output(["srun", "--mpi=list"])[1])
    release, nodes = _output(["srun", "--version"])[1].strip(), _output(["sinfo", "--noheader", "--format=%D"])
    found = f"Slurm: {release}; srun --mpi: {', '.join(dict.fromkeys(kinds)) or 'none of pmi2, pmix'}"
    yield Finding(OK, found) if kinds else Finding(WARNING, found, "use mpirun inside the job")
    if nodes[0]:
        yield Finding(WARNING, f"Slurm: sinfo failed: {_last(nodes[1])}", "is its controller up?")


def _probe(command):
    """([what each rank saw], the last line of what else was said)."""
    _, text = _output([*command, "-c", PROBE])
    lines = text.splitlines()
    seen = [json.loads(line) for line in lines if line.startswith('{"size"')]
    return seen, _last("\n".join(line for line in lines if not line.startswith('{"size"')))


def _output(command):
    """(exit code, standard output and error) of a command; it is killed when its time is up."""
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    job = subprocess.Popen(command, env=launch.OPEN_MPI | os.environ, text=True, start_new_session=True, **pipes)
    try:
        return job.communicate(timeout=PATIENCE)[0]
    except subprocess.TimeoutExpired:
        return ""
