"""A record in memory: rows, and what becomes of those at one tick."""

import numpy as np
import pytest

from pavg.records.reading import summed
from pavg.records.record import Record
from tests.building import a_record


def test_a_row_at_the_same_tick_takes_the_place_of_the_last_with_the_times_of_both():
    record = Record.of(2)
    record.add(ticks=0, loss=9.0, time_wall=0.0)
    for loss, wall, spent, least, most in ((2.0, 1.0, 0.5, 0.1, 0.4), (3.0, 1.5, 0.25, 0.2, 0.3)):
        bounds = {"time_comm_min": np.array([least, np.nan]), "time_comm_max": np.array([most, np.nan])}
        record.add(ticks=5, loss=loss, time_wall=wall, time_eval=spent, **bounds)
    assert [row["ticks"] for row in record.rows] == [0, 5]
    last = record.rows[-1]
    assert (last["loss"], last["time_wall"], last["time_eval"]) == (3.0, 1.5, 0.75)
    np.testing.assert_array_equal(last["time_comm_min"], [0.1, np.nan])
    np.testing.assert_array_equal(last["time_comm_max"], [0.4, np.nan])


def test_a_summary_has_all_seconds_of_a_run_and_those_of_phases_as_the_mean_over_ranks():
    curves = a_record(rows=3, ranks=2).arrays() | {"time_checkpoint": np.array([0.0, 5.0, 7.0])}
    curves["time_comm"][:, 1] += 2.0
    found = summed("x.h5", {}, curves, {}, [], {})
    assert found.elapsed == 2 + (0 + 1 + 2) + (5 + 7)
    assert found.seconds == {"compute": 3.0, "comm": (3.0 + 9.0) / 2, "wait": 3.0}


def test_seconds_of_an_interval_that_are_not_known_leave_those_of_the_others():
    """As after a run went on with other ranks, which the rows before know nothing of."""
    curves = a_record(rows=3, ranks=2).arrays()
    curves["time_wait"][1] = np.nan
    assert summed("x.h5", {}, curves, {}, [], {}).seconds == {"compute": 3.0, "comm": 3.0, "wait": 2.0}


@pytest.mark.parametrize("rows", [0, 1, 15, 16, 17, 40])
def test_a_summary_keeps_the_loss_at_a_few_evaluations_the_first_and_the_last_among_them(rows):
    curves = a_record(rows=rows).arrays()
    found, loss = summed("x.h5", {}, curves, {}, [], {}).curve, curves["loss"].tolist()
    assert len(found) == min(rows, 16) and sorted(found, reverse=True) == found
    assert {*found} <= {float(f"{value:.3g}") for value in loss}
    if rows:
        assert found[0] == loss[0] and found[-1] == float(f"{loss[-1]:.3g}")
    if rows == 40:
        assert found[1:3] == [0.25, 0.167]  # rows 3 and 5: 2.6 and 5.2 are rounded


@pytest.mark.parametrize("same", [True, False])
def test_rows_that_are_gone_on_from_keep_all_but_what_other_ranks_do_not_know(same):
    before, record = a_record(rows=3, ranks=2), Record.of(2 if same else 3)
    record.restore(before.arrays(), same)
    assert (
        len(record.rows) == 3 and record.first("loss", 9.0) == 1.0 and Record.of(1).first("loss", 9.0) == 9.0
    )
    for row, old in zip(record.rows, before.rows, strict=True):
        assert row.keys() == old.keys() and isinstance(row["ticks"], int) and isinstance(row["loss"], float)
        for name in row:
            if name in ("time_wall", "time_eval") or not name.startswith("time_"):
                assert row[name] == old[name]
            else:
                expected = old[name] if same else np.full(3, np.nan)
                np.testing.assert_array_equal(row[name], expected)


def test_a_model_that_is_closed_with_is_kept_as_it_was():
    record, w = Record.of(1), np.arange(3.0)
    record.close("ok", "all steps done", w)
    w += 1.0
    assert record.w.tolist() == [0.0, 1.0, 2.0] and (record.status, record.reason) == ("ok", "all steps done")
