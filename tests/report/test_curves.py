"""Bands over seeds, the envelope over step sizes, and what the objective is scaled by."""

import numpy as np
import pytest

from pavg.report import analysis
from pavg.report.analysis.curves import _quantiles
from tests.report.made import opened, write_run

TICKS = np.array([0, 16, 64, 256])


def test_bands_are_median_and_quantiles_of_the_seeds(tmp_path):
    losses = [0.7 * np.exp(-TICKS / (100 + 10 * seed)) for seed in range(5)]
    for seed, loss in enumerate(losses):
        write_run(tmp_path, TICKS, loss, seed=seed, P=4)
    _, table, points = opened(tmp_path)
    found = analysis.bands(table, points, quantiles=(0.1, 0.9))
    assert found.x.tolist() == (TICKS * 16).tolist()  # 4 learners, batches of 4
    np.testing.assert_allclose(found.middle, np.median(losses, axis=0))
    np.testing.assert_allclose(found["mean"], np.mean(losses, axis=0))
    np.testing.assert_allclose(found.low, np.quantile(losses, 0.1, axis=0))
    np.testing.assert_allclose(found.high, np.quantile(losses, 0.9, axis=0))
    assert (found.seeds == 5).all() and (found.all_seeds == 5).all() and (found.diverged == 0).all()


def test_a_seed_counts_once_however_often_it_was_repeated(tmp_path):
    for seed, times in ((0, 1), (1, 1), (2, 7)):
        for repetition in range(times):
            write_run(tmp_path, TICKS, [0.7, 0.6, 0.5, seed / 10], seed=seed, repetition=repetition)
    _, table, points = opened(tmp_path)
    last = analysis.bands(table, points).iloc[-1]
    assert (
        last["middle"] == 0.1
        and last["seeds"] == last["all_seeds"] == 3
        and last["mean"] == pytest.approx(0.1)
    )
    assert analysis.over_seeds(table, analysis.final(table)).middle.tolist() == [0.1]


def test_a_seed_that_diverged_stays_in_the_band_as_worse_than_any_number(tmp_path):
    for seed in (0, 1):
        write_run(tmp_path, TICKS, [0.7, 0.5, 0.4, 0.3], seed=seed, accuracy=[0.5, 0.6, 0.7, 0.8])
    for seed, last in ((2, 1e9), (3, np.nan)):
        write_run(tmp_path, TICKS[:2], [0.7, last], seed=seed, status="diverged", accuracy=[0.5, 0.1])
    _, table, points = opened(tmp_path)
    found = analysis.bands(table, points, quantiles=(0.0, 1.0)).set_index("ticks")
    assert found.seeds.tolist() == [4] * 4 and found.diverged.tolist() == [0, 2, 2, 2]
    assert found.middle[0] == 0.7 and found.middle[256] == np.inf  # of 0.3, 0.3, ∞, ∞
    assert found.low[256] == 0.3 and found.high[256] == np.inf and found["mean"][256] == np.inf
    accuracy = analysis.bands(table, points, "accuracy").set_index("ticks")
    assert accuracy.middle[0] == 0.5 and accuracy.middle[256] == -np.inf and accuracy.high[256] == 0.8
    assert analysis.bands(table[table.status == "diverged"], points).middle.tolist() == [0.7, np.inf]


def test_a_run_that_ended_early_for_another_reason_is_missing_and_counted_so(tmp_path):
    write_run(tmp_path, TICKS, [0.7, 0.5, 0.4, 0.3], seed=0)
    write_run(tmp_path, TICKS[:2], [0.7, 0.5], seed=1, status="interrupted")
    _, table, points = opened(tmp_path)
    found = analysis.bands(table, points)
    assert found.seeds.tolist() == [2, 2, 1, 1] and found.all_seeds.tolist() == [2] * 4
    assert analysis.envelope(table, points).ticks.tolist() == [0, 16]  # those that all seeds have


