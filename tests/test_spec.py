"""A table becomes a Spec, or one InputError that says what is wrong with which key."""

import copy
import dataclasses

import pytest

from pavg import spec
from pavg.data.partition import IID, Dirichlet
from pavg.errors import InputError
from pavg.methods.periodic import Periodic
from pavg.problems.double_well import DoubleWell
from pavg.problems.logistic import Logistic
from pavg.schedules import Constant, ConstantBatch, Decay, GrowingBatch

SMALL = {
    "name": "small",
    "problem": "double-well",
    "method": {"name": "periodic", "K": 16},
    "step_size": 0.1,
    "P": 4,
    "stop": {"steps": 100},
}
WITH_DATA = SMALL | {"problem": "logistic", "data": {"name": "breast_cancer"}}


def put(table, changes):
    """A copy of the table with dotted keys set; None removes a key."""
    table = copy.deepcopy(table)
    for key, value in changes.items():
        *parents, last = key.split(".")
        inner = table
        for parent in parents:
            inner = inner.setdefault(parent, {})
        if value is None:
            inner.pop(last, None)
        else:
            inner[last] = value
    return table


def made(changes=None, base=SMALL):
    return spec.build(put(base, changes or {}), "x.toml")


def complaints(changes, base=SMALL):
    """The lines of the one InputError."""
    with pytest.raises(InputError) as caught:
        made(changes, base)
    lines = str(caught.value).splitlines()
    assert all(line.startswith("x.toml: ") for line in lines)
    return [line.removeprefix("x.toml: ") for line in lines]


def complaint(changes, base=SMALL):
    (line,) = complaints(changes, base)
    return line


# --- what is right ---------------------------------------------------------------------------


def test_a_table_becomes_instances_of_registered_classes():
    found = made({"partition": "iid", "batch_size": 8, "momentum": 0.9}, WITH_DATA)
    assert found.problem == Logistic() and found.method == Periodic(16)
    assert found.step_size == Constant(0.1) and found.batch_size == ConstantBatch(8)
    assert found.partition == IID() and found.momentum == 0.9
    assert found.data == spec.Data(name="breast_cancer") and found.stop == spec.Stop(steps=100)
    assert (found.P, found.R, found.seed, found.measure, found.evaluate) == (
        4,
        None,
        0,
        "times",
        spec.Evaluate(),
    )


def test_a_component_is_a_name_or_a_table_with_a_name():
    assert made({"problem": "double-well"}).problem == made({"problem": {"name": "double-well"}}).problem
    assert made({"problem": {"name": "double-well", "w0": 0.5}}).problem == DoubleWell(0.5)
    assert made({"partition": {"name": "dirichlet", "beta": 2}}, WITH_DATA).partition == Dirichlet(2.0)


def test_a_number_is_a_constant_schedule():
    assert made({"step_size": 2, "batch_size": 3}).step_size == Constant(2.0)
    assert made({"step_size": {"name": "decay", "gamma": 1, "factor": 0.5, "every": 3}}).step_size == Decay(
        1.0, 0.5, every=3.0
    )
    assert made({"batch_size": {"name": "growing"}}).batch_size == GrowingBatch()


def test_an_integer_serves_as_a_float():
    found = made({"momentum": 0, "stop.seconds": 3, "evaluate.optimum": -1})
    assert isinstance(found.stop.seconds, float) and isinstance(found.evaluate.optimum, float)


@pytest.mark.parametrize("K", [1, 128, "all"])
def test_a_period_is_a_count_or_all(K):
    assert made({"method.K": K}).method == Periodic(K)


def test_what_is_left_out_of_data_is_what_it_always_was():
    left = dataclasses.asdict(spec.Data()), dataclasses.asdict(spec.Synthetic(like="year"))
    plain = [{key: value for key, value in table.items() if value not in ("", None)} for table in left]
    assert plain[0] == {
        "format": "auto",
        "header": "auto",
        "delimiter": "auto",
        "test": 0.0,
        "split_seed": 0,
        "scale": "none",
        "layout": "auto",
        "dtype": "float64",
    }
    assert plain[1] == {"like": "year", "pairs": False, "seed": 0}


def test_the_table_itself_is_left_as_it_was():
    table = put(WITH_DATA, {"partition": "iid"})
    before = copy.deepcopy(table)
    spec.build(table, "x.toml")
    assert table == before


# --- what is wrong, one fault at a time -------------------------------------------------------

