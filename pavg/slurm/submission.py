"""Scripts handed to sbatch, one after the other; what is said where one is refused half-way."""

import os
import re
import subprocess

PATIENCE = 120  # seconds that sbatch has: a busy controller answers late
KEPT = ("SLURM_CONF",)  # tells where the controller is


class SubmissionError(Exception):
    """sbatch did not take a script; the message says which jobs there are already, and how to cancel them."""


def submit(folder, scripts, last=None):
    """{script: job id} of scripts in a folder, in their order, and of one that waits for them all to end.

    Logs land in the folder. Bounded in time: SubmissionError where sbatch fails or does not answer.
    """
    ids = {}
    for script in scripts:
        ids[script] = _sbatch(folder, [script], ids)
    if last is not None:
        after = f"--dependency=afterany:{':'.join(ids.values())}"
        ids[last] = _sbatch(folder, [after, "--kill-on-invalid-dep=yes", last], dict(ids))
    return ids


def _sbatch(folder, arguments, before):
    pipes = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True, "errors": "replace"}
    said = ""
    try:
        done = subprocess.run(
            ["sbatch", "--parsable", *arguments], cwd=folder, env=_environment(), timeout=PATIENCE, **pipes
        )
        # ID or ID;CLUSTER, the last line: a site's plugins print above it
        found = re.fullmatch(r"(\d+)(;\S*)?", (done.stdout.strip().splitlines() or [""])[-1])
        if done.returncode == 0 and found:
            return found.group(1)
        said = f"exit code {done.returncode}: {(done.stderr or done.stdout).strip() or 'it said nothing'}"
    except OSError as error:
        said = f"cannot be started: {error.strerror}"
    except subprocess.TimeoutExpired:
        said = f"no answer after {PATIENCE} s; squeue --me shows whether it was taken"
    raise SubmissionError("\n".join([f"sbatch {arguments[-1]}: {said}", *_left(before)]))


def _left(ids):
    """What is in the queue already, as lines."""
    if not ids:
        return ["no job was submitted"]
    submitted = ", ".join(f"{job} ({script})" for script, job in ids.items())
    return [f"submitted before: {submitted}", f"cancel them with: scancel {' '.join(ids.values())}"]


def _environment():
    """The environment without what a job that we are in says of itself: sbatch would take it over."""
    if "SLURM_JOB_ID" not in os.environ:
        return None
    own = ("SLURM_", "SBATCH_")
    return {key: value for key, value in os.environ.items() if key in KEPT or not key.startswith(own)}