def test_over_seconds_runs_of_other_clocks_are_other_bands(tmp_path):
    for seed in (0, 1):
        write_run(tmp_path, TICKS, [0.7, 0.5, 0.4, 0.3], seed=seed, step=1e-3 * (seed + 1))
        write_run(tmp_path, TICKS, [0.7, 0.5, 0.4, 0.3], seed=seed, R=2)
    _, table, points = opened(tmp_path)
    assert analysis.bands(table, points).seeds.tolist() == [2] * 4
    _, groups = analysis.grouped(table, timed=True)
    of_learners = groups.index[groups.clock == "learners"]
    found = analysis.bands(table, points, x="time_wall")
    assert found.group.nunique() == 2
    np.testing.assert_allclose(found.x[found.group.isin(of_learners)], 1.5e-3 * TICKS)


def test_what_a_problem_does_not_have_gives_no_band(tmp_path):
    write_run(tmp_path, TICKS, [0.7, 0.5, 0.4, 0.3])
    write_run(tmp_path, TICKS, [0.7, 0.5, 0.4, 0.3], P=8, accuracy=[0.5, 0.6, 0.7, 0.8])
    write_run(tmp_path, TICKS[:2], [0.7, 1e9], P=2, status="diverged")
    _, table, points = opened(tmp_path)
    assert analysis.bands(table, points, "accuracy").middle.tolist() == [0.5, 0.6, 0.7, 0.8]


def test_the_envelope_is_the_smallest_mean_at_every_evaluation(tmp_path):
    curves = {0.1: [0.7, 0.6, 0.4, 0.1], 0.2: [0.7, 0.5, 0.3, 0.2], 0.4: [0.7, 0.4]}
    for gamma, loss in curves.items():
        for seed in (0, 1):
            status = "diverged" if gamma == 0.4 and seed else "ok"
            shift = np.array([0, 0.01, 0.01, 0.01])[: len(loss)] * (1 if seed else -1)
            write_run(tmp_path, TICKS[: len(loss)], loss + shift, step_size=gamma, seed=seed, status=status)
    _, table, points = opened(tmp_path)
    found = analysis.envelope(table, points)
    np.testing.assert_allclose(found["mean"], [0.7, 0.5, 0.3, 0.1])
    assert found.step_size.tolist()[1:] == ["0.2", "0.2", "0.1"]  # 0.4 has a seed that diverged
    assert found.group.unique().tolist() == analysis.grouped(table, ("step_size",))[1].index.tolist()


def test_over_seconds_the_envelope_is_of_each_machine(tmp_path):
    for cpu, losses in (("A", {0.1: 0.3, 0.2: 0.2}), ("B", {0.1: 0.25})):
        for gamma, last in losses.items():
            environment = {"cpu": cpu, "mpi_library": "MPI"}
            write_run(
                tmp_path, [0, 16], [0.7, last], step_size=gamma, seed=int(cpu == "B"), environment=environment
            )
    _, table, points = opened(tmp_path)
    found = analysis.envelope(table, points, x="time_wall")
    assert found.group.nunique() == 2 and sorted(found["mean"]) == [0.2, 0.25, 0.7, 0.7]
    one = analysis.envelope(table, points)
    assert one["mean"].tolist() == [0.7, 0.2]  # of 0.2 and of (0.3 + 0.25)/2


def test_the_envelope_of_accuracies_is_the_largest_mean_of_each_P(tmp_path):
    for P in (2, 4):
        for gamma, accuracy in ((0.1, [0.5, 0.6, 0.7, 0.9]), (0.2, [0.5, 0.7, 0.8, 0.8])):
            accuracy = np.array(accuracy) + P / 100
            write_run(tmp_path, TICKS, [0.7, 0.6, 0.5, 0.4], P=P, step_size=gamma, accuracy=accuracy)
    _, table, points = opened(tmp_path)
    found = analysis.envelope(table, points, "accuracy")
    np.testing.assert_allclose(found["mean"], [a + P / 100 for P in (2, 4) for a in (0.5, 0.7, 0.8, 0.9)])
    assert found.step_size.tolist()[1:4] == ["0.2", "0.2", "0.1"] and found.group.nunique() == 2


