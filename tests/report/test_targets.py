"""Samples, steps, rounds and seconds to a target; the best step size; what does not get there is said."""

import numpy as np
import pytest

from pavg.report import analysis
from tests.report.made import opened, write_run

TICKS = np.unique(np.round(np.geomspace(1, 4096, 60)).astype(int))
TICKS = np.append(0, TICKS)


def test_the_target_is_met_where_the_closed_form_meets_it(tmp_path):
    write_run(tmp_path, TICKS, np.exp(-TICKS / 300), P=1, step=2e-3)
    _, table, points = opened(tmp_path)
    for target in (0.5, 0.1, 0.01):
        steps = analysis.reach(table, points, target, "loss", "local_steps").iloc[0]
        assert steps["at"] == pytest.approx(-300 * np.log(target), rel=1e-9)  # straight in the logarithm
        assert steps.low < steps["at"] < steps.high and {steps.low, steps.high} <= set(TICKS)
        seconds = analysis.reach(table, points, target, "loss", "time_wall").iloc[0]
        assert seconds["at"] == pytest.approx(2e-3 * steps["at"], rel=1e-9)


def test_between_evaluations_losses_below_zero_are_on_a_straight_line(tmp_path):
    write_run(tmp_path, [0, 100], [1.0, -1.0], P=1)
    _, table, points = opened(tmp_path)
    assert analysis.reach(table, points, 0.5, "loss", "local_steps")["at"].tolist() == [25]


def test_every_run_has_an_outcome_and_what_was_not_reached_is_infinite(tmp_path):
    write_run(tmp_path, [0, 10, 20], [0.7, 0.1, 0.4], seed=0)  # there and back
    write_run(tmp_path, [0, 10, 20], [0.7, 0.5, 0.4], seed=1)
    write_run(tmp_path, [0, 10], [0.7, np.nan], seed=2, status="diverged")
    write_run(tmp_path, [0, 30], [0.7, 0.6], seed=3, status="interrupted")
    write_run(tmp_path, [], [], seed=4, status="failed")
    write_run(tmp_path, [0, 10], [0.05, 0.01], seed=5)  # there from the beginning
    write_run(tmp_path, [0, 10], [0.7, 0.1], seed=6, status="diverged")  # before it went astray
    _, table, points = opened(tmp_path)
    found = analysis.reach(table, points, 0.1, "loss", "local_steps").set_index(table.seed)
    assert found.outcome.sort_index().tolist() == [
        "reached",
        "not reached",
        "diverged",
        "interrupted",
        "failed",
        "reached",
        "reached",
    ]
    assert found.loc[5, ["at", "low", "high"]].tolist() == [0, 0, 0] and found["at"][0] == 10
    assert np.isinf(found["at"][[1, 2, 3, 4]]).all() and found.closest[1] == 0.4
    none = analysis.reach(table, points, 0.1, "normalised", "local_steps").outcome
    assert "no normalised" not in set(none)


@pytest.mark.parametrize("first", [0, 5])
def test_a_run_that_begins_at_its_target_takes_nothing_of_the_one_before_it(tmp_path, first):
    write_run(tmp_path, [first, 10], [0.05, 0.01], seed=0)
    write_run(tmp_path, [0, 20], [0.7, 0.4], seed=1)
    write_run(tmp_path, [first, 10], [0.05, 0.01], seed=2)
    _, table, points = opened(tmp_path)
    found = analysis.reach(table, points, 0.1, "loss", "local_steps").set_index(table.seed)
    assert found.loc[[0, 2], ["at", "low", "high"]].to_numpy().tolist() == [[first] * 3] * 2


def test_of_some_of_the_runs_and_of_a_target_each_nothing_else_is_told(tmp_path):
    for seed, last in enumerate((0.1, 0.2, 0.3)):
        write_run(tmp_path, [0, 100], [1.0, last], seed=seed)
    _, table, points = opened(tmp_path)
    targets = table.seed.map({0: 0.05, 1: 0.2, 2: 0.3})
    found = analysis.reach(table, points, targets, "loss", "local_steps")
    assert found["at"].tolist() == [np.inf, 100, 100]
    some = table[table.seed != 1]
    assert analysis.reach(some, points, targets, "loss", "local_steps").equals(found.loc[some.index])


