"""When a cell ends by its losses, and what is said of them."""

import numpy as np
import pytest

from pavg.engine.lanes import Lane
from pavg.records.record import Record
from tests.building import spec_of


def lane_of(losses, optimum=None, **keys):
    """A lane that has seen these losses, at one tick each, and goes on from there as after a pause."""
    record = Record.of(1)
    for tick, loss in enumerate(losses):
        record.add(ticks=tick, loss=loss)
    lane = Lane(0, spec_of(**keys), record, optimum)
    lane.begin()
    return lane


@pytest.mark.parametrize("first, bound", [(50.0, 5000.0), (-50.0, 5000.0), (0.01, 100.0)])
@pytest.mark.parametrize("later", [[], [1e-3], [4000.0]])
def test_the_bound_is_of_the_first_loss_or_of_1_however_often_the_run_was_paused(first, bound, later):
    lane = lane_of([first, *later], evaluate={"diverged": 100})
    for loss, ends in ((bound, False), (bound * 1.001, True), (np.nan, True), (-np.inf, True)):
        lane.status, lane.reason = "ok", ""
        lane.see({"loss": loss})
        lane.judge(7)
        assert (lane.status == "diverged") == ("tick 7" in lane.reason) == ends, loss


@pytest.mark.parametrize("loss, reason", [(0.5, "target loss"), (0.4, "target loss"), (0.500001, "")])
def test_a_target_is_reached_by_a_loss_that_is_no_larger(loss, reason):
    lane = lane_of([1.0], stop={"steps": 9, "target_loss": 0.5})
    lane.see({"loss": loss})
    lane.judge(1)
    assert (lane.status, lane.reason) == ("ok", reason)


@pytest.mark.parametrize("target", [0.0, -0.5])
def test_a_target_may_be_0_or_less(target):
    lane = lane_of([1.0], stop={"steps": 9, "target_loss": target})
    for loss, reason in ((target + 0.1, ""), (target, "target loss")):
        lane.see({"loss": loss})
        lane.judge(1)
        assert (lane.status, lane.reason) == ("ok", reason)


def test_a_lane_that_diverges_has_reached_no_target():
    lane = lane_of([1.0], stop={"steps": 9, "target_loss": 0.5})
    lane.see({"loss": -np.inf})
    lane.judge(1)
    assert lane.status == "diverged"


def test_of_a_run_that_begins_at_its_optimum_suboptimality_is_unknown():
    lane = lane_of([1.0], optimum=1.0)
    lane.see({"loss": 1.5})
    assert np.isnan(lane.values["suboptimality"])


def test_suboptimality_is_1_at_the_first_loss_and_0_at_the_optimum_even_after_a_pause():
    lane = lane_of([5.0, 3.0], optimum=1.0)
    for loss, value in ((5.0, 1.0), (3.0, 0.5), (1.0, 0.0), (9.0, 2.0)):
        lane.see({"loss": loss})
        assert lane.values["suboptimality"] == value
