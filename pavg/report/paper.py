"""A paper, run: its experiments, what it says of them, and the page that puts both side by side."""

import base64
import json
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import pandas as pd

from pavg import files, open_results
from pavg.errors import InputError
from pavg.estimate.stored import Variance, everything
from pavg.report import analysis, figures, making, page
from pavg.report.claims import AGREES, CANNOT, DIFFERS, UNDECIDED, Claim

VERDICTS = (AGREES, DIFFERS, UNDECIDED, CANNOT)
TUNED = "-tuned"  # ends the name of runs with tuned step sizes, on other seeds


@dataclass(frozen=True)
class Experiment:
    """One sweep of a paper, or what `pavg estimate variance` says of its problems.

    name : folder of its results; spec : benchmark, in the paper's folder; about : a sentence; verb : "run" or
    "variance"; reduced : --set of the size for minutes; data : its files, of training and of test samples,
    under the folder of data, names or patterns; part : those of the reduced size, where they are others;
    ranks : that each of its jobs needs, whatever -n says, and has to itself, as its times count (0: those of
    -n); tuned : seeds, "100:110", of more runs with the step sizes that this sweep finds best, those that
    reach the normalised loss `target` soonest.
    """

    name: str
    spec: str
    about: str
    verb: str = "run"
    reduced: tuple[str, ...] = ()
    data: tuple[str, ...] = ()
    part: tuple[str, ...] = ()
    ranks: int = 0
    tuned: str = ""
    target: float = 0.1


@dataclass(frozen=True)
class Picture:
    """A figure or a table of the page. draw : results of the experiments that it needs → a matplotlib figure,
    or a pandas table."""

    title: str
    says: str
    needs: tuple[str, ...]
    draw: Callable


@dataclass(frozen=True)
class Paper:
    """name : of its folder in benchmarks/; title, source : of the paper; sections : (title, pictures,
    claims), in the order of the page."""

    name: str
    title: str
    source: str
    experiments: tuple[Experiment, ...]
    sections: tuple[tuple[str, tuple[Picture, ...], tuple[Claim, ...]], ...]


class Runs:
    """Results of one experiment: `data`, `table` and `points` as pavg.report.analysis gives them.

    folder : of their files
    """

    def __init__(self, data, folder):
        self.data, self.folder = data, folder

    @classmethod
    def read(cls, folder):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # files that are left out are counted by the table
            return cls(open_results(folder.resolve()), folder)  # what opens files again finds them anywhere

    @cached_property
    def table(self):
        return analysis.runs(self.data)

    @cached_property
    def points(self):
        return analysis.curves(self.data, self.table)

    def where(self, expression):
        """Rows of the table for which an expression of --where is true."""
        return analysis.chosen(self.table, expression)

    def final(self, name, expression):
        """Values at the end of the runs of `where`, by seed."""
        table = self.where(expression)
        return table.assign(found=analysis.final(table, name)).sort_values("seed")["found"].to_numpy()


def variances(folder):
    """[(facts, `Variance`)] of an experiment that estimates them. InputError if there are none."""
    found = everything(Variance, folder)
    if not found:
        raise InputError(f"{folder}: no variance")
    return found


READERS = {"run": Runs.read, "variance": variances}


@dataclass
class Results:
    """name → `Runs`, or variances, of the experiments that are there; missing : name → why others are not."""

    found: dict
    missing: dict = field(default_factory=dict)

    def __getitem__(self, name):
        return self.found[name]

    def all(self, names):
        """Those of all these experiments, or None."""
        return [self.found[name] for name in names] if set(names) <= self.found.keys() else None


def read(paper, folder, missing):
    """The `Results` under a folder. missing : name → why an experiment was not run."""
    found, gone = {}, dict(missing)
    readers = {one.name: READERS[one.verb] for one in paper.experiments}
    readers |= {one.name + TUNED: Runs.read for one in paper.experiments if one.tuned}
    for name, reader in readers.items():
        try:
            found[name] = reader(folder / name)
            gone.pop(name, None)
        except InputError as error:
            why = str(error) if (folder / name).exists() else "it has not been run"
            gone.setdefault(name, gone.get(name.removesuffix(TUNED), why))
    return Results(found, gone)


def tuned_settings(runs, target):
    """[(--where, --set)]: for each P and rule the step size that reaches a target soonest, in the mean over
    seeds: one that fails on any seed is none."""
    at = analysis.reach(runs.table, runs.points, target, x="local_steps")["at"]
    group, _ = analysis.grouped(runs.table)
    best = analysis.best_step_sizes(runs.table, at.groupby(group).transform("mean"))
    found = []
    for row in best[best["group"] >= 0].itertuples():
        run = runs.table.loc[group == row.group].iloc[0]
        config = json.loads(run["config"])
        size = {key: value for key, value in config["step_size"].items() if value is not None}
        written = ", ".join(f"{key} = {json.dumps(value)}" for key, value in size.items())  # as TOML
        found.append((f"P == {row.P} and K == {config['method']['K']!r}", f"step_size={{{written}}}"))
    return found


SIZES = {False: "A reduced size, for minutes; --full is the paper's.", True: "The size of the paper."}


def write(paper, results, folder, full):
    """Write page, figures and claims under a folder; [(claim, finding)] of all sections.

    full : whether the experiments have the paper's size.
    """
    folder.mkdir(parents=True, exist_ok=True)
    told, sections = [], []
    for title, pictures, claims in paper.sections:
        drawn = [(one, _drawn(one, results, folder)) for one in pictures]
        judged = [(claim, claim.judged(results)) for claim in claims]
        told += judged
        sections.append((title, drawn, judged))
    counts = {verdict: sum(found.verdict == verdict for _, found in told) for verdict in VERDICTS}
    text = page.filled(
        "paper.html",
        paper.title,
        paper=paper,
        size=SIZES[full],
        full=full,
        sections=sections,
        counts=[(n, verdict) for verdict, n in counts.items() if n],
        made_of={name: _made(runs) for name, runs in results.found.items() if isinstance(runs, Runs)},
        missing=results.missing,
    )
    rows = [
        {"where": c.where, "says": c.says, "printed": c.printed, "needs": c.needs} | vars(found)
        for c, found in told
    ]
    files.replace(folder / "claims.json", (json.dumps(rows, indent=1, ensure_ascii=False) + "\n").encode())
    page.save(folder / "index.html", text)
    return told


def _drawn(picture, results, folder):
    """What stands on the page: the address of a figure, which is kept as SVG beside the page, or a table of
    texts; None if runs are missing."""
    given = results.all(picture.needs)
    if given is None:
        return None
    try:
        made = picture.draw(*given)
    except KeyError:  # a sweep that was interrupted: its claims say so
        return None
    if isinstance(made, pd.DataFrame):
        return {"columns": list(made), "rows": made.map(_text).to_numpy().tolist()}
    name = re.sub(r"[^a-z0-9]+", "-", picture.title.lower()).strip("-")
    figures.save(made, path := folder / f"{name}.svg", picture.title)
    return "data:image/svg+xml;base64," + base64.b64encode(path.read_bytes()).decode()


def _text(value):
    return value if isinstance(value, str) else "" if value != value else f"{value:,.4g}"


def _made(runs):
    facts, made = making.facts(runs.data, runs.table)
    return len(runs.table), runs.table["status"].value_counts().to_dict(), making.common(facts, made)
