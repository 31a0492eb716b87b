"""Settings say all of a specification, nested or flat; changes what differs from the defaults."""

import dataclasses
import json
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pavg import spec
from pavg.methods.varying import Varying
from pavg.settings import changes, flat, named
from tests.test_spec import SMALL, made

TABLES = st.fixed_dictionaries(
    {},
    optional={
        "method": st.sampled_from(
            [{"name": "varying", "K": [1, 2]}, {"name": "stochastic", "zeta": 0.1}, "gradient-allreduce"]
        ),
        "step_size": st.sampled_from(
            [0.5, {"name": "decay", "gamma": 1.0, "factor": 0.5, "at_points": [1, 2]}]
        ),
        "batch_size": st.sampled_from([4, {"name": "growing"}]),
        "seed": st.integers(0, 2**62 - 1),
        "momentum": st.sampled_from([0.0, 0.9]),
        "evaluate": st.sampled_from([{"at": [1, 2]}, {"rounds": 3}, {"optimum": 0}]),
        "R": st.integers(1, 4),
        "barrier": st.booleans(),
    },
)


@given(TABLES)
def test_settings_hold_every_parameter_and_json_holds_them(keys):
    found = spec.build(SMALL | keys, "x").settings()
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert set(found) == {f.name for f in dataclasses.fields(spec.Spec)}
    assert set(found["stop"]) == {f.name for f in dataclasses.fields(spec.Stop)}
    assert found["problem"] == {"name": "double-well", "w0": 0.0}


@given(TABLES)
def test_a_specification_is_made_again_from_its_settings(keys):
    def without_none(value):
        if not isinstance(value, dict):
            return value
        return {k: without_none(v) for k, v in value.items() if v is not None}

    made = spec.build(SMALL | keys, "x")
    assert spec.build(without_none(made.settings()), "y") == made


def test_changes_hold_what_differs_from_the_defaults_and_nothing_else():
    plain = changes(made())
    assert plain == {
        "name": "small",
        "P": 4,
        "problem": {"name": "double-well"},
        "method": {"name": "periodic", "K": 16},
        "step_size": {"name": "constant", "value": 0.1},
        "batch_size": {"name": "constant", "value": 1},
        "stop": {"steps": 100},
    }
    changed = made({"barrier": True, "problem": {"name": "double-well", "w0": 0.5}, "evaluate.decade": 3})
    assert changes(changed) == plain | {
        "barrier": True,
        "problem": {"name": "double-well", "w0": 0.5},
        "evaluate": {"decade": 3},
    }


def test_a_zero_is_a_change_where_the_default_is_another():
    problem = {"name": "noisy-quadratic", "beta": 0.0}
    found = changes(made({"problem": problem}))
    assert found["problem"] == problem
    assert found != changes(made({"problem": {"name": "noisy-quadratic"}}))


def test_a_default_written_out_changes_nothing():
    written = {
        "barrier": False,
        "momentum": 0,
        "evaluate.decade": 8,
        "problem": {"name": "double-well", "w0": 0},
    }
    assert changes(made(written)) == changes(made())


def test_a_new_key_at_its_default_changes_nothing():
    @dataclass(frozen=True, kw_only=True)
    class Later(spec.Spec):
        colour: str = "red"
        stop: spec.Stop = field(default_factory=spec.Stop)
        tags: list = field(default_factory=list)

    found = made()
    values = {f.name: getattr(found, f.name) for f in dataclasses.fields(found)}
    assert changes(Later(**values)) == changes(found)
    assert changes(Later(**values, colour="blue")) == changes(found) | {"colour": "blue"}


def test_lists_are_among_the_changes_as_lists():
    found = changes(made({"method": {"name": "varying", "K": [3, 4]}}))
    assert found["method"] == {"name": "varying", "K": [3, 4]} and Varying(K=[3, 4]).K == [3, 4]


def test_nested_settings_become_scalars():
    settings = {
        "P": 4,
        "method": {"name": "periodic", "K": 8, "warmup": 0},
        "step_size": {"name": "constant", "value": 0.1},
        "batch_size": {"name": "growing", "start": 1.0},
        "stop": {"steps": 10, "epochs": None},
    }
    expected = {
        "P": 4,
        "method": "periodic",
        "K": 8,
        "method_warmup": 0,
        "step_size": 0.1,
        "batch_size": "growing",
    }
    assert flat(settings) == expected | {"batch_size_start": 1.0, "stop_steps": 10, "stop_epochs": None}


KNOWN = {"K", "P", "method", "method_zeta", "step_size", "step_size_alpha", "stop_steps", "name"}


@pytest.mark.parametrize(
    "name, meant",
    [
        ("K", "K"),
        ("method.K", "K"),
        ("method_K", "K"),
        ("method", "method"),
        ("method.name", "method"),
        ("method.zeta", "method_zeta"),
        ("step_size.value", "step_size"),
        ("step_size_value", "step_size"),
        ("step_size.alpha", "step_size_alpha"),
        ("stop.steps", "stop_steps"),
        ("name", "name"),
        ("steps", None),
        ("zeta", None),
        ("problem.K", None),
        ("value", None),
    ],
)
def test_a_name_means_a_setting_dotted_or_flat_or_none(name, meant):
    assert named(name, KNOWN) == meant


def test_a_setting_that_ends_in_name_is_no_component():
    assert named("file.name", {"file", "file_name"}) == "file_name"