def test_from_a_loss_that_is_no_number_on_the_target_is_met_where_it_is_seen(tmp_path):
    for seed, before in enumerate((np.nan, np.inf)):
        write_run(tmp_path, [0, 10, 20], [0.7, before, 0.05], seed=seed)
    _, table, points = opened(tmp_path)
    found = analysis.reach(table, points, 0.1, "loss", "local_steps")
    assert found["at"].tolist() == [20, 20] and found.low.tolist() == [10, 10]


def test_accuracy_is_reached_from_below(tmp_path):
    write_run(tmp_path, [0, 100], [0.7, 0.6], P=1, accuracy=[0.5, 0.9])
    write_run(tmp_path, [0, 100], [0.7, 0.6], P=2)
    _, table, points = opened(tmp_path)
    found = analysis.reach(table, points, 0.7, "accuracy", "local_steps").set_index(table.P)
    assert found.outcome[1] == "reached" and 0 < found["at"][1] < 100 and found.closest[1] == 0.9
    assert found.outcome[2] == "no accuracy"


def test_the_median_of_seeds_of_which_most_do_not_get_there_is_never(tmp_path):
    for seed, last in enumerate((0.01, 0.4, 0.4)):
        write_run(tmp_path, [0, 100], [0.7, last], seed=seed)
        write_run(tmp_path, [0, 100], [0.7, 0.01], seed=seed, P=8)
    _, table, points = opened(tmp_path)
    at = analysis.reach(table, points, 0.1, "loss", "local_steps")["at"]
    found = analysis.over_seeds(table, at).set_index("P")
    assert np.isinf(found.middle[4]) and found.seeds[4] == 3 and found.finite[4] == 1
    assert np.isfinite(found.middle[8]) and found.finite[8] == 3


def test_the_best_step_size_for_each_period_is_that_of_the_closed_form(tmp_path):
    best = {1: 0.2, 16: 0.1, 64: 0.05}
    for K, at in best.items():
        for gamma in (0.025, 0.05, 0.1, 0.2):
            for seed in (0, 1, 2):
                loss = 0.3 + np.log(gamma / at) ** 2 / 10 + 0.001 * seed
                write_run(
                    tmp_path,
                    [0, 64],
                    [0.7, loss],
                    method={"name": "periodic", "K": K},
                    step_size=gamma,
                    seed=seed,
                )
        write_run(
            tmp_path,
            [0, 64],
            [0.7, 1e9],
            method={"name": "periodic", "K": K},
            step_size=0.8,
            status="diverged",
        )
    write_run(
        tmp_path, [0, 64], [0.7, 9], method={"name": "periodic", "K": 256}, step_size=0.1, status="diverged"
    )
    _, table, _ = opened(tmp_path)
    found = analysis.best_step_sizes(table, analysis.final(table))
    assert found.period.tolist() == [1, 16, 64, 256] and (found.family == "").all()
    assert found.gamma.tolist()[:3] == list(best.values()) and found.tried.tolist() == [5, 5, 5, 1]
    np.testing.assert_allclose(found.middle[:3], 0.301)
    assert np.isinf(found.middle[3]) and found.step_size[3] == ""  # every step size diverged
    assert found.edge.tolist() == [False] * 4 and found.seeds.tolist() == [3, 3, 3, 1]


def test_a_best_step_size_at_the_edge_of_the_grid_is_said(tmp_path):
    write_run(tmp_path, [0, 64], [0.7, 0.5], step_size=0.1, P=1)  # nothing to be at the edge of
    for gamma in (0.1, 0.2, 0.4):
        write_run(tmp_path, [0, 64], [0.7, gamma], step_size=gamma)
        write_run(tmp_path, [0, 64], [0.7, 0.5 - gamma], step_size=gamma, P=2)
        write_run(tmp_path, [0, 64], [0.7, abs(gamma - 0.2)], step_size=gamma, P=8)
    _, table, _ = opened(tmp_path)
    found = analysis.best_step_sizes(table, analysis.final(table)).set_index("P")
    assert found.edge.to_dict() == {1: False, 2: True, 4: True, 8: False}


