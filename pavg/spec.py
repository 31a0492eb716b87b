"""A run, written down: TOML on one side, frozen dataclasses on the other.

`build` turns one table into a `Spec` and checks every key, type and combination before
anything starts. A file with a grid holds many such tables: `pavg.sweep.grid` expands it.
"""

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Literal

from annotated_types import Ge, Gt, Lt

from pavg import delays, registry, settings
from pavg.errors import InputError
from pavg.tables import checked, shown

if TYPE_CHECKING:  # a problem, a method, a partition …: their bases are on floors above
    Part = Any
else:
    Part = registry.Component
Count = Annotated[int, Ge(1)]
Number = Annotated[int, Ge(0)]
Positive = Annotated[float, Gt(0)]

# key of a specification → entry-point group that its table's name is looked up in
COMPONENTS = {
    "problem": "problems",
    "method": "methods",
    "partition": "partitions",
    "step_size": "step_sizes",
    "batch_size": "batch_sizes",
}
WIDTHS = (1, 8, 16, 32)  # models that run side by side


@dataclass(frozen=True, kw_only=True)
class Synthetic:
    """Samples made up in the shape of a set: what is left open is as in the set that it is like.

    n, d, nnz : rows, features, nonzeros a row (of a sparse shape); rank : of the features (of a
    dense one); separability : size of the logit (of classes); noise : share of labels turned over,
    or deviation of the errors (of a regression); rho : instead of a regression's noise, what it
    leads to; pairs : whether a regression's rows come in pairs whose errors cancel. Exactly what they
    mean: `pavg.data.synthetic`.
    """

    like: Literal["higgs", "year", "rcv1", "e2006"]
    n: Count | None = None
    d: Count | None = None
    nnz: Count | None = None
    rank: Count | None = None
    separability: Positive | None = None
    noise: Annotated[float, Ge(0)] | None = None
    rho: Positive | None = None
    pairs: bool = False
    seed: Number = 0


@dataclass(frozen=True, kw_only=True)
class Data:
    """Which samples: a set by name, files by path, or synthetic ones.

    path : a file, a folder (its files, sorted) or a pattern; member : which members of a .zip;
    format : "auto" looks at name and content; target, header, delimiter : of CSV; positive : the
    label that counts as +1, all others as −1 (None: labels stay as they are); scale : what is
    done to the features once, at conversion; layout, dtype : how X is kept ("auto" takes dense from a
    quarter of nonzeros on); test : share of rows held out, by the stream of `split_seed`, where
    there is no `test_path`.
    """

    name: str = ""
    path: str = ""
    member: str = ""
    test_path: str = ""
    test_member: str = ""
    format: Literal["auto", "libsvm", "csv", "idx", "cifar10", "npz", "hdf5"] = "auto"
    target: int | str | None = None
    header: Literal["auto", "yes", "no"] = "auto"
    delimiter: Literal["auto", ",", ";", "\t", " "] = "auto"
    positive: float | None = None
    synthetic: Synthetic | None = None
    test: Annotated[float, Ge(0), Lt(1)] = 0.0
    split_seed: Number = 0
    scale: Literal["none", "standardize", "unit_rows"] = "none"
    layout: Literal["auto", "dense", "csr"] = "auto"
    dtype: Literal["float64", "float32"] = "float64"


@dataclass(frozen=True, kw_only=True)
class Stop:
    """When a run ends: at the first of these that is reached.

    steps : ticks of the method (local steps, for most); samples : of all learners together;
    epochs : samples over the size of the training set; seconds : of the training clock;
    target_loss : the training objective of the average, looked at in evaluations.
    """

    steps: Count | None = None
    samples: Count | None = None
    epochs: Positive | None = None
    seconds: Positive | None = None
    target_loss: float | None = None


