"""What the page shows, as plain lists and numbers: all statistics are made here, by pavg.report.analysis.

A *problem* of the page is a family of runs that differ in P, rule, step size and seed alone. Its *lines*
are the groups of one P, rule and step size; its *timed* groups are those of one clock and machine, too.
Numbers have six digits; NaN, nothing known, is null; infinity, never or diverged, is "inf".
"""

from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from pavg.report import analysis, findings, making
from pavg.report.families import Family, number

MEASURES = {
    "loss": "loss (training objective)",
    "normalised": "loss above the optimum (1 at the start, 0 at the best known)",
    "suboptimality": "suboptimality (1 at the start, 0 at the optimum)",
    "test_loss": "test loss",
    "accuracy": "accuracy on the training set",
    "test_accuracy": "accuracy on the test set",
    "grad_norm": "norm of the gradient",
}
COLUMNS = {  # of the table of runs: name → (heading, what it is)
    "status": ("status", "how the run ended"),
    "P": ("P", "learners"),
    "R": ("R", "MPI ranks"),
    "rule": ("K", "local steps between averages"),
    "step_size": ("step size", ""),
    "seed": ("seed", ""),
    "repetition": ("rep.", "repetition of the same seed, for times"),
    "local_steps": ("local steps", "of each learner"),
    "rounds": ("rounds", "combinations"),
    "samples": ("samples", "of all learners together"),
    "loss": ("loss", "training objective at the end"),
    "accuracy": ("accuracy", "on the training set, at the end"),
    "test_accuracy": ("test acc.", "accuracy on the test set, at the end"),
    "time_wall": ("seconds", "of the training clock"),
    "compute": ("compute", "seconds of local steps, mean over ranks"),
    "comm": ("comm.", "seconds of combining, mean over ranks"),
    "wait": ("wait", "seconds in barriers, mean over ranks"),
    "clock": ("times of", "what these seconds are the time of"),
    "reason": ("reason", "why it ended"),
    "name": ("file", ""),
}
TEXTS = ("status", "rule", "step_size", "clock", "reason", "name")
TIMES = {
    "learners": "P learners",
    "hosted": "hosted learners",
    "lanes": "lanes, together",
    "losses": "not for times",
    "virtual": "virtual time",
}


@dataclass
class Contents:
    """tally : [(number, what)]; findings : sentences; made : what the runs have in common (`making.common`);
    data : what scripts draw from; unsound : why files were left out."""

    title: str
    tally: list
    findings: list
    made: list
    data: dict
    unsound: list = field(default_factory=list)


def contents(data, title, unsound=()):
    """The `Contents` of a dataset of many runs (run, evaluation, rank)."""
    table = analysis.runs(data)
    points = analysis.curves(data, table)
    split = analysis.time_split(data, table)
    of, named = analysis.grouped(table, without=("P", "method", "K", "step_size"))
    families = [
        Family(key, _name(named.loc[key], len(named)), table[of == key], points, split)
        for key in named.sort_values("runs", ascending=False, kind="stable").index
    ]
    for k, family in enumerate(families):
        family.number = k
    rules = table.sort_values(["period", "rule"])["rule"].drop_duplicates().tolist()
    steps = table.sort_values(["gamma", "step_size"])["step_size"].drop_duplicates().tolist()
    clocks, clock = _clocks(table)
    real = {machine: k for k, (name, _, machine) in enumerate(clocks) if name == "learners"}
    drawn = {
        "problems": [family.described(MEASURES) for family in families],
        "P": sorted({int(P) for P in table["P"]}),
        "rules": [analysis.period_of(rule) for rule in rules],
        "steps": steps,
        "clocks": [{"text": _told(key, clocks), "learners": key[0] == "learners"} for key in clocks],
        "measures": MEASURES,
        "lines": [line for family in families for line in family.lines(rules, steps, MEASURES)],
        "timed": [line for family in families for line in family.timed(rules, steps, clock, MEASURES)],
        "scaling": [row for family in families for row in family.scaling(rules, real)],
    }
    drawn |= _runs(table, split, of.map({family.key: family.number for family in families}), rules, steps)
    drawn["facts"], drawn["made"] = making.facts(data, table)
    return Contents(
        title=title,
        tally=_tally(table, families),
        findings=[sentence for family in families[:3] for sentence in findings.of(family)]
        + findings.warnings(table),
        made=making.common(drawn["facts"], drawn["made"]),
        data=drawn,
        unsound=list(unsound),
    )


