"""When a checkpoint is due (what it keeps: tests/mpi)."""

from pathlib import Path
from types import SimpleNamespace
from unittest.mock import Mock

import numpy as np
import pytest

from pavg.engine import checkpoint
from pavg.engine.checkpoint import Checkpoints, InMemory


@pytest.mark.parametrize("cost, wait", [(0.0, 300), (2.0, 300), (30.0, 3000)])
def test_checkpoints_come_no_closer_than_is_asked_nor_take_more_than_a_hundredth_of_the_time(
    cost, wait, monkeypatch
):
    kept = Checkpoints(Path("x"), {}, seconds=300.0, _last=50.0, _cost=cost)
    for now, due in ((50 + wait - 1, False), (50 + wait + 1, True)):
        monkeypatch.setattr(checkpoint, "time", SimpleNamespace(monotonic=lambda now=now: now))
        assert kept.due() is due


def test_without_seconds_none_is_due():
    assert not Checkpoints(Path("x"), {}, _last=-1e9).due()


def test_what_is_kept_in_memory_is_the_first_stop_and_does_not_move_with_the_run():
    kept, w = InMemory(rounds=3), np.zeros(2)
    learners, lanes = Mock(state=lambda: {"W": w}), [Mock(state=lambda: {"loss": w[:1]})]
    assert kept.restore(None, learners, lanes) == 0  # nothing there yet
    kept.save(None, 3, learners, lanes)
    w += 1.0
    kept.save(None, 6, learners, lanes)
    assert kept.restore(None, learners, lanes) == 3
    (states, own), _ = learners.restore.call_args
    assert states == [own] and (own["W"] == 0.0).all()
    lanes[0].restore.assert_called_once_with({"loss": np.zeros(1)}, True)
