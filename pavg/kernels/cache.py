"""Where compiled kernels are kept between processes.

numba looks for changes in the caller's own file only: edit a function that a cached kernel
calls from another file, and the old machine code runs without a word. So the cache lives in a
folder named by a hash of all kernel sources (those of plugins too), numba's version and the CPU.
"""

import hashlib
import os
import tempfile
from importlib.util import find_spec
from pathlib import Path

import llvmlite.binding
import numba
import platformdirs

from pavg import registry
from pavg.errors import InputError

ROOMS = ("kernels", "problems", "rounds")
FILES = (
    "comm/clocks.py",
    "comm/network.py",
)


def sources():
    """The files whose text decides what is compiled: pavg's own, and plugins' whole packages."""
    here = Path(__file__).resolve().parent.parent
    files = [file for room in ROOMS for file in here.joinpath(room).glob("*.py")]
    files += [here / file for file in FILES]
    plugins = {point.module.split(".")[0] for point in registry.names("problems").values()} - {"pavg"}
    for package in plugins:
        spec = find_spec(package)
        if spec is None or spec.origin is None:
            continue
        origin = Path(spec.origin)
        files += origin.parent.rglob("*.py") if spec.submodule_search_locations else [origin]
    return sorted(files)


def folder():
    """The cache folder for the sources as they stand now: …/pavg-HASH.

    Where that cannot be written to, it lies in the folder of temporary files: numba would otherwise
    fall back, in silence, to a cache beside the sources that notices no change.
    """
    digest = hashlib.sha256()
    for file in sources():
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    digest.update(f"{numba.__version__} {llvmlite.binding.get_host_cpu_name()}".encode())
    base = os.environ.get("NUMBA_CACHE_DIR") or platformdirs.user_cache_dir("pavg")
    if Path(base).name.startswith("pavg-"):  # set by a parent process of ours
        base = Path(base).parent
    name = f"pavg-{digest.hexdigest()[:16]}"
    return Path(base) / name if _writable(Path(base) / name) else _temporary() / name


def _writable(path):
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            return True
    except OSError:
        return False


def _temporary():
    """A folder of this user's own for temporary files."""
    return Path(tempfile.gettempdir()) / f"pavg-of-{os.getuid()}"


def install():
    """Let numba use `folder()`. Must run before any kernel is decorated."""
    where = folder()
    if not _writable(where):
        raise InputError(f"{where}: kernels cannot be kept there; set NUMBA_CACHE_DIR to a folder of yours")
    os.environ["NUMBA_CACHE_DIR"] = numba.config.CACHE_DIR = str(where)
