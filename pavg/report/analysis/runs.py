"""Runs as a table, and which of them are the same but for their seed.

A *group* is the runs whose specifications differ in nothing but the seed, the repetition, and what
changes no loss (ranks, lanes, what is measured). Where seconds are looked at, runs of one group were
made on as many ranks of the same kind of machine, too.
"""

import json
from functools import lru_cache

import numpy as np
import pandas as pd

from pavg.errors import InputError
from pavg.expressions import where
from pavg.records.layout import VARIABLES
from pavg.settings import flat

NO_LOSS = {"name", "seed", "repetition", "lanes", "measure", "R", "barrier"}  # they change no loss
# what seconds of the training clock are the time of
CLOCKS = {
    "learners": "one rank a learner: times of P learners",
    "hosted": "hosted: fewer ranks than learners, not the times of P learners",
    "lanes": "lanes: several step sizes side by side, their times are those of all of them together",
    "losses": 'measure = "losses": not run for its times',
    "virtual": "virtual time: given seconds of local steps and messages, of P learners",
}
FIRST = ("problem", "data", "P", "rule", "step_size", "batch_size")  # of a label
LAST = ("evaluate", "stop", "data_checksum")
DESCRIBED = ("problem", "data", "method", "P", "rule", "period", "step_size", "gamma")
TIMED = ("clock", "R", "machine")
ONE_SHOT = "one-shot"  # K = "all"
SIGNS = {"step_size": "γ", "batch_size": "B"}


def runs(data):
    """One row a run of a merged dataset: parameters, final values of the curves, and what follows from them.

    data : `xarray.Dataset` (run, evaluation, rank). The index is `run`. Besides the dataset's own
    names there are

    - `evaluations` : how many there are (0 for a run that failed before the first)
    - `step_size` : a text, "0.05" or "inverse(alpha=1, d=10)"; `gamma` : the number, NaN for schedules
    - `period` : K, inf for one-shot averaging, NaN for methods without one; `rule` : "K = 16",
      "one-shot", or the method's label
    - `clock` : what its seconds are the time of, a key of `CLOCKS`
    - `machine` : CPU, MPI library, and what else makes times not comparable
    """
    names = [name for name in data.data_vars if data[name].dims == ("run",)]
    table = pd.DataFrame({name: data[name].values for name in names}, pd.RangeIndex(data.sizes["run"]))
    table.index.name = "run"
    table["evaluations"] = counts = _lengths(data)
    for name in curve_names(data):
        last = (
            data[name].values[np.arange(len(table)), np.maximum(counts - 1, 0)] if data[name].size else np.nan
        )
        table[name] = np.where(counts > 0, last, np.nan)
    found = settings(table)
    table["step_size"] = found.step_size
    table["gamma"] = pd.to_numeric(found.step_size, errors="coerce")
    table["rule"] = found.rule
    table["period"] = found.K.map(_period) if "K" in found else np.nan
    table["clock"], table["machine"] = _clock(table), _machine(table)
    return table


def curve_names(data):
    """Names of the dataset's curves over evaluations."""
    return [name for name in data.data_vars if name in VARIABLES and data[name].dims == ("run", "evaluation")]


def settings(table):
    """What tells groups apart: a column for each key of the specifications, in the index of `table`.

    Keys are flat, as result files' attributes are (`stop_steps`, `method_zeta`); a step size, which may
    be a schedule, is one text, samples are their name and checksum.
    """
    checksums = table.get("data_checksum", pd.Series("", table.index))
    told = zip(table["config"].tolist(), checksums.tolist(), table["label"].tolist(), strict=True)
    return _settings_of_all(tuple(told)).set_axis(table.index)


@lru_cache(8)  # the same runs are grouped again and again
def _settings_of_all(told):
    return pd.DataFrame([_settings(*one) for one in told], dtype=object)


def differing(table):
    """Names of the settings that it takes to tell the table's groups apart."""
    return _telling(_codes(settings(table)))


def grouped(table, without=(), timed=False):
    """(group of each run, table of groups) of runs that are the same but for their seed.

    without : names of settings (and all that begin with one and "_") that do not count either; timed :
    runs of other clocks, ranks and machines are other groups. The groups' table has their `label`,
    of the settings that tell them apart, the columns in `DESCRIBED` (timed: and in `TIMED`, and
    `barrier`), and `runs`, how many.
    """
    found = settings(table)
    without = (*without, "rule") if "method" in without else without
    dropped = [name for name in found if any(name == w or name.startswith(f"{w}_") for w in without)]
    found = found.drop(columns=dropped)
    if timed:
        found = found.assign(**{name: table[name] for name in TIMED})
    group = same(found).rename("group")
    one = ~group.duplicated()  # of each group
    first = table.loc[
        one, [name for name in (*DESCRIBED, *((*TIMED, "barrier") if timed else ())) if name in table]
    ]
    first.index = group[one]
    told = found[one].set_axis(first.index)
    names = _telling(_codes(told))
    first.insert(0, "label", [_label(row, names) for _, row in told.iterrows()])
    return group, first.assign(runs=group.value_counts())


