"""The cells of a sweep, in the order in which they run, and what their files tell of earlier starts."""

import json

import pytest

from pavg.sweep.cells import located, paired, repeated
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
