"""What a sweep will take, told before it runs."""

import pytest
from mpi4py import MPI

from pavg.sweep import forecast
from pavg.sweep.forecast import forecasts
from pavg.sweep.groups import Group
from tests.building import spec_of

pytestmark = pytest.mark.mpi


@pytest.mark.parametrize("momentum, arrays", [(0.0, 2), (0.5, 3)])
def test_samples_are_of_all_learners_and_memory_of_those_that_one_rank_hosts(momentum, arrays, tmp_path):
    spec = spec_of(P=6, momentum=momentum, stop={"steps": 77})
    groups = [Group.of([0], [spec], size, tmp_path, {None: {}}) for size in (1, 4, 8)]
    found = list(forecasts(MPI.COMM_SELF, groups))
    assert [one.memory for one in found] == [learners * 8 * arrays for learners in (6, 2, 1)]  # of one number
    assert {(one.end, one.samples, one.data) for one in found} == {(77, 77 * 6, 0)}
    assert [one.seconds / found[0].seconds for one in found] == pytest.approx([1, 1 / 3, 1 / 6])


def test_what_seconds_end_takes_these_seconds_and_more_samples_on_more_ranks(tmp_path):
    spec = spec_of(P=6, stop={"seconds": 3.0})
    groups = [Group.of([0], [spec], size, tmp_path, {None: {}}) for size in (1, 3, 6)]
    found = list(forecasts(MPI.COMM_SELF, groups))
    assert [(one.end, one.seconds) for one in found] == [(None, pytest.approx(3.0))] * 3
    assert [one.samples / found[0].samples for one in found] == pytest.approx([1, 3, 6])


@pytest.mark.parametrize("most, tried", [(0.0, 0), (1e-9, 1), (10.0, 3)])
def test_what_takes_as_long_is_tried_once_and_what_there_is_no_time_for_is_not_known(
    tmp_path, monkeypatch, most, tried
):
    specs = [spec_of(stop={"steps": 64}, **keys) for keys in ({}, {"seed": 3}, {"step_size": 0.3}, {"P": 2})]
    specs += [spec_of(stop={"steps": 64}, repetition=2), spec_of(stop={"steps": 64}, momentum=0.5)]
    trials, rates = [], forecast._rates
    monkeypatch.setattr(forecast, "_rates", lambda *asked: trials.append(asked) or rates(*asked))
    monkeypatch.setattr(forecast, "ALL", most)
    groups = [Group.of([k], specs, 1, tmp_path, {None: {}}) for k in range(6)]
    found = list(forecasts(MPI.COMM_SELF, groups))
    known = {0: [], 1: [0, 1, 2, 4], 3: list(range(6))}[tried]
    assert len(trials) == tried and [k for k in range(6) if found[k].samples is not None] == known
    assert [k for k in range(6) if found[k].seconds is not None] == known
    assert {found[k].samples for k in known} <= {64 * 4, 64 * 2}