def chosen(table, expression):
    """The runs that an expression of --where holds for, over parameters and final values.

    InputError for a bad expression, and where it holds for none.
    """
    told = settings(table)
    told["step_size"] = table["gamma"].astype(object).where(table["gamma"].notna(), told["step_size"])
    rest = table.drop(columns=[name for name in told if name in table])
    rows = told.join(rest).astype(object)
    fits = where(expression)
    found = [fits(row) for row in rows.where(rows.notna(), None).to_dict("records")]
    if not any(found):
        raise InputError(f"--where {expression!r}: true for none of {len(table):,} runs")
    return table[found]


def same(found):
    """Numbers of rows, from 0: equal rows, equal numbers."""
    codes = _codes(found)
    if codes.empty:
        return pd.Series(0, found.index)
    return codes.groupby(list(codes), sort=False).ngroup()


@lru_cache(1 << 16)
def _settings(config, checksum, label):
    """One run's settings, name → hashable value."""
    config = {key: value for key, value in json.loads(config).items() if key not in NO_LOSS}
    step_size, data = config.pop("step_size", ""), config.pop("data", None)
    found = flat(config) | {"step_size": shown(step_size)}
    if data:  # where the samples lay does not matter
        kept = {key: value for key, value in data.items() if key not in ("path", "test_path", "format")}
        found |= flat({"data": kept}) | {"data_checksum": checksum}
    period = _period(found.get("K"))
    found["rule"] = ONE_SHOT if np.isinf(period) else f"K = {period:g}" if period == period else label
    return {key: json.dumps(v) if isinstance(v, list | dict) else v for key, v in found.items()}


def shown(value):
    """A component of a specification in short: the number of a constant, or name(key=value, …)."""
    if isinstance(value, float):  # six digits where they are all: what differs must not look alike
        return f"{value:g}" if float(f"{value:g}") == value else repr(value)
    if not isinstance(value, dict):
        return str(value)
    if value.get("name") == "constant":
        return shown(value["value"])
    inner = ", ".join(f"{key}={shown(v)}" for key, v in value.items() if key != "name" and v is not None)
    return f"{value['name']}({inner})"


def period_of(rule):
    """What stands for a rule where the heading says K: 16, all, or the label of a method without K."""
    return "all" if rule == ONE_SHOT else rule.removeprefix("K = ")


def _period(K):
    if K == "all":
        return np.inf
    return float(K) if isinstance(K, int | float) else np.nan


def _lengths(data):
    ticks = data["ticks"]
    return ((ticks >= 0) & ticks.notnull()).sum("evaluation").values.astype(int)


def _clock(table):
    lanes, measure = (table.get(name, otherwise) for name, otherwise in (("lanes", 1), ("measure", "times")))
    given = np.asarray(table.get("clock", "")) == "virtual"
    cases = [given, np.asarray(lanes) > 1, table["P"] > table["R"], np.asarray(measure) == "losses"]
    names = ["virtual", "lanes", "hosted", "losses"]
    return np.select([np.broadcast_to(case, len(table)) for case in cases], names, "learners")


def _machine(table):
    """What times hang on beside the settings, as a text."""
    parts = [table.get(name, pd.Series("", table.index)).astype(str) for name in ("cpu", "mpi_library")]
    parts[1] = parts[1].str.replace(r"\s*Version:\s*", " ", regex=True).str.strip()
    beside, loop = table.get("beside", 0), table.get("loop", "compiled")
    notes = np.where(np.asarray(beside) > 0, ", others running beside", "")
    slow = np.where(np.asarray(loop) == "python", ", Python's loop", "")
    relay = table.get("relay", pd.Series("", table.index)).fillna("").astype(str)
    relay = relay.where(relay == "", ", through a relay of " + relay)
    barrier = np.where(np.asarray(table.get("barrier", 0)) > 0, ", a barrier before each average", "")
    return parts[0] + ", " + parts[1] + notes + slow + barrier + relay + _injected(table)


def _injected(table):
    """Of the delay that was injected into averages, a text for each run, "" where there was none."""
    latency, bandwidth = (
        pd.to_numeric(table.get(f"network_{name}", pd.Series(np.nan, table.index)), errors="coerce")
        for name in ("latency", "bandwidth")
    )
    told = latency.map(", injected delay of an average: {:g} s".format)
    told += bandwidth.map(" and its bytes at {:g} byte/s".format).where(bandwidth.notna(), "")
    return told.where(latency.notna(), "")


def _codes(found):
    """Numbers in the place of values, of the columns that differ at all."""
    codes = {name: pd.factorize(found[name], use_na_sentinel=False)[0] for name in found}
    return pd.DataFrame({name: code for name, code in codes.items() if code.any()}, found.index)


def _telling(codes):
    """Names of the columns that it takes to tell rows apart, those that people look for first."""
    order = [name for name in FIRST if name in codes]
    order += [name for name in codes if name not in order and not name.startswith(LAST)]
    order += [name for name in codes if name not in order]
    chosen, told = [], 1
    for name in order:
        apart = len(codes[[*chosen, name]].drop_duplicates())
        if apart > told:
            chosen, told = [*chosen, name], apart
    return chosen


def _label(row, names):
    """Like P = 8, K = 16, γ = 0.05."""
    parts = []
    for name in names:
        value = row[name]
        if value is None or value != value or value == "":
            continue
        words = name in ("rule", "problem", "data", "data_name", "method", "clock", "machine")
        parts.append(str(value) if words else f"{SIGNS.get(name, name)} = {shown(value)}")
    return ", ".join(parts)
