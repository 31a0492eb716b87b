"""What unequal rounds take and refuse."""

import numpy as np
import pytest

from pavg.errors import InputError
from pavg.records.writing import write
from tests.building import a_record, spec_of


def heterogeneous(**keys):
    return {"name": "heterogeneous"} | keys


@pytest.fixture
def result(tmp_path):
    """A result of three rounds of four learners."""
    record = a_record()
    record.course = {"round_steps": np.arange(1, 13).reshape(3, 4)}
    write(tmp_path / "run.h5", record, {}, {})
    write(tmp_path / "other.h5", a_record(), {}, {})
    return str(tmp_path / "run.h5")


def replay(result, steps=3, **keys):
    return {"method": heterogeneous(replay=result), "stop": {"steps": steps}, **keys}


def test_by_seconds_each_learner_has_a_rank():
    timed = heterogeneous(seconds=0.1)
    assert spec_of(method=timed).R == spec_of(slowdown=[4, 1]).R == 4
    assert spec_of(method=timed).method.label == "I0.1s"
    assert (
        spec_of(method=heterogeneous(I=[3])).R is None
        and spec_of(method=heterogeneous(I=[3])).slowdown is None
    )


REFUSED = {
    "none of three": ({"method": heterogeneous()}, "expected I (a list), seconds or replay, one of them"),
    "two of three": ({"method": heterogeneous(I=[1], seconds=0.1)}, "one of them"),
    "more than learners": (
        {"method": heterogeneous(I=[1] * 5)},
        "method.I: 5 numbers of steps; expected 1 to P = 4",
    ),
    "none of steps": ({"method": heterogeneous(I=[])}, "0 numbers of steps"),
    "samples by the clock": (
        {"method": heterogeneous(seconds=0.1), "stop": {"samples": 100}},
        "samples hang on the clock; expected steps (rounds) or seconds",
    ),
    "too many rounds": (
        {"method": heterogeneous(seconds=1e-5), "stop": {"seconds": 100.0}},
        "1e+07 rounds; what each learner does is kept of at most 1048576",
    ),
    "losses by the clock": ({"method": heterogeneous(seconds=0.1), "measure": "losses"}, "measure = 'times'"),
    "few ranks": ({"slowdown": [4, 1], "R": 2}, "slowdown: expected R = P, a rank for each learner"),
    "too many slow learners": ({"slowdown": [1.0] * 5}, "slowdown: 5 numbers; expected 1 to P = 4"),
    "a faster one": ({"slowdown": [0.5]}, "slowdown"),
    "a network of few ranks": ({"network": {}, "R": 2}, "network: expected R = P, a rank for each learner"),
    "a network for losses": ({"network": {}, "measure": "losses"}, "and measure = 'times'"),
    "a network in virtual time": (
        {"network": {}, "clock": {"compute": {"mean": 1.0}}},
        "network: of real time; virtual time has clock.slow, clock.comm",
    ),
    "a network without averages": (
        {"network": {}, "method": {"name": "downpour", "K": 2}},
        "network: delays averages, and 'downpour' has none",
    ),
    "no bandwidth": ({"network": {"bandwidth": 0.0}}, "network.bandwidth = 0.0"),
    "sparse averages": (
        {"method": heterogeneous(I=[1]), "averaging": "sparse"},
        "expected 'auto' or 'dense'",
    ),
    "no file": (replay("nowhere.h5"), "method.replay: nowhere.h5: no such file"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_meant_is_refused(case):
    keys, words = REFUSED[case]
    with pytest.raises(InputError) as caught:
        spec_of(**keys)
    assert words in str(caught.value)


def test_a_replay_has_the_learners_and_the_rounds_of_its_result(result):
    method = spec_of(**replay(result), measure="losses").method
    assert method.label == "Ireplay" and not method.clocked
    for keys, words in (
        (replay(result, P=3), "has 4 learners; expected P = 3"),
        (replay(result, steps=4), "stop.steps: expected at most 3"),
        (replay(result) | {"stop": {"samples": 5}}, "stop.steps: expected at most 3"),
        (replay(result.replace("run", "other")), "no round_steps"),
    ):
        with pytest.raises(InputError) as caught:
            spec_of(**keys)
        assert words in str(caught.value)
