"""What of a sweep is to run: from its files, before anything starts."""

import os
import socket
from types import SimpleNamespace

import pytest

from pavg.errors import InputError
from pavg.sweep.running import How, Watcher, _phases, _turns, plan
from tests.building import a_result, spec_of

LINEAR = {"problem": "logistic", "data": {"name": "breast_cancer"}, "measure": "losses"}
RUN = ("missing", "interrupted")  # whatever is asked for


class Told(Watcher):
    """What was left, and how many cells there are."""

    def __init__(self):
        self.leaves, self.counts = [], None

    def left(self, cell, state):
        self.leaves.append((cell.index, state))

    def cells(self, count, total):
        self.counts = count, total


@pytest.fixture
def planned(tmp_path):
    """A function that plans cells in a job of two ranks: its answer, and what was told."""

    def made(specs, size=2, **how):
        told = Told()
        return *plan(specs, size, How(tmp_path, **how), told), told

    return made


def ends_as(cell, status, **attributes):
    """The files of a cell with this status."""
    paths = {"ok": cell.path, "diverged": cell.path, "interrupted": cell.partial}
    if status != "missing":
        a_result(paths.get(status, cell.failed), attributes, status=status, reason="so it is")


@pytest.mark.parametrize("retry", [(), ("failed",), ("timeout",), ("timeout", "failed")])
def test_what_has_ended_is_left_unless_it_is_asked_for(planned, retry):
    specs = [spec_of(seed=seed) for seed in range(6)]
    groups, *_ = planned(specs)
    found = ["ok", "failed", "interrupted", "timeout", "missing", "diverged"]
    for group, status in zip(groups, found, strict=True):
        ends_as(group.cells[0], status, attempts=3)
    groups, states, starts, told = planned(specs, retry=retry)
    assert states == dict(enumerate(found)) and told.counts == (6, 6)
    to_run = {k: 0 if status == "missing" else 3 for k, status in enumerate(found) if status in RUN + retry}
    assert starts == to_run
    assert told.leaves == [(k, status) for k, status in enumerate(found) if k not in to_run]


@pytest.mark.parametrize("found", ["ok ok ok", "ok failed timeout", "ok missing failed"], ids=str)
@pytest.mark.parametrize("retry", [(), ("failed",)])
def test_step_sizes_side_by_side_are_left_or_run_together(planned, found, retry):
    specs = [spec_of(step_size=gamma, seed=seed, **LINEAR) for gamma in (0.1, 0.2, 0.3) for seed in (0, 1)]
    [group, _], *_ = planned(specs)
    found = found.split()
    for cell, status in zip(group.cells, found, strict=True):
        ends_as(cell, status, attempts=2)
    _, states, starts, told = planned(specs, retry=retry, cells="0")
    assert states == dict(zip((0, 2, 4), found, strict=True)) and told.counts == (3, 6)
    runs = {*found} & {*RUN, *retry}
    assert starts == ({0: 2} if runs else {})
    assert told.leaves == ([] if runs else list(states.items()))


def test_what_the_dead_left_half_written_is_removed_in_every_folder_of_a_sweep(planned, tmp_path):
    specs = [spec_of(name=name) for name in ("one", "two")]
    dead, alive = (f".x.{socket.gethostname()}-{pid}.tmp" for pid in (2**22 + 1, os.getpid()))
    folders = [tmp_path / name / inner for name in ("one", "two") for inner in (".", ".running")]
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
        for name in (dead, alive):
            (folder / name).touch()
    planned(specs)
    assert not [folder for folder in folders if (folder / dead).exists()]
    assert all((folder / alive).exists() for folder in folders)


@pytest.mark.parametrize(
    "one, other, complaint",
    [
        (LINEAR, LINEAR | {"averaging": "sparse"}, "the samples are dense"),
        (LINEAR, LINEAR | {"partition": "iid", "P": 1000}, "more learners than samples"),
        (LINEAR | {"partition": "iid"}, LINEAR | {"partition": "iid", "P": 1000}, "more learners"),
        ({"problem": "least-squares", "data": {"name": "diabetes"}}, {"problem": "logistic"}, "labels"),
        (LINEAR, LINEAR | {"data": {"name": "diabetes"}}, "labels"),
        ({"R": 2}, {"R": 3}, "a cell asks for R = 3 ranks; this job has 2"),
        ({}, {"name": "file"}, "results cannot be written there"),
    ],
)
def test_what_does_not_fit_a_later_cell_is_refused_before_the_first_starts(
    planned, tmp_path, one, other, complaint
):
    (tmp_path / "file").touch()
    specs = [spec_of(**one), spec_of(**(one | other))]
    with pytest.raises(InputError, match=complaint):
        planned(specs)
    assert not list(tmp_path.rglob("*.h5"))
    planned(specs, cells="0")  # those that are not chosen are not looked at


def test_each_cell_is_named_after_its_own_samples(planned):
    sets = [{"name": "digits"}, {"name": "diabetes"}]
    specs = [spec_of(problem="least-squares", data=data, seed=seed) for data in sets for seed in (0, 1)]
    groups, *_ = planned(specs)
    ends = [group.name.rpartition("-")[2] for group in groups]
    assert ends[0] == ends[1] != ends[2] == ends[3]


def of(*ranks):
    return [SimpleNamespace(index=k, ranks=n) for k, n in enumerate(ranks)]


@pytest.mark.parametrize(
    "together, expected",
    [
        (False, [(1, [0, 1]), (4, [2]), (2, [3]), (1, [4, 5])]),
        (True, [(4, [2]), (2, [3]), (1, [0, 1, 4, 5])]),
    ],
)
def test_phases_are_in_the_order_of_cells_or_where_they_run_side_by_side_the_widest_first(together, expected):
    found = _phases(of(1, 1, 4, 2, 1, 1), together)
    assert [(R, [group.index for group in phase]) for R, phase in found] == expected


@pytest.mark.parametrize(
    "against, expected",
    [(None, [(0,), (1,), (3,), (4,), (5,)]), ("b.toml", [(0, 1), (3,), (4, 5)])],
)
def test_only_the_two_of_a_pair_take_turns(tmp_path, against, expected):
    groups = [group for group in of(*[1] * 6) if group.index != 2]  # there already
    found = _turns(groups, How(tmp_path, against=against))
    assert [tuple(group.index for group in turn) for turn in found] == expected
