"""Names become classes by entry points; what is not there is named."""

import dataclasses
from importlib.metadata import EntryPoint

import pytest

from pavg import registry, spec
from pavg.errors import InputError

EVERY = [(group, name) for group in spec.COMPONENTS.values() for name in registry.names(group)]
BASES = {
    "problems": ("pavg.problems.base", "Problem"),
    "methods": ("pavg.methods.base", "Method"),
    "partitions": ("pavg.data.partition", "Partition"),
    "step_sizes": ("pavg.schedules", "StepSize"),
    "batch_sizes": ("pavg.schedules", "BatchSize"),
}


@pytest.mark.parametrize(("group", "name"), EVERY)
def test_whatever_is_registered_is_a_frozen_dataclass_of_its_group_and_knows_its_name(group, name):
    cls = registry.load(group, name)
    module, base = BASES[group]
    assert issubclass(cls, getattr(__import__(module, fromlist=[base]), base))
    assert dataclasses.is_dataclass(cls) and cls.__dataclass_params__.frozen
    assert cls.name == name


@pytest.mark.parametrize(("group", "name"), EVERY)
def test_whatever_is_registered_describes_itself_in_a_line(group, name):
    described = registry.load(group, name).describe()
    assert described and "\n" not in described and not described.startswith(name)


@pytest.mark.parametrize("group", spec.COMPONENTS.values())
def test_every_group_has_members_in_alphabetical_order(group):
    names = list(registry.names(group))
    assert names and names == sorted(names)


@pytest.mark.parametrize("group", spec.COMPONENTS.values())
def test_a_name_that_is_not_there_is_refused_with_those_that_are(group):
    with pytest.raises(InputError) as caught:
        registry.load(group, "no-such-thing")
    message = str(caught.value)
    assert "'no-such-thing' is none of the" in message and group.split("_")[0] in message
    assert all(name in message for name in registry.names(group))


@pytest.mark.parametrize("place", ["pavg_no_such_module:Thing", "math:Thing"])
def test_a_component_that_cannot_be_imported_says_where_it_comes_from(place, monkeypatch):
    broken = EntryPoint("broken", place, "pavg.methods")
    monkeypatch.setattr(registry, "names", lambda group: {"broken": broken})
    with pytest.raises(InputError, match=rf"'broken' of the methods \({place}\) cannot be imported"):
        registry.load("methods", "broken")


def test_a_near_miss_is_answered_by_a_suggestion_and_a_far_one_by_the_list():
    assert (
        registry.suggestion("perodic", ["periodic", "varying"])
        == "; did you mean 'periodic'? allowed: periodic, varying"
    )
    assert registry.suggestion("xyz", ["periodic", "varying"]) == "; allowed: periodic, varying"


@pytest.mark.parametrize(
    "word, meant",
    (
        ("higs", "'HIGGS'"),
        ("mnist2", "'MNIST'"),
        ("rcv1", "'rcv1.binary'"),
        ("e2006", "'E2006-a' or 'E2006-b'"),
    ),
)
def test_a_suggestion_knows_capitals_and_beginnings_of_names(word, meant):
    sets = ["HIGGS", "MNIST", "rcv1.binary", "E2006-a", "E2006-b", "digits"]
    told = registry.suggestion(word, sets, "pavg data list")
    assert told == f"; did you mean {meant}? pavg data list lists them"
    assert registry.suggestion("xyz", sets, "pavg data list") == "; pavg data list lists them"


def test_the_same_class_is_given_every_time():
    assert registry.load("methods", "periodic") is registry.load("methods", "periodic")
