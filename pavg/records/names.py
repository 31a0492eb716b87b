"""Names of result files: what a person looks for, then what a program needs."""

import hashlib
import json
from pathlib import Path

from pavg import delays
from pavg.errors import InputError
from pavg.records.layout import FORMAT_VERSION
from pavg.settings import changes

# keys that do not change the record, or stand in the name by themselves
UNHASHED = ("name", "P", "R", "seed", "repetition", "lanes")
BENCH = ".bench.h5"  # how files of `pavg bench` end: they are no runs


def run_id(spec, R, origin):
    """P024-K0128-s0-R24-r0-HASH, for losses P024-K0128-s0-HASH.

    HASH is of every key that changes the record and differs from its default, of the samples'
    checksum (`origin["data_checksum"]`) and of the format's version. spec : as bound, so that what is
    left out and its default written out have the same name.
    """
    changed = {key: value for key, value in changes(spec).items() if key not in UNHASHED}
    if "data" in changed:  # where the samples lay does not matter, what they are does
        changed["data"] = origin["data_checksum"]
    for key, delay in delays.of(spec).items():
        if delay.trace:  # where that lies does not matter either
            changed["clock"][key]["trace"] = _digest(delay.trace)
    text = json.dumps([FORMAT_VERSION, changed], sort_keys=True)
    digest = hashlib.blake2b(text.encode(), digest_size=5).hexdigest()
    parts = [f"P{spec.P:03d}", spec.method.label, f"s{spec.seed}"]
    if spec.timed:
        parts += [f"R{R}", f"r{spec.repetition}"]
    return "-".join([*parts, digest])


def _digest(path):
    """Of what stands in a file."""
    try:
        return hashlib.blake2b(Path(path).read_bytes(), digest_size=8).hexdigest()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None


def of_a_run(name):
    """Whether a file's name is one of a run, or of runs that were merged."""
    return name.endswith(".h5") and not name.startswith(".") and not name.endswith(BENCH)
