"""Scripts from the templates in jobs/, by `string.Template` with @, which leaves $SLURM_… and "$@" alone."""

import re
import shlex
import string
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

from pavg.errors import InputError
from pavg.slurm import values
from pavg.slurm.names import SLURM, job_name, safe
from pavg.slurm.plan import Shape

HEADER = re.compile(r"(?:#.*\n|\n)*")  # up to the first command: where sbatch looks for directives
TEXT = {"encoding": "utf-8", "errors": "surrogateescape"}  # file names are bytes
NO_SETUP = "# none given; one is  pavg slurm --setup 'module load openmpi'"


class Template(string.Template):
    """@name is a placeholder, unless a letter or digit stands before it, as in an e-mail address."""

    pattern = r"(?<!\w)@(?:(?P<named>[a-z_]+)|(?P<braced>(?!))|(?P<escaped>(?!))|(?P<invalid>(?!)))"  # type: ignore[assignment]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What all scripts of a sweep have in common, as given on the command line.

    arguments : of `pavg run`; out : the folder of results; directives : name → value or None; omitted :
    names of directives; setup : lines; launcher : as `values.launcher`; seconds : of warning ahead of
    the time limit; templates : a folder that is looked in before jobs/.
    """

    arguments: tuple
    out: Path
    folder: Path
    time: str = "01:00:00"
    directives: tuple = ()
    omitted: tuple = ()
    setup: tuple = ()
    launcher: str = "pmi2"
    cpu_bind: str = "cores"
    throttle: int | None = None
    shape: Shape = Shape()
    seconds: int = 120
    max_requeues: int = 10
    hostfile: str = "hosts"
    templates: Path | None = None
    python: str = sys.executable


def scripts(jobs, settings):
    """{file name: text} of all jobs, and of the one that merges their results when all have ended."""
    alone = len({job.sweep for job in jobs}) == 1
    made = {}
    for job in jobs:
        suffix = "sbatch" if job.kind in SLURM else "sh"
        part = f"{job.part if job.kind == 'array' else job.kind}.{suffix}"
        file = part if alone else f"{safe(job.sweep)}.{part}"
        made[file] = script(job, settings, file)
    if jobs[0].kind in SLURM:
        made["merge.sbatch"] = merge(list(dict.fromkeys(job.sweep for job in jobs)), settings, "merge.sbatch")
    return made


def write(folder, made):
    """Write scripts into a folder. InputError where one is there that says something else: an edited one."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file, text in made.items():
            path = folder / file
            if path.exists() and path.read_text(**TEXT) != text:
                raise InputError(
                    f"{path}: is there, and says something else; remove it, or name another --jobs"
                )
        for file, text in made.items():
            (folder / file).write_text(text, **TEXT)
    except OSError as error:
        raise InputError(f"{folder}: cannot be written: {error.strerror}") from None


def script(job, settings, file):
    """The text of a job's script; file : its name, for the comment that says how to submit it."""
    arguments = settings.arguments
    if job.kind != "array" and job.elements[0]:
        arguments += ("--cells", job.elements[0])
    throttle = f"%{settings.throttle}" if settings.throttle else ""
    quoted = [f"'{text}'" if "," in text else text for text in job.elements]
    cells = textwrap.fill(" ".join(quoted), 110, subsequent_indent="    ", break_long_words=False)
    filled = _site(settings) | {
        "job_name": job_name(job.sweep, job.part),
        "script": file,
        "array": f"0-{len(job.elements) - 1}{throttle}",
        "cells": cells,
        "ranks": job.ranks,
        "nodes": settings.shape.nodes,
        "ranks_per_node": settings.shape.per_node,
        "time": settings.time,
        "seconds": settings.seconds,
        "max_starts": job.starts,
        "max_requeues": settings.max_requeues,
        "results": shlex.quote(values.line(str(settings.out / job.sweep), "--out")),
        "launcher": values.launcher(settings.launcher, settings.cpu_bind, job.ranks),
        "hostfile": shlex.quote(values.line(settings.hostfile, "--hostfile")),
        "arguments": shlex.join(values.line(text, "pavg run") for text in arguments),
    }
    filled["common"] = _filled("common.sh", filled, settings.templates).rstrip("\n")
    suffix = "sbatch" if job.kind in SLURM else "sh"
    extra = dict(settings.directives)
    if job.kind == "array" and settings.shape.per_node:
        extra["ntasks-per-node"] = str(min(settings.shape.per_node, job.ranks))
    made = _filled(f"{job.kind}.{suffix}", filled, settings.templates)
    return _directed(made, extra, settings.omitted) if job.kind in SLURM else made


