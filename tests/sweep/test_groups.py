"""Which cells run as one task: from the sweep's file alone."""

import pytest

from pavg.errors import InputError
from pavg.slurm import plan
from pavg.sweep import grid, selection
from pavg.sweep.groups import Group, chosen, differences, grouped
from tests.building import spec_of

LINEAR = {"problem": "logistic", "data": {"name": "breast_cancer"}, "measure": "losses"}
SWEEP = """
name = "s"
problem = "logistic"
data.name = "breast_cancer"
measure = "losses"
stop.steps = 10
[grid]
step_size = [0.1, 0.2, {name = "inverse", alpha = 1.0}]
method = ["gradient-allreduce", {name = "periodic", K = 2}, {name = "stochastic", zeta = 0.5}]
P = [1, 4]
"""


@pytest.fixture
def specs(tmp_path):
    (tmp_path / "s.toml").write_text(SWEEP)
    return grid.cells(tmp_path / "s.toml")


def of(count, **keys):
    """The groups of so many step sizes."""
    keys = {key: value for key, value in (LINEAR | keys).items() if value is not None}
    return grouped([spec_of(step_size=0.1 / (k + 1), **keys) for k in range(count)])


def test_cells_that_differ_in_step_size_alone_are_a_group(specs):
    groups = grouped(specs)
    alone = [(0,), (1,), (6,), (7,), (12,), (13,)]  # whose method has no lanes
    assert groups == sorted([*alone, (2, 8, 14), (3, 9, 15), (4, 10, 16), (5, 11, 17)])
    for group in groups:
        assert len({(specs[k].method, specs[k].P) for k in group}) == 1


def test_a_group_is_told_from_others_by_what_its_name_does_not_say():
    specs = [
        spec_of(step_size=size, method={"name": "periodic", "K": K}) for size in (0.1, 0.5) for K in (1, 8)
    ]
    assert differences([(0,), (1,), (2,), (3,)], specs) == ["step_size = 0.1"] * 2 + ["step_size = 0.5"] * 2
    assert differences([(0, 2), (1, 3)], specs) == ["", ""]  # side by side they are no group's own
    problems = ("double-well", "noisy-quadratic")
    specs = [spec_of(problem={"name": name, "w0": w0}) for name in problems for w0 in (0, 2)]
    told = ["problem_w0 = 0.0", "problem_w0 = 2.0"]  # whoever tells of a group names its problem anyway
    assert differences([(k,) for k in range(4)], specs) == told * 2


@pytest.mark.parametrize(
    "one, other, told",
    [
        ({"P": 2, "seed": 1}, {"P": 3, "seed": 2}, ["", ""]),
        ({"method": {"name": "stochastic", "zeta": 0.5}}, {}, ["", ""]),
        (
            {"method": {"name": "stochastic", "zeta": 0.5}, "momentum": 0.5},
            {},
            ["momentum = 0.5", "momentum = 0.0"],
        ),
        (
            {"stop": {"samples": 9}},
            {},
            ["stop_samples = 9", "stop_steps = 100"],
        ),  # what one has not is no word
        (
            {"evaluate": {"at": [1, 2]}},
            {"evaluate": {"at": [3]}},
            ["evaluate_at = [1, 2]", "evaluate_at = [3]"],
        ),
        ({"barrier": True, "P": 1}, {"R": 1, "P": 1}, ["barrier = True", "barrier = False"]),
        ({"name": "another", "step_size": 0.1}, {}, ["", ""]),  # of another sweep: its folder tells
    ],
    ids=str,
)
def test_a_difference_is_what_both_names_leave_open(one, other, told):
    assert differences([(0,), (1,)], [spec_of(**one), spec_of(**other)]) == told


@pytest.mark.parametrize(
    "keys",
    [
        {"measure": "times"},
        {"momentum": 0.9},
        {"averaging": "sparse"},
        {"method": "gradient-allreduce"},
        {"lanes": 1},
        {"problem": "double-well", "data": None},
    ],
    ids=str,
)
def test_what_has_no_lanes_runs_alone(keys):
    assert of(9, **keys) == [(k,) for k in range(9)]


@pytest.mark.parametrize(
    "lanes, count, sizes",
    [("auto", 5, [5]), ("auto", 40, [32, 8]), (8, 20, [8, 8, 4]), (16, 20, [16, 4]), (32, 33, [32, 1])],
)
def test_no_group_has_more_cells_than_lanes(lanes, count, sizes):
    assert [len(group) for group in of(count, lanes=lanes)] == sizes


def test_groups_are_in_the_order_of_their_first_cells_however_many_a_method_has():
    methods = [{"name": "periodic", "K": K} for K in (2, 4)]
    specs = [spec_of(step_size=0.1 / k, method=m, lanes=8, **LINEAR) for k in range(1, 10) for m in methods]
    assert grouped(specs) == [tuple(range(0, 16, 2)), tuple(range(1, 16, 2)), (16,), (17,)]


@pytest.mark.parametrize("cells, lanes", [(1, 1), (2, 8), (8, 8), (9, 16), (17, 32)])
def test_a_group_is_padded(cells, lanes, tmp_path):
    specs = [spec_of(step_size=0.1 / (k + 1), **LINEAR) for k in range(cells)]
    origins = {specs[0].data: {"data_checksum": "x"}}
    group = Group.of(range(cells), specs, 2, tmp_path, origins)
    assert group.lanes == lanes and group.name == group.cells[0].name + (f"+{cells - 1}" * (cells > 1))


def test_a_selection_means_each_group_that_it_touches_whole(specs):
    assert chosen(specs, 4, cells="8,1") == [(1,), (2, 8, 14)]
    assert chosen(specs, 4, where="step_size == 0.2 and method != 'gradient-allreduce' and P == 1") == [
        (2, 8, 14),
        (4, 10, 16),
    ]
    assert chosen(specs, 4) == grouped(specs)


def test_a_selection_by_ranks_means_those_that_a_cell_takes(specs):
    on_one, on_four = (chosen(specs, 4, where=f"R == {R}") for R in (1, 4))
    assert {specs[k].P for group in on_one for k in group} == {1}
    assert sorted(on_one + on_four) == grouped(specs)


@pytest.mark.parametrize(
    "keys, words",
    [
        ({"lanes": 4}, "lanes = 4: expected 'auto', 1, 8, 16 or 32"),
        ({"measure": "times", "lanes": 8}, "lanes = 8: measure = 'times'.*expected 'auto' or 1"),
        ({"momentum": 0.5, "lanes": 8}, "lanes = 8: momentum has no lanes"),
        ({"method": "gradient-allreduce", "lanes": 16}, "'gradient-allreduce' have no lanes"),
    ],
)
def test_lanes_that_there_cannot_be_are_refused(keys, words):
    with pytest.raises(InputError, match=words):
        spec_of(**(LINEAR | keys))


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_an_element_of_an_array_holds_whole_groups(specs, limit):
    jobs = plan.plan(specs, "array", max_array=limit)
    listed = [set(selection.indices(text, len(specs))) for job in jobs for text in job.elements]
    assert sorted(index for cells in listed for index in cells) == list(range(len(specs)))
    for group in grouped(specs):
        assert sum(not cells.isdisjoint(group) for cells in listed) == 1
    assert all(len(job.elements) == min(limit, len(job.tasks)) or limit == 3 for job in jobs)
    assert [len(job.tasks) for job in jobs] == [5, 5]