@dataclass(frozen=True, kw_only=True)
class Evaluate:
    """When the average is looked at: every n rounds, or every n ticks, or at ticks, or so many a decade.

    Beginning and end are always evaluated. optimum : f*, or "stored" for the one that `pavg estimate
    optimum` has kept; the objective is then also given as 1 at the start and 0 at f*. grad_norm, drift : the
    gradient's norm, and how far the learners are apart, too; learners : so many training samples rank the
    learners' own models, of which the best and the worst are evaluated too. diverged : a loss above this
    multiple of the initial one (or of 1, if that is more) ends the run.
    """

    rounds: Count | None = None
    every: Count | None = None
    at: list[Count] | None = None
    decade: Count = 8
    optimum: float | Literal["stored"] | None = None
    grad_norm: bool = True
    drift: bool = True
    learners: Count | None = None
    diverged: Annotated[float, Gt(1)] = 1e6


@dataclass(frozen=True, kw_only=True)
class Spec:
    """One run: P learners, a problem, a method, and how both are looked at.

    The attributes are the keys of the TOML file; `problem`, `method`, `partition`, `step_size`
    and `batch_size` are instances of registered classes.
    """

    name: str
    problem: Part
    method: Part
    step_size: Part
    P: Annotated[int, Ge(1), Lt(2**20)]
    R: Count | None = None
    seed: Number = 0
    repetition: Number = 0
    measure: Literal["times", "losses"] = "times"
    lanes: Literal["auto", 1, 8, 16, 32] = "auto"
    data: Data | None = None
    partition: Part | None = None
    batch_size: Part | None = None
    sampling: Literal["replacement", "reshuffle", "order"] = "replacement"
    momentum: Annotated[float, Ge(0), Lt(1)] = 0.0
    momentum_at_average: Literal["keep", "average", "reset"] = "keep"
    weights: Literal["equal", "shards"] = "equal"
    reduction: Literal["mpi", "reproducible"] = "mpi"
    averaging: Literal["auto", "dense", "sparse"] = "auto"
    barrier: bool = False
    clock: delays.Clock | None = None
    slowdown: list[Annotated[float, Ge(1)]] | None = None
    network: delays.Network | None = None
    stop: Stop = field(default_factory=Stop)
    evaluate: Evaluate = field(default_factory=Evaluate)

    def settings(self):
        """Every parameter, as a nested dictionary that JSON can hold."""
        return settings.nested(self)

    @property
    def timed(self):
        """Whether its times are measured, and what it is for."""
        return self.measure == "times" and self.clock is None

    @property
    def most_lanes(self):
        """How many runs that differ in step size alone may go side by side: one of `WIDTHS`."""
        if self.lanes != "auto":
            return self.lanes
        return 1 if _laneless(self) else WIDTHS[-1]


def build(table: Mapping[str, Any], source: str) -> Spec:
    """The `Spec` of one table. source : file name (and cell), for messages."""
    table, problems = dict(table), list[str]()
    for key, group in COMPONENTS.items():
        if key in table:
            table[key] = _component(group, table[key], key, problems) or registry.Component()
    made = checked(Spec, table, "", problems)
    problems = problems or _conflicts(made)
    if problems:
        raise InputError("\n".join(f"{source}: {problem}{_meant(problem, table)}" for problem in problems))
    return _completed(made)


def _meant(problem, table):
    """What a beginner may have meant by a list, or by a key that has its place in another table."""
    if re.match(r"[\w.]+ = \[", problem):
        return "; values to try, each in a run of its own, stand under [grid]"
    key, unknown, _ = problem.partition(": unknown key")
    parts = {"stop": Stop, "evaluate": Evaluate, "data": Data} | {key: table.get(key) for key in COMPONENTS}
    homes = [
        f"{name}.{key}"
        for name, part in parts.items()
        if dataclasses.is_dataclass(part) and key in {f.name for f in dataclasses.fields(part)}
    ]
    return f"; there is {' and '.join(homes)}" if unknown and homes else ""


