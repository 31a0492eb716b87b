"""C that is shipped as source, compiled where a compiler is, and called."""

import ctypes
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

COMPILERS = ("cc", "gcc", "clang", "mpicc")
SECONDS = 60.0


def compiler():
    """The path of a C compiler ($CC, else the first of `COMPILERS` that is there), or None."""
    named = os.environ.get("CC")
    return next(filter(None, map(shutil.which, [named] if named else COMPILERS)), None)


def library(source):
    """(a C file of this room as a ctypes.CDLL, "") or (None, why not)."""
    cc = compiler()
    if cc is None:
        return None, "missing: no C compiler"
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "made.so"
        command = [cc, "-O2", "-shared", "-fPIC", "-o", made, Path(__file__).with_name(source)]
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=SECONDS)
        except (OSError, subprocess.SubprocessError) as error:
            return None, f"missing: {cc} does not compile: {error}"
        return ctypes.CDLL(made), ""  # stays mapped when the file is gone