def test_of_step_sizes_that_are_as_good_the_smallest_is_best_and_schedules_have_no_edge(tmp_path):
    for gamma in (0.4, 0.2, 0.3):
        write_run(tmp_path, [0, 64], [0.7, 0.5 if gamma < 0.4 else 0.6], step_size=gamma)
        write_run(tmp_path, [0, 64], [0.7, gamma], step_size=gamma, P=8)
    write_run(tmp_path, [0, 64], [0.7, 0.1], step_size={"name": "inverse", "alpha": 2.0, "d": 10.0}, P=8)
    _, table, _ = opened(tmp_path)
    found = analysis.best_step_sizes(table, analysis.final(table)).set_index("P")
    assert found.step_size.to_dict() == {4: "0.2", 8: "inverse(alpha=2, d=10)"}
    assert found.edge.to_dict() == {4: True, 8: False} and found.tried.tolist() == [3, 4]


def test_best_step_sizes_are_of_each_family_and_in_the_order_of_P_and_period(tmp_path):
    for l2, best in ((1e-4, 0.1), (0.1, 0.2)):
        for P, K in ((8, "all"), (8, 4), (16, 4), (8, 16)):
            for gamma in (0.1, 0.2):
                given = {"problem": {"name": "logistic", "l2": l2}, "method": {"name": "periodic", "K": K}}
                write_run(tmp_path, [0, 64], [0.7, abs(gamma - best)], P=P, step_size=gamma, **given)
    _, table, _ = opened(tmp_path)
    found = analysis.best_step_sizes(table, analysis.final(table))
    assert len(set(found.family)) == 2 and found.gamma.tolist() == [0.1] * 4 + [0.2] * 4
    assert list(zip(found.P, found.rule, strict=True))[:4] == [
        (8, "K = 4"), (8, "K = 16"), (8, "one-shot"), (16, "K = 4")
    ]  # fmt: skip


def test_the_map_has_a_row_for_each_P_and_a_column_for_each_period(tmp_path):
    for P, K in ((1, "all"), (8, 1), (8, 16), (8, "all"), (4, 16)):
        write_run(tmp_path, [0, 64], [0.7, P / 100], P=P, method={"name": "periodic", "K": K})
    _, table, _ = opened(tmp_path)
    found = analysis.period_map(analysis.best_step_sizes(table, analysis.final(table)))
    assert found.index.tolist() == [1, 4, 8] and found.columns.tolist() == ["K = 1", "K = 16", "one-shot"]
    assert found.loc[8].tolist() == [0.08] * 3 and np.isnan(found.loc[4, "one-shot"])


def test_runs_that_are_not_over_have_no_final_value(tmp_path):
    for seed, status in enumerate(("ok", "diverged", "interrupted", "failed")):
        write_run(tmp_path, [0, 10], [0.7, 0.2], seed=seed, status=status, accuracy=[0.5, 0.8])
    _, table, points = opened(tmp_path)
    for y, last, worst in (("loss", 0.2, np.inf), ("accuracy", 0.8, -np.inf)):
        for found in (analysis.final(table, y), analysis.final(table, y, points)):
            found = found.set_axis(table.seed)
            assert found[0] == last and found[1] == worst and found[[2, 3]].isna().all()


def test_a_group_of_which_nothing_is_known_stays_in_the_table_and_unknown_seeds_do_not_count(tmp_path):
    for seed, status in enumerate(("ok", "failed", "ok")):
        write_run(tmp_path, [0, 10], [0.7, 0.2 + seed], seed=seed, status=status)
    write_run(tmp_path, [0, 10], [0.7, 0.2], P=8, status="failed")
    _, table, _ = opened(tmp_path)
    found = analysis.over_seeds(table, analysis.final(table)).set_index("P")
    assert found.seeds[4] == found.finite[4] == 2 and found.middle[4] == pytest.approx(1.2)
    assert np.isnan(found.middle[8]) and found.runs.to_dict() == {4: 3, 8: 1}