def _completed(spec):
    """What is left out, written out: runs that are the same have the same name."""
    if spec.batch_size is None:
        spec = dataclasses.replace(spec, batch_size=registry.load("batch_sizes", "constant")(1))
    if spec.partition is None and spec.problem.draws:
        rule = registry.load("partitions", spec.problem.partition)()
        spec = dataclasses.replace(spec, partition=rule)
    if delays.one_each(spec):
        spec = dataclasses.replace(spec, R=spec.P)
    return spec


def _component(group, value, key, problems):
    """A table (or a name, or a number for a constant) → an instance of the registered class.

    What is wrong is appended to `problems`, and None returned.
    """
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if number and group in ("step_sizes", "batch_sizes"):
        value = {"name": "constant", "value": value}
    if isinstance(value, str):
        value = {"name": value}
    if not isinstance(value, dict) or not isinstance(value.get("name"), str):
        problems.append(f"{key} = {shown(value)}: expected a name or a table with a name")
        return None
    try:
        cls = registry.load(group, value["name"])
    except InputError as error:
        problems.append(f"{key}: {error}")
        return None
    return checked(cls, {k: v for k, v in value.items() if k != "name"}, key, problems)


def _conflicts(spec):
    """Combinations of parameters that cannot be meant."""
    found = []
    if not re.fullmatch(r"\w[^/\x00-\x1f]*", spec.name) or len(spec.name.encode()) > 100:
        found.append(f"name = {shown(spec.name)}: expected the name of a folder, at most 100 bytes, no '/'")
    limits = (spec.stop.steps, spec.stop.samples, spec.stop.epochs, spec.stop.seconds)
    if all(limit is None for limit in limits):
        found.append("stop: expected at least one of steps, samples, epochs, seconds")
    if spec.measure == "losses" and (spec.stop.seconds is not None or spec.repetition):
        found.append("measure = 'losses': losses do not depend on seconds or repetitions; expected neither")
    if spec.R is not None and spec.R > spec.P:
        found.append(f"R = {spec.R}: more ranks than learners (P = {spec.P}); expected R at most P")
    if sum(getattr(spec.evaluate, key) is not None for key in ("rounds", "every", "at")) > 1:
        found.append("evaluate: expected one of rounds, every and at")
    if spec.evaluate.optimum == "stored" and spec.data is None:
        found.append("evaluate.optimum = 'stored': one is stored beside data; expected a number")
    if spec.momentum == 0 and spec.momentum_at_average != "keep":
        found.append(
            f"momentum_at_average = {spec.momentum_at_average!r}: there is no momentum (momentum = 0)"
        )
    if spec.lanes not in ("auto", 1) and (why := _laneless(spec)):
        found.append(f"lanes = {spec.lanes}: {why}; expected 'auto' or 1")
    if spec.momentum and spec.averaging == "sparse":
        found.append("averaging = 'sparse': momentum moves all coordinates; expected 'auto' or 'dense'")
    if spec.data is not None:
        found += data_conflicts(spec.data)
    found += delays.conflicts(spec)
    for key in COMPONENTS:
        component = getattr(spec, key)
        found += component.conflicts(spec) if component is not None else []
    return found


def data_conflicts(data):
    """Keys of [data] that cannot be meant together: a list of sentences."""
    found = []
    if bool(data.name) + bool(data.path) + bool(data.synthetic) != 1:
        found.append("data: expected a name, a path or synthetic, one of them")
    if data.test_path and data.test:
        found.append("data: expected test_path or test, not both")
    if data.test_path and data.synthetic:
        found.append("data: test_path: expected test, a share, of synthetic samples")
    return found


def _laneless(spec):
    """Why step sizes cannot go side by side in such a run; "" where they can."""
    if spec.timed:
        return "measure = 'times': times are those of one step size"
    if spec.momentum:
        return "momentum has no lanes"
    if spec.averaging == "sparse":
        return "averages of touched coordinates have no lanes"
    without = [c.name for c in (spec.problem, spec.method) if not c.lanes]
    return f"{' and '.join(map(repr, without))} have no lanes" if without else ""


def lanes_for(count):
    """The smallest of `WIDTHS` that so many models fit in."""
    return next(width for width in WIDTHS if width >= count)