def _name(group, count):
    """What a family is called: its problem and samples, and what else tells it from the others."""
    names = [str(group["problem"]), str(group.get("data") or "")]
    label = str(group["label"]) if count > 1 else ""
    parts = [part for part in label.split(", ") if part and part not in names]
    return " · ".join([*[name for name in names if name and name != "nan"], *parts])


def _clocks(table):
    """([(clock, ranks where hosted, machine)], the place in it of every run): whose seconds there are."""
    ranks = table["R"].where(table["clock"] == "hosted", 0)
    keys = pd.Series(list(zip(table["clock"], ranks, table["machine"], strict=True)), table.index)
    order = list(analysis.CLOCKS)
    spread = table["P"].groupby(keys).agg(["nunique", "size"])  # those that tell most come first
    found = sorted(
        set(keys), key=lambda key: (order.index(key[0]), *(-spread.loc[[key]].to_numpy()[0]), *key[1:])
    )
    return found, keys.map({key: k for k, key in enumerate(found)})


def _told(key, clocks):
    """Whose seconds these are, in words; the machine too, where there are several."""
    clock, ranks, machine = key
    words = {
        "learners": "P learners on P ranks",
        "hosted": f"hosted on {ranks:g} rank{'s' * (ranks != 1)}: not the times of P learners",
        "lanes": "lanes: several step sizes at once",
        "losses": 'measure = "losses": not run for times',
        "virtual": "virtual time: given, not measured",
    }[clock]
    return words + (f" ({machine})" if len({other for *_, other in clocks}) > 1 else "")


def _runs(table, split, family, rules, steps):
    """Columns and rows of the table of all runs."""
    seconds = split.groupby("run")[list(analysis.PHASES)].mean().reindex(table.index)
    shown = table.join(seconds)
    shown["rule"] = shown["rule"].map(analysis.period_of)
    shown["clock"] = shown["clock"].map(TIMES)
    shown["name"] = [Path(file).name for file in table["file"]]
    given = set(COLUMNS) | {"K", "method", "problem", "data", "R"}
    more = [name for name in analysis.differing(table) if name not in given and name in table]
    columns = {name: COLUMNS[name] for name in COLUMNS if name in shown}
    columns |= {name: (name.replace("_", " "), "") for name in more}
    columns = {name: column for name, column in columns.items() if shown[name].notna().any()}
    if not shown["repetition"].any():
        del columns["repetition"]
    texts = {*TEXTS, *(name for name in more if pd.to_numeric(shown[name], errors="coerce").isna().any())}
    whole = [
        [_text(value) for value in shown[name]]
        if name in texts
        else number(pd.to_numeric(shown[name], errors="coerce"))
        for name in columns
    ]
    keys = zip(family, table["P"], table["rule"], table["step_size"], table["status"], strict=True)
    return {
        "columns": [
            {"name": heading, "says": says, "text": name in texts, "long": name == "reason"}
            for name, (heading, says) in columns.items()
        ],
        "runs": [
            {
                "problem": int(f),
                "P": int(P),
                "K": rules.index(rule),
                "step": steps.index(step),
                "status": status,
            }
            | {"cells": cells}
            for (f, P, rule, step, status), *cells in zip(keys, *whole, strict=True)
        ],
    }


def _text(value):
    return "" if value is None or value != value else str(value)


def _tally(table, families):
    counts = table["status"].value_counts()
    found = [(f"{len(table):,}", "runs" if len(table) > 1 else "run")]
    found += [(f"{counts[status]:,}", status) for status in counts.index if len(counts) > 1]
    names = [("P", "values of P"), ("rule", "values of K"), ("step_size", "step sizes"), ("seed", "seeds")]
    found += [(f"{table[name].nunique():,}", what) for name, what in names if table[name].nunique() > 1]
    return found + ([(f"{len(families):,}", "problems")] if len(families) > 1 else [])