def test_the_objective_is_scaled_by_the_smallest_loss_of_all_runs_or_by_the_given_optimum(tmp_path):
    write_run(tmp_path / "a", TICKS, [0.8, 0.5, 0.4, 0.3])
    write_run(tmp_path / "a", TICKS, [0.8, 0.6, 0.5, 0.35], P=8)
    write_run(tmp_path / "a", TICKS, [0.9, 0.6, 0.5, 0.1], P=8, problem={"name": "logistic", "l2": 0.1})
    _, table, points = opened(tmp_path / "a")
    told = analysis.optima(table, points)
    assert told.optimum[table.problem_l2 == 1e-4].tolist() == [0.3, 0.3] and not told.given.any()
    other = points[points.run == table.index[(table.P == 8) & (table.problem_l2 == 1e-4)][0]]
    np.testing.assert_allclose(other.normalised, [1, 0.6, 0.4, 0.1])
    write_run(tmp_path / "b", TICKS, [0.8, 0.5, 0.4, 0.3], evaluate={"optimum": 0.2})
    _, table, points = opened(tmp_path / "b")
    np.testing.assert_allclose(points.normalised, [1, 0.5, 1 / 3, 1 / 6])
    assert analysis.optima(table, points).given.all()
    write_run(tmp_path / "b", TICKS, [0.8, 0.5, 0.4, 0.1], P=8)  # of the same objective
    write_run(tmp_path / "b", TICKS, [0.8, 0.5, 0.4, 0.3], data_checksum="another")
    _, table, points = opened(tmp_path / "b")
    told = analysis.optima(table, points).groupby([table.P, table.data_checksum]).first()
    assert told.optimum.to_dict() == {(4, "0123abcd"): 0.2, (8, "0123abcd"): 0.2, (4, "another"): 0.3}
    assert told.given.tolist() == [True, False, True]


def test_a_run_that_begins_at_the_best_known_loss_has_no_scale_and_none_is_made_of_infinities(tmp_path):
    write_run(tmp_path, [0, 16], [0.3, 0.4])
    write_run(tmp_path, [0, 16], [0.7, 0.3], seed=1)
    write_run(tmp_path, [0, 16], [0.7, -np.inf], seed=2, status="diverged")
    _, table, points = opened(tmp_path)
    by_seed = points.normalised.groupby(points.run.map(table.seed))
    assert by_seed.get_group(0).isna().all() and by_seed.get_group(1).tolist() == [1, 0]
    assert analysis.optima(table, points).optimum.tolist() == [0.3] * 3


def test_problems_that_make_their_samples_up_have_an_optimum_for_each_seed(tmp_path):
    for seed, least in ((0, 0.3), (1, 0.1)):
        write_run(tmp_path, TICKS, [0.7, 0.5, 0.4, least], seed=seed, problem="pca", data=None)
    write_run(tmp_path, TICKS, [0.7, 0.5, 0.4, 0.2], P=8, problem="pca", data=None)
    of_all = {"problem": "noisy-quadratic", "data": None, "n_samples": 0, "batch_size": 1}
    write_run(tmp_path, TICKS, [0.7, 0.5, 0.4, 0.3], **of_all)
    write_run(tmp_path, TICKS, [0.7, 0.5, 0.4, 0.1], seed=1, P=8, **of_all)
    _, table, points = opened(tmp_path)
    found = analysis.optima(table, points).optimum.groupby([table.problem, table.P, table.seed]).first()
    assert found["pca"].to_dict() == {(4, 0): 0.3, (4, 1): 0.1, (8, 0): 0.2}
    assert found["noisy-quadratic"].tolist() == [0.1, 0.1]


def test_quantiles_are_those_of_numpy_and_take_infinities():
    import pandas as pd

    rng = np.random.default_rng(0)
    sizes = rng.integers(1, 12, 40)
    frame = pd.DataFrame({"g": np.repeat(np.arange(40), sizes), "v": rng.standard_normal(sizes.sum())})
    found = _quantiles(frame.sample(frac=1, random_state=1), ["g"], "v", (0.0, 0.1, 0.5, 0.9, 1.0))
    for level in (0.0, 0.1, 0.5, 0.9, 1.0):
        np.testing.assert_allclose(found[level], [np.quantile(v, level) for _, v in frame.v.groupby(frame.g)])
    frame = pd.DataFrame({"g": 0, "v": [1.0, 2.0, np.inf, np.inf, np.inf]})
    assert _quantiles(frame, ["g"], "v", (0.25, 0.3, 0.5)).iloc[0, 1:].tolist() == [2.0, np.inf, np.inf]
