"""When a checkpoint is due (what it keeps: tests/mpi)."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from pavg.engine import checkpoint
from pavg.engine.checkpoint import Checkpoints


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