BAD = {
    # key and value → what the message must hold: key, what was found, what is allowed
    "unknown key": (
        {"stepsize": 1},
        ["stepsize", "unknown key", "did you mean 'step_size'", "allowed:", "momentum"],
    ),
    "unknown key in a table": (
        {"stop.step": 1},
        ["stop.step", "unknown key", "did you mean 'steps'", "epochs"],
    ),
    "unknown key in data": (
        {"data.nome": "x", "data.name": "digits"},
        ["data.nome", "did you mean 'name'", "layout"],
    ),
    "unknown key of a component": (
        {"method.zeta": 0.1},
        ["method.zeta", "unknown key", "allowed: K, warmup"],
    ),
    "a key outside its table": ({"K": 3}, ["K: unknown key", "; there is method.K"]),
    "a key of stop outside it": ({"epochs": 3}, ["epochs: unknown key", "; there is stop.epochs"]),
    "a list outside the grid": ({"P": [1, 8]}, ["P = [1, 8]", "integer", "under [grid]"]),
    "step sizes outside the grid": ({"step_size": [0.1]}, ["step_size = [0.1]", "under [grid]"]),
    "far from any key": ({"xyzzy": 1}, ["xyzzy: unknown key; allowed: ", "problem"]),
    "unknown problem": (
        {"problem": "logistik"},
        ["problem", "'logistik'", "did you mean 'logistic'", "double-well"],
    ),
    "unknown method": (
        {"method": {"name": "periodik", "K": 1}},
        ["method", "'periodik'", "'periodic'", "stochastic"],
    ),
    "unknown step size": ({"step_size": "1/t"}, ["step_size", "'1/t'", "inverse-sqrt"]),
    "unknown batch size": ({"batch_size": {"name": "big"}}, ["batch_size", "'big'", "growing"]),
    "unknown partition": ({"partition": "idd"}, ["partition", "'idd'", "did you mean 'iid'", "dirichlet"]),
    "K = 0": ({"method.K": 0}, ["method.K = 0", "greater than or equal to 1", "or 'all'"]),
    "K negative": ({"method.K": -3}, ["method.K = -3", "greater than or equal to 1"]),
    "K another text": ({"method.K": "some"}, ['method.K = "some"', "integer", "'all'"]),
    "K a float": ({"method.K": 16.0}, ["method.K = 16.0", "integer"]),
    "K a bool": ({"method.K": True}, ["method.K = true", "integer"]),
    "K missing": ({"method.K": None}, ["method.K: missing"]),
    "step size negative": ({"step_size": -0.1}, ["step_size.value = -0.1", "greater than 0"]),
    "step size zero": ({"step_size": 0}, ["step_size.value = 0", "greater than 0"]),
    "step size NaN": ({"step_size": float("nan")}, ["step_size.value = NaN", "finite"]),
    "step size infinite": ({"step_size": float("inf")}, ["step_size.value = Infinity", "finite"]),
    "step size a bool": ({"step_size": True}, ["step_size = true", "a name or a table with a name"]),
    "step size's text": (
        {"step_size": {"name": "constant", "value": "0.1"}},
        ['step_size.value = "0.1"', "number"],
    ),
    "batch size zero": ({"batch_size": 0}, ["batch_size.value = 0", "greater than or equal to 1"]),
    "batch size a float": ({"batch_size": 2.5}, ["batch_size.value = 2.5", "integer"]),
    "P zero": ({"P": 0}, ["P = 0", "greater than or equal to 1"]),
    "P a bool": ({"P": True}, ["P = true", "integer"]),
    "P a float": ({"P": 4.0}, ["P = 4.0", "integer"]),
    "P a text": ({"P": "4"}, ['P = "4"', "integer"]),
    "momentum 1": ({"momentum": 1.0}, ["momentum = 1.0", "less than 1"]),
    "momentum a bool": ({"momentum": True}, ["momentum = true", "number"]),
    "barrier a number": ({"barrier": 1}, ["barrier = 1", "boolean"]),
    "seed negative": ({"seed": -1}, ["seed = -1", "greater than or equal to 0"]),
    "seed beyond int64": ({"seed": 2**63}, ["seed = 9223372036854775808", "64-bit"]),
    "name with a path": ({"name": "../up"}, ['name = "../up"', "name of a folder"]),
    "name in a folder": ({"name": "up/down"}, ['name = "up/down"', "name of a folder"]),
    "name hidden": ({"name": ".small"}, ['name = ".small"', "name of a folder"]),
    "name of two lines": ({"name": "a\nb"}, ["name = ", "name of a folder"]),
    "name empty": ({"name": ""}, ['name = ""', "name of a folder"]),
    "name too long": ({"name": "é" * 50 + "e"}, ["name = ", "at most 100 bytes"]),
    "name a number": ({"name": 5}, ["name = 5", "string"]),
    "unknown choice": ({"measure": "time"}, ['measure = "time"', "'times' or 'losses'"]),
    "unknown sampling": (
        {"sampling": "shuffle"},
        ['sampling = "shuffle"', "'replacement', 'reshuffle' or 'order'"],
    ),
    "more ranks than learners": ({"R": 5}, ["R = 5", "P = 4", "at most P"]),
    "seconds in losses": ({"measure": "losses", "stop": {"seconds": 1.0}}, ["measure = 'losses'", "seconds"]),
    "repeated losses": ({"measure": "losses", "repetition": 1}, ["measure = 'losses'", "repetitions"]),
    "a partition of nothing": ({"partition": "iid"}, ["'double-well' draws from no samples", "partition"]),
    "an order of nothing": ({"sampling": "order"}, ["'double-well' draws from no samples"]),
    "shares of nothing": ({"weights": "shards"}, ["'double-well' draws from no samples"]),
    "epochs of nothing": ({"stop.epochs": 2}, ["stop.epochs: problem 'double-well' has no training set"]),
    "models that are not averaged": (
        {"method": "gradient-allreduce", "momentum": 0.5, "momentum_at_average": "reset"},
        ["momentum_at_average: gradient-allreduce averages no models"],
    ),
    "a text with NUL": ({"problem": {"name": "double-well", "w0": 1}, "name": "a\0"}, ["name", "no NUL"]),
    "K beyond int64": ({"method.K": 10**20}, ["method.K = 100000000000000000000", "64-bit"]),
    "batch beyond int64": ({"batch_size": 10**20}, ["batch_size", "64-bit"]),
    "P beyond reason": ({"P": 10**12}, ["P = 1000000000000", "less than"]),
    "R zero": ({"R": 0}, ["R = 0", "greater than or equal to 1"]),
    "no problem": ({"problem": None}, ["problem: missing"]),
    "no method": ({"method": None}, ["method: missing"]),
    "no step size": ({"step_size": None}, ["step_size: missing"]),
    "no P": ({"P": None}, ["P: missing"]),
    "no stop": ({"stop": None}, ["stop", "at least one of steps, samples, epochs, seconds"]),
    "a target is no limit": ({"stop": {"target_loss": 0.1}}, ["stop", "at least one of steps"]),
    "stop a number": ({"stop": 100}, ["stop = 100", "expected a table"]),
    "data a text": ({"data": "digits"}, ['data = "digits"', "expected a table"]),
    "problem a number": ({"problem": 5}, ["problem = 5", "a name or a table with a name"]),
    "problem a list": ({"problem": ["a"]}, ['problem = ["a"]', "a name or a table with a name"]),
    "a table without a name": ({"method": {"K": 1}}, ['method = {"K": 1}', "a name or a table with a name"]),
    "a name that is a number": ({"method": {"name": 1}}, ["method", "a name or a table with a name"]),
    "steps zero": ({"stop.steps": 0}, ["stop.steps = 0", "greater than or equal to 1"]),
    "epochs zero": ({"stop.epochs": 0}, ["stop.epochs = 0", "greater than 0"]),
    "a tick of 0": ({"evaluate.at": [10, 0]}, ["evaluate.at = 0", "greater than or equal to 1"]),
    "ticks no list": ({"evaluate.at": 10}, ["evaluate.at = 10", "list"]),
    "rounds and ticks": (
        {"evaluate.at": [1], "evaluate.rounds": 2},
        ["evaluate", "one of rounds, every and at"],
    ),
    "divergence bound 1": ({"evaluate.diverged": 1}, ["evaluate.diverged = 1", "greater than 1"]),
    "reset without momentum": (
        {"momentum_at_average": "reset"},
        ["momentum_at_average", "'reset'", "momentum = 0"],
    ),
    "average without momentum": ({"momentum_at_average": "average"}, ["momentum_at_average", "'average'"]),
    "data for a problem without": ({"data": {"name": "digits"}}, ["data", "double-well", "takes none"]),
    "warm-up of one-shot": ({"method.K": "all", "method.warmup": 3}, ["method.warmup", "K = 'all'"]),
    "decay without points": (
        {"step_size": {"name": "decay", "gamma": 1.0, "factor": 0.5}},
        ["at_points or every"],
    ),
    "varying without K": ({"method": {"name": "varying"}}, ["method", "K", "start"]),
    "varying with an empty list": (
        {"method": {"name": "varying", "K": []}},
        ["method.K = []", "at least one"],
    ),
    "varying with a period of 0": (
        {"method": {"name": "varying", "K": [1, 0]}},
        ["method.K = 0", "equal to 1"],
    ),
}
BAD_WITH_DATA = {
    "data with name and path": ({"data.path": "x"}, ["data", "a name, a path or synthetic, one of them"]),
    "data with neither": ({"data": {}}, ["data", "a name, a path or synthetic, one of them"]),
    "data with name and synthetic": (
        {"data.synthetic": {"like": "higgs"}},
        ["data", "a name, a path or synthetic, one of them"],
    ),
    "a test set of synthetic samples": (
        {"data": {"synthetic": {"like": "higgs"}, "test_path": "x"}},
        ["data: test_path", "synthetic"],
    ),
    "momentum with few coordinates": (
        {"momentum": 0.5, "averaging": "sparse"},
        ["averaging = 'sparse': momentum moves all"],
    ),
    "lanes of touched coordinates": (
        {"measure": "losses", "lanes": 8, "averaging": "sparse"},
        ["lanes = 8: averages of touched coordinates have no lanes"],
    ),
    "a column beyond int64": ({"data.target": -(2**62)}, ["data.target = -4611686018427387904", "64-bit"]),
    "no data": ({"data": None}, ["data: missing", "logistic", "a name or a path"]),
    "two test sets": ({"data.test": 0.1, "data.test_path": "x"}, ["data", "test_path or test, not both"]),
    "all rows held out": ({"data.test": 1.0}, ["data.test = 1.0", "less than 1"]),
    "unknown scale": ({"data.scale": "std"}, ['data.scale = "std"', "'standardize'"]),
    "l2 negative": (
        {"problem": {"name": "logistic", "l2": -1}},
        ["problem.l2 = -1", "greater than or equal to 0"],
    ),
    "intercept a number": (
        {"problem": {"name": "logistic", "intercept": 1}},
        ["problem.intercept = 1", "boolean"],
    ),
    "no concentration": (
        {"partition": {"name": "dirichlet", "beta": 0}},
        ["partition.beta = 0", "greater than"],
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_fault_gives_one_line_with_key_finding_and_expectation(case):
    changes, parts = BAD[case]
    line = complaint(changes)
    for part in parts:
        assert part in line


@pytest.mark.parametrize("case", BAD_WITH_DATA)
def test_a_fault_of_data_or_its_problem_gives_one_line_too(case):
    changes, parts = BAD_WITH_DATA[case]
    line = complaint(changes, WITH_DATA)
    for part in parts:
        assert part in line


BOUNDS = {
    # key, with the rest of its table → (the least value, one that is too small, what is too large)
    "P": ({}, 1, 0, 2**20),
    "R": ({}, 1, 0, 5),
    "seed": ({}, 0, -1, 2**62),
    "repetition": ({}, 0, -1, None),
    "momentum": ({}, 0.0, -1e-9, 1.0),
    "stop.steps": ({}, 1, 0, None),
    "stop.samples": ({}, 1, 0, None),
    "stop.seconds": ({}, 1e-9, 0.0, None),
    "evaluate.rounds": ({}, 1, 0, None),
    "evaluate.decade": ({}, 1, 0, None),
    "evaluate.diverged": ({}, 1.001, 1.0, None),
    "batch_size.start": ({"name": "growing"}, 1e-9, 0.0, None),
    "batch_size.power": ({"name": "growing"}, 1e-9, 0.0, None),
    "batch_size.most": ({"name": "growing"}, 1, 0, None),
    "step_size.alpha": ({"name": "inverse"}, 1e-9, 0.0, None),
    "step_size.d": ({"name": "inverse", "alpha": 1.0}, 0.0, -1.0, None),
    "step_size.gamma": ({"name": "inverse-sqrt"}, 1e-9, 0.0, None),
    "step_size.factor": ({"name": "decay", "gamma": 1.0, "every": 1.0}, 1e-9, 0.0, None),
    "step_size.every": ({"name": "decay", "gamma": 1.0, "factor": 0.5}, 1e-9, 0.0, None),
    "method.warmup": ({"name": "periodic", "K": 1}, 0, -1, None),
    "method.zeta": ({"name": "stochastic"}, 0.0, -1e-9, 1.0),
    "method.start": ({"name": "varying"}, 1e-9, 0.0, None),
    "problem.c": ({"name": "noisy-quadratic"}, 1e-9, 0.0, None),
    "problem.beta": ({"name": "noisy-quadratic"}, 0.0, -1e-9, None),
    "problem.sigma": ({"name": "noisy-quadratic"}, 0.0, -1e-9, None),
    "problem.copies": ({"name": "noisy-quadratic"}, 1, 0, None),
    "problem.spread": ({"name": "quadratic"}, 0.0, -1e-9, None),
    "problem.components": ({"name": "quadratic"}, 1, 0, None),
    "problem.instance": ({"name": "quadratic"}, 0, -1, None),
    "problem.d": ({"name": "pca"}, 2, 1, None),
    "problem.top": ({"name": "pca"}, 1e-9, 0.0, None),
    "problem.rest": ({"name": "pca"}, 1e-9, 0.0, None),
    "problem.samples_each": ({"name": "pca"}, 1, 0, None),
}


@pytest.mark.parametrize("key", BOUNDS)
def test_a_bound_is_where_it_is_said_to_be(key):
    table, least, small, large = BOUNDS[key]
    parent = {key.split(".")[0]: table} if table else {}
    made(parent | {key: least})
    for wrong in (small, large):
        if wrong is not None:
            assert complaint(parent | {key: wrong}).startswith(f"{key} = ")


@pytest.mark.parametrize("name", ["é" * 50, "1", "_", "a b.c-d", "a" * 100])
def test_a_folder_may_have_many_names(name):
    assert made({"name": name}).name == name


RIGHT = {
    "as many ranks as learners": {"R": 4},
    "one lane of times": {"lanes": 1},
    "seconds and repetitions of times": {"stop.seconds": 1.0, "repetition": 3},
    "a problem's own samples in epochs": {"problem": "quadratic", "stop": {"epochs": 2}, "sampling": "order"},
    "shares of a problem's own samples": {"problem": "pca", "weights": "shards"},
    "momentum averaged": {"momentum": 0.5, "momentum_at_average": "average"},
    "momentum of gradients": {"method": "gradient-allreduce", "momentum": 0.5},
    "samples as the one limit": {"stop": {"samples": 5}},
    "seconds as the one limit": {"stop": {"seconds": 5}},
    "a file with a share held out": {"problem": "logistic", "data": {"path": "x", "test": 0.1}},
    "a file with a test file": {"problem": "logistic", "data": {"path": "x", "test_path": "y"}},
    "synthetic samples with a share held out": {
        "problem": "logistic",
        "data": {"synthetic": {"like": "higgs", "noise": 0}, "test": 0.1},
    },
}


@pytest.mark.parametrize("case", RIGHT)
def test_what_can_be_meant_is_accepted(case):
    made(RIGHT[case])


def test_a_problem_deals_its_own_samples_as_it_says_unless_told_otherwise():
    assert made({"problem": "pca"}).partition.name == "contiguous"
    assert made({"problem": "pca", "partition": "iid"}).partition.name == "iid"
    assert made({"problem": "quadratic"}).partition.name == made(base=WITH_DATA).partition.name == "pool"
    assert made().partition is None


def test_several_faults_are_reported_together():
    lines = complaints(
        {"P": 0, "method.K": 0, "step_size": -1, "stop.stepz": 1, "problem": "x", "colour": "red"}
    )
    heads = [line.split(" ")[0].rstrip(":") for line in lines]
    assert sorted(heads) == ["P", "colour", "method.K", "problem", "step_size.value", "stop.stepz"]


def test_several_conflicts_are_reported_together():
    lines = complaints({"R": 9, "momentum_at_average": "reset", "stop": None, "data": {"name": "digits"}})
    assert len(lines) == 4


def test_conflicts_of_every_kind_of_component_are_asked_for(monkeypatch):
    for cls in (Logistic, Periodic, Constant, IID, ConstantBatch):
        with monkeypatch.context() as patched:
            patched.setattr(cls, "conflicts", lambda self, found: [f"P = {found.P}: not for me"])
            assert complaint({"partition": "iid", "batch_size": 2}, WITH_DATA) == "P = 4: not for me"
