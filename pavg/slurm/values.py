"""What a user may write into a script: quoted where bash reads it, refused where nothing can quote it."""

import re
import shlex

from pavg.errors import InputError

NAME = r"[A-Za-z0-9][\w.,@+-]*"
# option → what may stand in its #SBATCH line, where sbatch knows no quoting that all versions agree on
DIRECTIVES = {
    "partition": NAME,
    "account": NAME,
    "constraint": r"[A-Za-z0-9(\[][\w.,@+*:&|()\[\]-]*",
    "time": r"\d+(:\d{1,2}){0,2}|\d+-\d+(:\d{1,2}){0,2}",
}
ANYTHING = r"[\w.,:;/=+*%@~^!?&|()\[\]{}<>-]+"
OWN = {  # directives that are an option of their own
    **{
        name: name
        for name in ("partition", "account", "constraint", "time", "nodes", "ntasks", "ntasks-per-node")
    },
    "array": "throttle",
    "signal": "signal",
}
WORD = re.compile(r"[\w@%+=:,./\[\]-]*(?:\$(?:\w+|\{\w+\})[\w@%+=:,./\[\]-]*)+", re.ASCII)


def line(text, option):
    """A text without line ends and other control characters, or InputError."""
    if re.search(r"[\x00-\x1f\x7f]", text):
        raise InputError(f"{option} {text!r}: expected one line, without control characters")
    return text


def directive(name, value):
    """A value of --partition, --account, --constraint or --time, or InputError."""
    if not re.fullmatch(DIRECTIVES[name], value, re.ASCII):
        raise InputError(f"--{name} {value!r}: expected {DIRECTIVES[name]}, which an #SBATCH line can hold")
    return value


def free(text):
    """(name, value) of a --directive "name=value" or "name" (value None), or InputError."""
    name, sign, value = text.partition("=")
    if not re.fullmatch(r"[a-z][a-z0-9-]*", name) or (sign and not re.fullmatch(ANYTHING, value, re.ASCII)):
        raise InputError(
            f"--directive {text!r}: expected name=value or name, as mem=4G, without spaces and quotes"
        )
    if name in OWN:
        raise InputError(f"--directive {text}: expected --{OWN[name]} for that")
    return name, value if sign else None


def seconds(time):
    """Slurm's time limit in seconds: minutes, m:s, h:m:s, d-h, d-h:m or d-h:m:s."""
    days, sign, rest = time.rpartition("-")
    parts = [int(part) for part in rest.split(":")]
    if sign:
        h, m, s = (*parts, 0, 0)[:3]
    else:
        h, m, s = {1: (0, *parts, 0), 2: (0, *parts), 3: parts}[len(parts)]
    total = ((int(days or 0) * 24 + h) * 60 + m) * 60 + s
    if total == 0:
        raise InputError(f"--time {time}: expected more than nothing")
    return total


def launcher(text, cpu_bind, ranks):
    """The words in front of python. text : pmi2, pmix, mpirun, or a whole command; $NAME stays a variable.

    An srun is told to bind ranks, and to end with the first that fails; an mpirun how many there are.
    """
    text = {"pmi2": "srun --mpi=pmi2", "pmix": "srun --mpi=pmix"}.get(text, line(text, "--launcher"))
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise InputError(f"--launcher {text!r}: {error}") from None
    program = words[0].rpartition("/")[2] if words else ""
    if not program:
        raise InputError("--launcher: expected pmi2, pmix, mpirun or a command")
    if program == "srun":
        words += _missing(words, f"--cpu-bind={cpu_bind}") + _missing(words, "--kill-on-bad-exit=1")
    elif program in ("mpirun", "mpiexec") and not {"-n", "-np"} & {*words}:
        words += ["-n", str(ranks)]
    return " ".join(f'"{word}"' if WORD.fullmatch(word) else shlex.quote(word) for word in words)


def _missing(words, option):
    name = option.partition("=")[0]
    return [] if any(word.partition("=")[0] == name for word in words) else [option]
