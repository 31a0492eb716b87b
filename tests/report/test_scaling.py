"""Speed-up, efficiency and the time split, against the seconds that were written."""

import numpy as np
import pytest

from pavg.report import analysis
from tests.report.made import opened, write_run

TICKS = np.append(0, 2 ** np.arange(13))
STEP, AVERAGE = 2e-6, 30e-6


@pytest.fixture
def scaled(tmp_path):
    """P = 1, 2, 4, 8; a local step takes STEP, an averaging AVERAGE · log2(P); twice as many learners
    need half as many steps."""
    for P in (1, 2, 4, 8):
        for K in (1, 16):
            for seed in (0, 1):
                loss = np.exp(-P * TICKS / 300)
                method = {"name": "periodic", "K": K}
                times = {"step": STEP, "average": AVERAGE * np.log2(P)}
                write_run(tmp_path, TICKS, loss, P=P, method=method, seed=seed, **times)
                write_run(tmp_path, TICKS, loss, P=P, method=method, seed=seed + 2, **times | {"step": 1.0},
                          **({"R": P // 2} if P > 1 else {"lanes": 8}))  # fmt: skip
    return opened(tmp_path)


def seconds_of_a_step(P, K):
    return STEP + AVERAGE * np.log2(P) / K


@pytest.mark.parametrize("how", ["strong", "weak", "target"])
def test_speed_up_and_efficiency_are_those_of_the_closed_form(scaled, how):
    _, table, points = scaled
    rows = analysis.speedups(table, points, how, target=0.1, y="loss").set_index(["period", "P"])
    assert len(rows) == 8 and (rows.base_P == 1).all() and (rows.seeds == 2).all()
    for period, P in rows.index:
        expected = P * seconds_of_a_step(1, period) / seconds_of_a_step(P, period)
        assert rows.speedup[period, P] == pytest.approx(expected, rel=1e-6)
        assert rows.efficiency[period, P] == pytest.approx(expected / P, rel=1e-6)


def test_the_fastest_single_learner_is_what_others_are_compared_with(tmp_path):
    for K, average in ((1, 1e-6), (16, 0.0)):
        method = {"name": "periodic", "K": K}
        write_run(tmp_path, TICKS, np.ones(14), P=1, method=method, step=1e-6, average=average)
        write_run(tmp_path, TICKS, np.ones(14), P=4, method=method, step=1e-6)
    _, table, points = opened(tmp_path)
    rows = analysis.speedups(table, points).set_index(["period", "P"])
    assert set(rows.base_rule) == {"K = 16"} and rows.speedup[1, 1] == pytest.approx(0.5)
    assert rows.speedup[1, 4] == pytest.approx(4) and rows.speedup[16, 4] == pytest.approx(4)


@pytest.mark.parametrize("how", ["strong", "weak", "target"])
def test_the_slowest_seeds_give_the_low_end_of_a_speed_up(tmp_path, how):
    steps = 1e-6 * np.array([1, 1.5, 3])
    for P in (1, 4):
        for seed, step in enumerate(steps if P > 1 else [1e-6] * 3):
            write_run(tmp_path, TICKS, np.exp(-TICKS * P / 300), P=P, seed=seed, step=step)
    _, table, points = opened(tmp_path)
    row = analysis.speedups(table, points, how, target=0.1, y="loss").set_index("P").loc[4]
    low, high = 4 * 1e-6 / np.quantile(steps, [0.9, 0.1])
    assert [row.speedup_low, row.speedup, row.speedup_high] == pytest.approx([low, 4 / 1.5, high])


def test_without_a_single_learner_the_smallest_P_is_the_base_and_said(tmp_path):
    for P in (2, 4, 8):
        write_run(tmp_path, TICKS, np.ones(14), P=P, step=1e-6)
    _, table, points = opened(tmp_path)
    for how in ("strong", "weak"):
        rows = analysis.speedups(table, points, how).set_index("P")
        assert (rows.base_P == 2).all() and rows.speedup.tolist() == pytest.approx([2, 4, 8])
        assert rows.efficiency.tolist() == pytest.approx([1, 1, 1])


def test_runs_of_one_sweep_are_compared_at_what_all_of_them_did(tmp_path):
    for P, steps in ((1, 4096), (4, 1024)):  # as many samples
        ticks = TICKS[TICKS <= steps]
        write_run(tmp_path, ticks, np.ones(ticks.size), P=P, step=1e-6, stop={"steps": steps})
    _, table, points = opened(tmp_path)
    strong = analysis.speedups(table, points, "strong").set_index("P")
    assert strong.seconds.to_dict() == pytest.approx({1: 4096e-6, 4: 1024e-6})
    weak = analysis.speedups(table, points, "weak").set_index("P")
    assert weak.seconds.to_dict() == pytest.approx({1: 1024e-6, 4: 1024e-6})
    write_run(tmp_path, [0, 8], [1, np.inf], P=4, seed=1, status="diverged", stop={"steps": 1024})
    _, table, points = opened(tmp_path)
    for how, rows in (("strong", strong), ("weak", weak)):  # it bounds what is compared no more
        again = analysis.speedups(table, points, how).set_index("P")
        assert again.seconds.to_dict() == pytest.approx(rows.seconds.to_dict())


def test_each_family_and_each_machine_has_a_base_of_its_own(tmp_path):
    slow = {"environment": {"cpu": "slow", "mpi_library": "MPI"}}
    for P in (1, 4):
        write_run(tmp_path, TICKS, np.ones(14), P=P, step=1e-6)
        write_run(tmp_path, TICKS[:5], np.ones(5), P=P, step=P * 3e-6, momentum=0.9, stop={"steps": 8})
        write_run(tmp_path, TICKS, np.ones(14), P=P, step=P * 7e-6, seed=1, **slow)
    _, table, points = opened(tmp_path)
    rows = analysis.speedups(table, points).set_index(["family", "machine", "P"])
    assert len(rows) == 6 and rows.speedup.xs(1, level="P").tolist() == [1, 1, 1]
    found = rows.reset_index().set_index("P").loc[4].groupby(["machine", "base_seconds"]).speedup.first()
    assert sorted(round(one, 6) for one in found) == [1, 1, 4]
    assert rows.base_seconds.max() == pytest.approx(7e-6 * 4096)


def test_a_target_that_is_not_reached_has_no_speed_up_and_stays_in_the_table(tmp_path):
    for P, last in ((1, 0.01), (2, 0.01), (4, 0.5)):
        write_run(tmp_path, [0, 64], [0.7, last], P=P)
    _, table, points = opened(tmp_path)
    rows = analysis.speedups(table, points, "target", target=0.1, y="loss").set_index("P")
    assert rows.speedup[2] > 0 and np.isinf(rows.seconds[4]) and rows.speedup[4] == 0


def test_where_no_rank_is_a_learner_there_is_no_speed_up(tmp_path):
    write_run(tmp_path, TICKS, np.ones(14), P=4, R=2)
    _, table, points = opened(tmp_path)
    for how in ("strong", "weak", "target"):
        assert analysis.speedups(table, points, how, target=0.1).empty


def test_the_time_split_of_each_rank_is_what_was_written(tmp_path):
    step = np.array([1e-6, 2e-6, 3e-6, 4e-6])
    write_run(tmp_path, TICKS, np.ones(14), step=step, average=1e-4, wait=5e-5)
    write_run(tmp_path, TICKS[:3], np.ones(3), P=2, R=1, seed=1)
    data, table, _ = opened(tmp_path)
    found = analysis.time_split(data, table)
    assert len(found) == 5
    one = found[found.run == table.index[table.P == 4][0]]
    np.testing.assert_allclose(one["compute"], 4096 * step)
    np.testing.assert_allclose(one["comm"], 256 * 1e-4)
    np.testing.assert_allclose(one["wait"], 256 * 5e-5)
    assert one["rank"].tolist() == [0, 1, 2, 3] and set(one["host"]) == {"node0"}
    shorter = found[found.run == table.index[table.P == 2][0]]
    np.testing.assert_allclose(shorter["compute"], [2 * 2 * 5e-6])  # two steps of two learners on one rank


def test_the_time_split_of_a_group_is_the_median_of_its_runs_on_each_rank(tmp_path):
    for seed, factor in enumerate((1, 9, 2)):
        write_run(tmp_path, TICKS, np.ones(14), P=2, seed=seed, step=factor * np.array([1e-6, 3e-6]))
    data, table, _ = opened(tmp_path)
    found = analysis.split_over_runs(table, analysis.time_split(data, table))
    np.testing.assert_allclose(found["compute"], 4096 * np.array([2e-6, 6e-6]))
    assert found["rank"].tolist() == [0, 1]


def test_seconds_that_are_unknown_stay_unknown(tmp_path):
    step = np.array([1e-6, np.nan])
    write_run(tmp_path, TICKS, np.ones(14), step=step, P=2)
    data, table, _ = opened(tmp_path)
    found = analysis.time_split(data, table)
    assert found["compute"].isna().tolist() == [False, True]
