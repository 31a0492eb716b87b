"""Seconds that were measured, read as given ones."""

import numpy as np
import pytest

from pavg.errors import InputError
from pavg.records.traces import read
from pavg.records.writing import write
from tests.building import a_record

ATTRIBUTES = {"P": 2, "R": 2, "K": 3, "hosted": False, "clock": None, "config": {}, "run_id": "x"}


def result(path, course=None, **attributes):
    record = a_record(rows=4, ranks=2)
    for k, row in enumerate(record.rows):  # three local steps a round, one round an interval
        row |= {"local_steps": 3 * k, "rounds": k, "time_compute": np.array([k, 2.0 * k])}
        row["time_comm"] = np.array([0.5, 0.25])
    record.rows[-1] |= {"local_steps": 6, "rounds": 2}  # nothing was done in the last interval
    record.course = course or {}
    write(path, record, ATTRIBUTES | attributes, {})
    return path


def test_of_a_synchronous_result_each_interval_is_a_mean(tmp_path):
    path = result(tmp_path / "run.h5")
    assert read(path, "compute").tolist() == [[1 / 3, 2 / 3], [2 / 3, 4 / 3]]
    assert read(path, "comm").tolist() == [[0.5, 0.25], [0.5, 0.25]]


def test_of_an_asynchronous_result_each_update_is_there(tmp_path):
    course = {
        "arrival_learner": np.array([1, 0, 1, 1, 0], np.int32),
        "arrival_compute": np.array([3.0, 6.0, 9.0, 12.0, 15.0]),
        "arrival_comm": np.array([1.0, 2.0, 3.0, 4.0, 5.0]),
    }
    path = result(tmp_path / "run.h5", course)
    assert read(path, "compute").tolist() == [[2.0, 1.0]] * 3 + [[5.0, 3.0]] * 3 + [[2.0, 4.0]] * 3
    assert read(path, "comm").tolist() == [[1.0, 0.5]] * 2 + [[2.5, 1.5]] * 2 + [[1.0, 2.0]] * 2
    course["arrival_learner"][:] = 1
    with pytest.raises(InputError, match="an update of every learner"):
        read(result(path, course), "comm")


def test_of_a_text_each_line_is_a_draw(tmp_path):
    path = tmp_path / "trace.csv"
    path.write_text("# two ranks\n0.5,1\n0.25,2e-3\n")
    assert read(path, "compute").tolist() == [[0.5, 1.0], [0.25, 2e-3]]


@pytest.mark.parametrize(
    "text, said",
    [
        ("a,b\n", "not a table"),
        ("", "expected seconds"),
        ("1,-1\n", "at least 0"),
        ("nan\n", "expected seconds"),
    ],
)
def test_what_is_none_is_refused(text, said, tmp_path):
    path = tmp_path / "trace.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=said):
        read(path, "comm")


@pytest.mark.parametrize("attributes", [{"hosted": True}, {"clock": "virtual"}], ids=str)
def test_times_that_are_not_those_of_learners_are_refused(attributes, tmp_path):
    with pytest.raises(InputError, match="that were measured, with a rank for each"):
        read(result(tmp_path / "run.h5", **attributes), "compute")


def test_seconds_of_local_steps_are_not_all_nothing(tmp_path):
    (tmp_path / "trace.csv").write_text("1,0\n2,0\n")
    assert read(tmp_path / "trace.csv", "comm").shape == (2, 2)
    with pytest.raises(InputError, match="above 0 in each column"):
        read(tmp_path / "trace.csv", "compute")
    with pytest.raises(InputError, match="cannot be read"):
        read(tmp_path / "none.csv", "compute")
