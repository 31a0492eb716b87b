"""Where a run stops: at evaluations, at checkpoints, about once a poll, and never past its end."""

import itertools
from types import SimpleNamespace

import pytest

from pavg.engine.ticks import FASTER, HORIZON, Stops, end_tick, next_evaluation
from pavg.methods.base import BLOCK
from pavg.methods.periodic import Periodic
from pavg.schedules import Schedule
from tests.building import spec_of


def walk(rate, K=1, n=0, rounds=None, poll=1.0, pace=None, ends=None, **keys):
    """(Stops, tick) of each stop, where so many ticks are made a second, to the end or `ends` stops."""
    keys = {"stop": {"steps": 10**9}, "evaluate": {"at": [10**9]}} | keys
    spec = spec_of(method={"name": "periodic", "K": K}, **keys)
    learners = SimpleNamespace(
        since=0, rounds_done=0, schedule=Schedule(spec.step_size, spec.batch_size, n, 4)
    )
    stops, t = Stops(spec, learners, n, rounds, poll, pace), 0
    limit = spec.stop.seconds or float("inf")
    while t != stops.end and t / rate < limit and ends != 0:
        t = stops.after(t, t / rate)
        learners.since, learners.rounds_done = t % K, t // K
        ends = ends and ends - 1
        yield stops, t


def gaps(*arguments, **options):
    """Ticks from stop to stop."""
    found = [0, *(t for _, t in walk(*arguments, **options))]
    return [b - a for a, b in itertools.pairwise(found)]


@pytest.mark.parametrize(
    "rate, poll, expected",
    [
        (1e5, 1.0, [64, 512, 4096, 32_768, 100_000, 100_000]),
        (1e5, 0.1, [64, 512, 4096, 10_000, 10_000]),
        (10.0, 1.0, [64, 10, 10, 10]),
        (10.0, 3.0, [64, 30, 30]),
        (0.01, 1.0, [64, 1, 1, 1]),  # a tick that takes longer than a poll
        (1e300, 1.0, [64 * FASTER**k for k in range(6)] + [HORIZON] * 2),  # a clock that stands still
    ],
)
def test_stretches_grow_until_they_last_a_poll(rate, poll, expected):
    assert gaps(rate, poll=poll, ends=len(expected)) == pytest.approx(expected, abs=1)


@pytest.mark.parametrize("poll", [0.3, 1.0, 100.0])
def test_seconds_are_met_to_a_tick_once_the_rate_is_known(poll):
    *_, (_, last) = walk(1000.0, poll=poll, stop={"seconds": 2.0})
    assert 2000 <= last <= 2002


def test_runs_that_take_turns_make_stretches_of_the_same_length_whoever_comes_first():
    pace = []
    quick, slow = (walk(rate, pace=pace, ends=8) for rate in (1e4, 100.0))
    found = {quick: [], slow: []}
    for first, second in [(quick, slow), (slow, quick)] * 4:
        for run in (first, second):
            found[run].append(next(run)[1])
    assert found[quick] == found[slow] and len(pace) == 8
    own = [b - a for a, b in itertools.pairwise([0, *found[slow]])]
    assert own == pace == [64, 100, 800, 100, 800, 100, 800, 100]  # 8 times the last; the slow one's second


@pytest.mark.parametrize(
    "K, rounds, expected", [(7, 3, [21, 42, 63, 84]), (7, 1, range(7, 100, 7)), (40, 3, [])]
)
def test_checkpoints_every_n_rounds_lie_at_ends_of_rounds(K, rounds, expected):
    kept = [t for stops, t in walk(1e9, K=K, rounds=rounds, stop={"steps": 100}) if stops.keeps(t)]
    assert kept == list(expected)


def test_without_rounds_no_checkpoint_falls_on_a_stop():
    assert not any(stops.keeps(t) for stops, t in walk(1e9, stop={"steps": 1000}))


@pytest.mark.parametrize("rate", [10.0, 1e9])
def test_evaluations_are_where_they_are_asked_for_however_often_is_polled(rate):
    keys = {"evaluate": {"at": [90, 3, 64, 3, 200]}, "stop": {"steps": 100}}
    assert [t for stops, t in walk(rate, **keys) if stops.evaluates(t)] == [3, 64, 90]


def test_an_evaluation_on_every_tick_of_a_list_leaves_none_out():
    walked = walk(1e9, evaluate={"at": [1, 2, 3, 4]}, stop={"steps": 5})
    assert [(t, stops.evaluates(t)) for stops, t in walked] == [(t, t < 5) for t in range(1, 6)]


@pytest.mark.parametrize(
    "K, every, expected",
    [(1, 70, [70, 140, 210]), (1000, 70, [128, 192, 256]), (1000, 64, [64, 128, 192, 256])],
)
def test_evaluations_every_n_ticks_fall_on_the_first_stops_that_cut_no_block(K, every, expected):
    walked = walk(1e9, K=K, evaluate={"every": every}, stop={"steps": 270})
    assert [t for stops, t in walked if stops.evaluates(t)] == expected


LIMITS = {"steps": 50, "samples": 480, "epochs": 3.0}  # samples: 40 steps; epochs: 600 samples


@pytest.mark.parametrize(
    "limits, end",
    [
        (LIMITS, 40),
        (LIMITS | {"steps": 39}, 39),
        (LIMITS | {"epochs": 2.0}, 34),  # 400 samples, 12 a step
        (LIMITS | {"samples": 481}, 41),
        ({"epochs": 0.001}, 1),
        ({"samples": 1}, 1),
        ({"seconds": 1.0}, None),
        ({"seconds": 1.0, "epochs": 2.0}, 34),
    ],
    ids=str,
)
def test_the_end_is_the_first_of_all_limits(limits, end):
    spec = spec_of(problem={"name": "quadratic", "components": 200}, batch_size=3, stop=limits)
    learners = SimpleNamespace(schedule=Schedule(spec.step_size, spec.batch_size, 200, 4))
    assert end_tick(spec, learners, 200) == end


def test_an_evaluation_far_ahead_asks_for_no_more_averages_than_a_stretch(monkeypatch):
    asked, averages = [], Periodic.averages

    def noted(method, learners, t, stop):
        asked.append(stop - t)
        return averages(method, learners, t, min(stop, t + 1000))

    monkeypatch.setattr(Periodic, "averages", noted)
    for keys in ({"evaluate": {"at": [10**12]}}, {"evaluate": {"decade": 1}}):
        assert len(gaps(1e300, ends=12, stop={"seconds": 1e9}, **keys)) == 12
    assert max(asked) <= HORIZON + BLOCK


@pytest.mark.parametrize("end", [None, 10**9])
def test_evaluations_at_ends_of_rounds_that_never_come_are_given_up(end):
    spec = spec_of(method={"name": "periodic", "K": "all"}, evaluate={"rounds": 1})
    assert next_evaluation(spec, SimpleNamespace(rounds_done=0), 5, end) is None
