"""A result's name: other for whatever changes the record, the same for what does not, and for years."""

import dataclasses

import pytest

from pavg import registry
from pavg.delays import Clock, Delay
from pavg.records.layout import FORMAT_VERSION
from pavg.records.names import of_a_run, run_id
from pavg.spec import COMPONENTS, Evaluate, Spec, Stop
from pavg.tables import default
from tests.building import spec_of

ORIGIN = {"data_checksum": "x"}
WHOLE = spec_of(batch_size=2, problem="logistic", data={"name": "breast_cancer"})
NET = {"l2": 0.0, "augmentation": "none", "device": "cpu", "threads": 1, "together": "auto"}
COLOUR_NET = NET | {"augmentation": "crop", "statistics": "averaged"}
DEFAULTS = {
    "run": {
        "seed": 0,
        "repetition": 0,
        "measure": "times",
        "lanes": "auto",
        "sampling": "replacement",
        "momentum": 0.0,
        "momentum_at_average": "keep",
        "weights": "equal",
        "reduction": "mpi",
        "averaging": "auto",
        "barrier": False,
        "stop": Stop(),
        "evaluate": Evaluate(),
    },
    "evaluate": {"decade": 8, "grad_norm": True, "drift": True, "diverged": 1e6},
    "least-squares": {"l2": 0.0, "intercept": False},
    "logistic": {"l2": 0.0, "intercept": False},
    "sigmoid": {"l2": 0.0, "intercept": False},
    "cauchy": {"l2": 0.0, "intercept": False},
    "quadratic": {"d": 5, "components": 100, "spread": 0.0, "instance": 0, "w0": 1.0},
    "noisy-quadratic": {"c": 1.0, "beta": 1.0, "sigma": 1.0, "w0": 0.0, "copies": 1},
    "double-well": {"w0": 0.0},
    "pca": {"d": 20, "top": 1.0, "rest": 0.7, "spectrum": "deviations", "samples_each": 10}
    | {"normalised": True},
    "lenet": {"white": 255.0},
    "torch-lenet": NET | {"white": 255.0},
    "resnet": COLOUR_NET | {"depth": 20, "width": 16},
    "vgg": COLOUR_NET | {"depth": 16, "width": 64, "batch_norm": True, "dropout": True},
    "nin": COLOUR_NET | {"width": 192, "batch_norm": True, "dropout": True},
    "periodic": {"warmup": 0},
    "varying": {"power": 0.0},
    "downpour": {"servers": 1, "scale": 1.0},
    "eamsgd": {"servers": 1, "beta": 0.9},
    "dirichlet": {"beta": 0.5},
    "decay": {"unit": "epochs"},
    "power": {"unit": "steps"},
    "slow-momentum": {"warmup": 0, "beta": 0.5, "alpha": 1.0, "form": "bmuf"},
    "inverse": {"d": 0.0},
    "growing": {"start": 1.0, "power": 0.5, "most": 1_000_000},
}
CLASSES = [(key, name) for key, group in COMPONENTS.items() for name in registry.names(group)]


def name_of(spec, R=2, origin=ORIGIN):
    return run_id(spec, R, origin)


def others(owner):
    """(field, the same object with another value there), of all fields of a dataclass."""
    values = {"clock": Clock(compute=Delay(mean=54321.0))}
    return [
        (f.name, dataclasses.replace(owner, **{f.name: values.get(f.name, 54321)}))
        for f in dataclasses.fields(owner)
    ]


def made(key, name):
    """An instance of a registered class: its defaults, and 1 where it has none."""
    cls = registry.load(COMPONENTS[key], name)
    return cls(**{f.name: 1 for f in dataclasses.fields(cls) if default(f) in (None, ...)})


@pytest.mark.parametrize("key, name", CLASSES)
def test_every_parameter_of_a_component_changes_the_name(key, name):
    component = made(key, name)
    names = [name_of(dataclasses.replace(WHOLE, **{key: one})) for _, one in others(component)]
    names += [name_of(dataclasses.replace(WHOLE, **{key: component}))]
    assert len(set(names)) == len(names)


def test_every_other_key_changes_the_name_unless_it_changes_no_record():
    inner = {*COMPONENTS, "data", "stop", "evaluate"}
    made = {key: name_of(spec) for key, spec in others(WHOLE) if key not in inner}
    same = {key for key, name in made.items() if name == name_of(WHOLE)}
    assert same == {"name", "R", "lanes"}  # R of a specification: that of the job is in the name
    made |= {
        f"{key}.{field}": name_of(dataclasses.replace(WHOLE, **{key: table}))
        for key in ("stop", "evaluate")
        for field, table in others(getattr(WHOLE, key))
    }
    made |= {"R of the job": name_of(WHOLE, R=3), "samples": name_of(WHOLE, origin={"data_checksum": "y"})}
    assert len({made[key] for key in made.keys() - same} | {name_of(WHOLE)}) == len(made) - len(same) + 1


def test_a_default_written_out_has_the_same_name():
    keys = {"problem": "logistic", "data": {"name": "breast_cancer"}}
    written = {"batch_size": 1, "partition": "pool", "evaluate": {"decade": 8}}
    assert name_of(spec_of(**keys)) == name_of(spec_of(**keys, **written)) != name_of(WHOLE)


@pytest.mark.parametrize("key", [{"name": "other"}, {"P": 9}, {"R": 2}, {"seed": 7}, {"repetition": 3}])
def test_what_stands_in_a_name_by_itself_is_not_in_its_hash(key):
    digests = {name_of(spec).rsplit("-", 1)[1] for spec in (spec_of(), spec_of(**key))}
    assert len(digests) == 1 and spec_of() != spec_of(**key)


def test_where_samples_lie_changes_no_name():
    elsewhere = spec_of(batch_size=2, problem="logistic", data={"path": "/elsewhere/breast_cancer.csv"})
    assert name_of(elsewhere) == name_of(WHOLE)


def test_a_name_of_this_version_stands_for_what_it_always_stood_for():
    """Names leave defaults out. Whoever changes one here gives the format another version."""
    assert FORMAT_VERSION == 1 and name_of(WHOLE) == "P004-K0004-s0-R2-r0-2a4f629331"
    classes = {name: registry.load(COMPONENTS[key], name) for key, name in CLASSES if name != "constant"}
    owners = {"run": Spec, "stop": Stop, "evaluate": Evaluate} | classes
    kept = {name: {f.name: default(f) for f in dataclasses.fields(cls)} for name, cls in owners.items()}
    kept = {name: {k: v for k, v in found.items() if v not in (..., None)} for name, found in kept.items()}
    assert {name: found for name, found in kept.items() if found} == DEFAULTS


def test_names_of_results_end_as_they_do_and_are_not_hidden():
    names = ("a.h5", "a.partial.h5", "a.failed.h5", "a.bench.h5.h5", ".a.h5", "a.bench.h5", "a.h5.tmp", "ah5")
    assert [name for name in names if of_a_run(name)] == [*names[:4]]