def merge(sweeps, settings, file):
    """The text of the last job's script, which makes one file of each sweep's folder of results."""
    commands = []
    for sweep in sweeps:
        folder = values.line(str(settings.out / sweep), "--out")
        commands.append(shlex.join([settings.python, "-m", "pavg", "merge", folder, "-o", f"{folder}.h5"]))
    filled = _site(settings) | {
        "job_name": job_name(sweeps[0], "merge"),
        "script": file,
        "merges": "\n".join(commands),
    }
    made = _filled("merge.sbatch", filled, settings.templates)
    # what the site wants of every job; memory, constraints and the like are the sweep's
    wanted = {key: value for key, value in settings.directives if key in ("partition", "account", "qos")}
    there = {*map(_directive, made.splitlines()), *wanted}
    return _directed(made, wanted, [name for name in settings.omitted if name in there])


def _site(settings):
    """Placeholders of the part that all templates share."""
    setup = [values.line(text, "--setup") for text in settings.setup]
    python = values.line(settings.python, "python")
    return {
        "setup": "\n".join(setup) or NO_SETUP,
        "folder": shlex.quote(values.line(str(settings.folder), "the folder")),
        "python": shlex.quote(python),
        "bin": shlex.quote(str(Path(python).parent)),
    }


def _filled(name, filled, own):
    """A template with its placeholders filled. own : a folder that is looked in first, or None."""
    here = Path(__file__).resolve().parent.parent
    jobs = here / "jobs" if (here / "jobs").is_dir() else here.parent / "jobs"  # wheel, checkout
    path = own / name if own and (own / name).is_file() else jobs / name
    try:
        return Template(path.read_text()).substitute(filled)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from None
    except KeyError as error:
        known = ", ".join(f"@{key}" for key in sorted(filled))
        raise InputError(f"{path}: @{error.args[0]} is no placeholder; there are {known}") from None


def _directed(text, extra, omitted):
    """A script with directives set (those it has not are put behind its last one) and others left out."""
    header = HEADER.match(text).group()
    lines, rest = header.splitlines(), text[len(header) :]
    for name, value in extra.items():
        made = f"#SBATCH --{name}" + (f"={value}" if value is not None else "")
        there = [i for i, line in enumerate(lines) if _directive(line) == name]
        if there:
            lines[there[0]] = made
        else:
            last = max(i for i, line in enumerate(lines) if _directive(line))
            lines.insert(last + 1, made)
    for name in omitted:
        if name not in map(_directive, lines):
            known = ", ".join(filter(None, map(_directive, lines)))
            raise InputError(f"--omit {name}: no such directive in the script; there are {known}")
    lines = [line for line in lines if _directive(line) not in omitted]
    return "\n".join(lines) + "\n" + rest


def processors(text):
    """How many a rank has: --cpus-per-task of a script."""
    found = re.search(r"^#SBATCH --cpus-per-task=(\d+)$", text, re.M)
    return int(found.group(1)) if found else 1


def _directive(line):
    """The name of an #SBATCH line's directive, or None."""
    found = re.match(r"#SBATCH --([a-z-]+)", line)
    return found and found.group(1)
