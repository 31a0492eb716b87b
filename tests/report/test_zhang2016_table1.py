"""Table 1: a row for each variance that is kept."""

import numpy as np
import pytest

from pavg.data import layouts
from pavg.data.store import Store
from pavg.errors import InputError
from pavg.estimate import stored
from pavg.estimate.stored import Optimum, Variance, everything
from pavg.report.papers.zhang2016.table1 import table
from tests.building import spec_of

LEAST_SQUARES = Variance(2.0, 9.0, 3.0, 0.5, 0.01, 100, 1.0, 4.0, 0.8)
LOGISTIC = Variance(1.0, 2.0, 3.0, 0.5, 0.02, 16, 0.1, None, 0.6)


@pytest.fixture
def folder(tmp_path):
    """A folder of stores with two variances and an optimum of one."""
    X, y = np.eye(4), np.array([1.0, -1.0, 1.0, -1.0])
    store = Store(tmp_path / "mine-0123.h5", "mine", 4, layouts.dense(X, y), None, "sum", "dense", {"nnz": 4})
    squares, logistic = (
        spec_of(problem=problem, data={"name": "digits"}).problem
        for problem in ("least-squares", {"name": "logistic", "l2": 0.1})
    )
    stored.keep(squares, store, LEAST_SQUARES)
    stored.keep(logistic, store, LOGISTIC)
    stored.keep(logistic, store, Optimum(y, 0.1, 0.7, 1e-9, 1e-16, True, 3, 9))
    return tmp_path


def test_rows_say_what_was_kept(folder):
    found = table(everything(Variance, folder)).set_index("problem")
    assert found.index.tolist() == ["least-squares", "logistic"] and set(found.data) == {"mine"}
    assert found.n.tolist() == found.d.tolist() == [4, 4] and found.density.tolist() == [0.25, 0.25]
    assert found.l2.tolist() == [0.0, 0.1] and found.sigma2.tolist() == [2.0, 1.0]
    assert found.rho.tolist() == [0.5 * 9 / 2, 0.5 * 9] and found.slope.tolist() == [1.5, pytest.approx(0.3)]
    assert found.rho_largest["least-squares"] == 18 and np.isnan(found.rho_largest["logistic"])
    assert (found.beta2_low < 0.5).all() and (found.beta2_high > 0.5).all()
    np.testing.assert_allclose(found.rho_low, found.beta2_low * 9 / found.sigma2)


def test_a_folder_without_any_has_no_rows_and_a_file_of_another_kind_is_named(tmp_path):
    assert table(everything(Variance, tmp_path)).empty
    (tmp_path / "x.variance.h5").write_bytes(b"no HDF5")
    with pytest.raises(InputError, match="x.variance.h5: cannot be read"):
        table(everything(Variance, tmp_path))
