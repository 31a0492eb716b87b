"""The cells of a sweep, in the order in which they run, and what their files tell of earlier starts."""

import json

import pytest

from pavg.errors import InputError
from pavg.sweep.cells import located, paired, ranks, repeated
from tests.building import a_result, spec_of


@pytest.fixture
def cell(tmp_path):
    return located(0, spec_of(), 2, tmp_path, {})


def test_repetitions_follow_one_another_and_each_has_all_cells():
    specs = [spec_of(P=P) for P in (1, 2, 3)]
    found = [(spec.repetition, spec.P) for spec in repeated(specs, 2)]
    assert found == [(r, P) for r in (0, 1) for P in (1, 2, 3)]


@pytest.mark.parametrize("count", [1, 2, 3])
def test_in_a_pair_each_side_comes_first_as_often_as_the_other(count):
    """Over the repetitions of a cell, and over the cells of a repetition."""
    ours, theirs = ([spec_of(name=name, seed=k) for k in range(count)] for name in "AB")
    order = paired(ours, theirs, 4)
    pairs = list(zip(order[::2], order[1::2], strict=True))
    assert all((a.seed, a.repetition) == (b.seed, b.repetition) and a.name != b.name for a, b in pairs)
    first = {(a.repetition, a.seed): a.name for a, _ in pairs}
    assert len(first) == 4 * count
    for r, k in first:
        assert first[r, k] != first.get((r + 1, k)) and first[r, k] != first.get((r, k + 1))


@pytest.mark.parametrize(
    "one, other, times, complaint",
    [
        ([{}], [{"P": 5}], 1, "cell 0: P = 4 and 5"),
        ([{}, {"R": 2}], [{}, {"R": 1}], 1, "cell 1: R = 2 and 1"),
        ([{}, {"R": 2}], [{}, {}], 1, "cell 1: R = 2 and None"),
        ([{"measure": "losses"}], [{}], 1, "cell 0: measure = 'losses'"),
        ([{}], [{"measure": "losses"}], 1, "cell 0: measure = 'losses'"),
        ([{}], [{}, {}], 1, "1 cells and 2"),
        ([{}, {}], [{}], 1, "2 cells and 1"),
        ([{}, {"name": "C"}], [{}, {"name": "C"}], 1, "name = 'C' in both"),
        ([{"repetition": 1}], [{}], 2, "sets repetition"),
        ([{}], [{"repetition": 1}], 2, "sets repetition"),
    ],
)
def test_cells_that_are_no_pairs_are_refused(one, other, times, complaint):
    ours, theirs = (
        [spec_of(**{"name": name} | keys) for keys in of] for name, of in (("A", one), ("B", other))
    )
    with pytest.raises(InputError, match=complaint):
        paired(ours, theirs, times)


def test_what_would_be_the_same_each_time_is_not_repeated():
    for keys in ({"measure": "losses"}, {"repetition": 3}):
        assert repeated([spec_of(**keys)], 1) == [spec_of(**keys)]
        with pytest.raises(InputError, match="--repeat 2"):
            repeated([spec_of(), spec_of(**keys)], 2)


def test_a_cell_takes_the_ranks_that_it_asks_for_or_as_many_as_learners_at_most():
    found = [
        ranks(spec_of(P=P, R=R), 4) for P, R in ((3, None), (4, None), (5, None), (8, 2), (2, 1), (8, 4))
    ]
    assert found == [3, 4, 4, 2, 1, 4]


@pytest.mark.parametrize(
    "files, state",
    [
        ({}, "missing"),
        ({"path": "ok"}, "ok"),
        ({"path": "diverged", "failed": "failed", "partial": "interrupted"}, "diverged"),
        ({"path": "skipped"}, "skipped"),
        ({"failed": "timeout"}, "timeout"),
        ({"partial": "interrupted"}, "interrupted"),
        ({"path": None, "failed": "failed"}, "failed"),
        ({"path": None, "failed": None, "partial": None}, "missing"),
        ({"path": "failed"}, "missing"),  # nothing of ours
        ({"failed": "ok", "partial": "interrupted"}, "interrupted"),
        ({"partial": "ok"}, "missing"),
    ],
    ids=str,
)
def test_a_cells_state_is_that_of_its_best_sound_file(cell, files, state):
    for name, status in files.items():
        path = getattr(cell, name)
        a_result(path, {}, status=status or "ok")
        if status is None:
            path.write_bytes(path.read_bytes()[:-9])
    assert cell.state() == state


@pytest.mark.parametrize("kept", ["path", "failed", "partial"])
def test_beside_the_file_that_counts_nothing_stays_but_a_whole_result(cell, kept):
    names = ("path", "failed", "partial", "progress")
    cell.report(attempts=1)
    for name in names[:3]:
        getattr(cell, name).touch()
    cell.keep_only(getattr(cell, kept))
    assert {name for name in names if getattr(cell, name).exists()} == {"path", kept}


def test_starts_are_the_most_that_any_file_tells_of(cell):
    assert cell.starts() == 0
    a_result(cell.partial, {"attempts": 2}, status="interrupted")
    assert cell.starts() == 2
    cell.report(attempts=3)  # it was killed before it wrote more
    assert cell.starts() == 3
    a_result(cell.failed, {"attempts": 5}, status="failed")
    assert cell.starts() == 5
    cell.progress.write_text(json.dumps({"attempts": None}))
    cell.partial.write_bytes(b"cut short")
    assert cell.starts() == 5
