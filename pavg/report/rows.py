"""Runs as rows of a table: all that is known of each but its curves; chosen, sorted, by columns' names."""

import json
from functools import partial

from pavg import registry
from pavg.errors import InputError
from pavg.expressions import where
from pavg.records.columns import parameters
from pavg.records.layout import VARIABLES
from pavg.settings import flat, named


def row(run):
    """name → value of one run, a `Summary`; None where it has none.

    Parameters, as in merged files; final values of curves; compute, comm and wait, seconds of the training
    clock over the whole run (mean over ranks); elapsed, seconds with evaluations and checkpoints; and curve,
    the loss at a few evaluations, which is a list and no column of a table of values.
    """
    facts = parameters(run.path, run.attributes, run.machine)
    settings = flat(json.loads(facts["config"]))
    found = {}
    for name, value in facts.items():
        if isinstance(value, str) and value == str(settings.get(name)):
            value = settings[name]  # K = 16 in a merged file that has K = "all" too, where it is a text
        found[f"parameter_{name}" if name in VARIABLES else name] = None if value == "" else value
    return found | run.last | run.seconds | {"elapsed": run.elapsed, "curve": run.curve}


def columns(rows):
    """Names of all columns of values, parameters first."""
    return [name for name in dict.fromkeys(name for one in rows for name in one) if name != "curve"]


def chosen(rows, expression):
    """The rows that an expression of --where is true for. InputError for a bad one, or if for none."""
    fits, unset = where(expression), dict.fromkeys(columns(rows))
    found = [one for one in rows if fits(unset | one)]
    if not found:
        raise InputError(f"--where {expression!r}: true for none of {len(rows):,} runs")
    return found


def ordered(rows, names):
    """The rows, sorted by columns. names : the first matters most; -name: largest first.

    Numbers come before texts, and what has no value last, whichever way. InputError for unknown names.
    """
    there = columns(rows)
    for given in reversed(names):
        name = column(given.removeprefix("-"), there, "--sort")
        told = [one for one in rows if not missing(one.get(name))]
        none = [one for one in rows if missing(one.get(name))]
        told.sort(key=partial(_rank, name), reverse=given.startswith("-"))
        rows = told + none
    return rows


def column(name, there, option):
    """The column that a name stands for, which may be dotted as in a specification. InputError if none.

    there : names of the columns; option : that named it.
    """
    found = named(name, there)
    if found is None:
        raise InputError(f"{option}: {name!r} is no column{registry.suggestion(name, there)}")
    return found


def _rank(name, one):
    return isinstance(one[name], str), one[name]


def missing(value):
    """Whether a value is none: not there, or not a number."""
    return value is None or value != value
