"""Which runs are one group, what its label says, what its times are the time of."""

import numpy as np
import pytest

from pavg.report import analysis
from tests.report.made import opened, write_run

ENDS = [0, 64], [0.7, 0.5]


def test_a_run_is_a_row_with_its_final_values(tmp_path):
    write_run(tmp_path, [0, 8, 64], [0.7, 0.6, 0.5], P=2, drift=[0, 2, 1])
    write_run(tmp_path, [0, 8], [0.7, np.nan], seed=1, status="diverged", reason="loss nan at tick 8")
    write_run(tmp_path, [], [], seed=2, status="failed", reason="no way down")
    _, table, points = opened(tmp_path)
    table = table.set_index("seed")
    assert table.evaluations.to_dict() == {0: 3, 1: 2, 2: 0}
    assert table.loss[0] == 0.5 and table.drift[0] == 1 and table.local_steps[0] == 64
    assert np.isnan(table.loss[1]) and np.isnan(table.loss[2]) and table.reason[2] == "no way down"
    assert len(points) == 5 and points.loss.notna().sum() == 4


def test_groups_differ_in_more_than_seed_repetition_and_ranks(tmp_path):
    for given in (
        {},
        {"seed": 1},
        {"repetition": 1},
        {"R": 2},
        {"measure": "losses", "lanes": 8},
        {"barrier": True},
        {"name": "another", "seed": 2},
    ):
        write_run(tmp_path, *ENDS, **given)
    for given in ({"step_size": 0.2}, {"momentum": 0.9}, {"P": 8}, {"sampling": "reshuffle"}):
        write_run(tmp_path, *ENDS, **given)
    _, table, _ = opened(tmp_path)
    group, groups = analysis.grouped(table)
    assert sorted(groups.runs) == [1, 1, 1, 1, 7] and len(group.unique()) == 5
    assert "R" not in groups and "clock" not in groups
    timed, groups = analysis.grouped(table, timed=True)
    assert sorted(groups.runs) == [1] * 7 + [4]  # seed and repetition; R, lanes and the barrier are apart
    assert len(timed.unique()) == 8


def test_step_sizes_that_differ_in_their_last_digits_are_groups_of_their_own(tmp_path):
    sizes = (0.1, 1 / 3, 10**-0.5, np.nextafter(10**-0.5, 1))
    for gamma in sizes:
        write_run(tmp_path, *ENDS, step_size=float(gamma))
    _, table, _ = opened(tmp_path)
    assert set(analysis.grouped(table)[1].label) == {f"γ = {float(gamma)!r}" for gamma in sizes}


def test_a_label_says_what_tells_groups_apart_and_no_more(tmp_path):
    for P, gamma in ((4, 0.1), (4, 0.2), (8, 0.1), (8, 0.2)):
        write_run(tmp_path, *ENDS, P=P, step_size=gamma, stop={"steps": 1000 * P})
    _, table, _ = opened(tmp_path)
    assert set(analysis.grouped(table)[1].label) == {
        "P = 4, γ = 0.1",
        "P = 4, γ = 0.2",
        "P = 8, γ = 0.1",
        "P = 8, γ = 0.2",
    }
    assert analysis.differing(table) == ["P", "step_size"]
    without = analysis.grouped(table, without=("P", "stop"))[1]
    assert set(without.label) == {"γ = 0.1", "γ = 0.2"}
    one = analysis.grouped(table, without=("P", "stop", "step_size"))[1]
    assert one.label.tolist() == [""] and one.runs.tolist() == [4]


def test_a_label_says_nothing_of_what_a_group_does_not_have_and_where_samples_are_from_last(tmp_path):
    write_run(tmp_path, *ENDS, problem="pca", data=None)
    write_run(tmp_path, *ENDS, data_checksum="another", momentum=0.9)
    write_run(tmp_path, *ENDS, problem={"name": "logistic", "l2": 0.1})
    write_run(tmp_path, *ENDS)
    _, table, _ = opened(tmp_path)
    groups = analysis.grouped(table)[1]
    assert {label.split(", ")[0] for label in groups.label} == {"logistic", "pca"}
    assert not any("nan" in label or "None" in label for label in groups.label)
    assert any("problem_l2 = 0.1" in label for label in groups.label)
    assert analysis.differing(table) == ["problem", "problem_l2", "momentum"]


def test_methods_and_schedules_have_a_name_and_a_number_where_there_is_one(tmp_path):
    write_run(tmp_path, *ENDS, method={"name": "periodic", "K": 16})
    write_run(tmp_path, *ENDS, method={"name": "periodic", "K": "all"})
    write_run(tmp_path, *ENDS, method={"name": "stochastic", "zeta": 0.25})
    write_run(tmp_path, *ENDS, step_size={"name": "inverse", "alpha": 2.0, "d": 10.0})
    _, table, _ = opened(tmp_path)
    groups = analysis.grouped(table)[1].set_index("label")
    assert set(groups.index) == {
        "K = 16, γ = 0.1",
        "one-shot, γ = 0.1",
        "zeta0.25, γ = 0.1",
        "K = 16, γ = inverse(alpha=2, d=10)",
    }
    assert groups.period["K = 16, γ = 0.1"] == 16 and np.isinf(groups.period["one-shot, γ = 0.1"])
    assert np.isnan(groups.period["zeta0.25, γ = 0.1"])
    assert np.isnan(groups.gamma["K = 16, γ = inverse(alpha=2, d=10)"])


@pytest.mark.parametrize(
    "given, clock",
    [
        ({}, "learners"),
        ({"R": 2}, "hosted"),
        ({"lanes": 8, "measure": "losses"}, "lanes"),
        ({"measure": "losses"}, "losses"),
        ({"measure": "losses", "R": 2}, "hosted"),
        ({"lanes": 2, "R": 2}, "lanes"),
        ({"R": 1, "P": 1}, "learners"),
    ],
)
def test_only_a_rank_a_learner_one_lane_and_measured_times_are_times_of_learners(tmp_path, given, clock):
    write_run(tmp_path, *ENDS, **given)
    _, table, points = opened(tmp_path)
    assert table.clock.tolist() == [clock] and clock in analysis.CLOCKS
    rows = analysis.speedups(table, points, "strong")
    assert len(rows) == (clock == "learners") and "efficiency" in rows


def test_times_beside_others_of_other_machines_and_of_pythons_loop_are_apart(tmp_path):
    cpus = ({"cpu": "A", "mpi_library": "MPICH Version:      5.0.2"}, {"cpu": "B", "mpi_library": "Open MPI"})
    for seed, given in enumerate(
        ({"environment": cpus[0]}, {"environment": cpus[1]}, {"loop": "python"}, {"beside": 1})
    ):
        write_run(tmp_path, *ENDS, seed=seed, **given)
    _, table, _ = opened(tmp_path)
    assert len(analysis.grouped(table)[1]) == 1 and len(analysis.grouped(table, timed=True)[1]) == 4
    assert table.set_index("seed").machine.to_dict() == {
        0: "A, MPICH 5.0.2",
        1: "B, Open MPI",
        2: "a CPU, MPICH 5.0.2, Python's loop",
        3: "a CPU, MPICH 5.0.2, others running beside",
    }
