"""The bundled sets are scikit-learn's, and a wrong name is answered with the right ones."""

import numpy as np
import pytest
import sklearn.datasets

from pavg.data import BUNDLED, bundled
from pavg.errors import InputError


@pytest.mark.parametrize("name", BUNDLED)
def test_a_bundled_set_equals_scikit_learns(name):
    X, y = bundled.load(name)
    expected = getattr(sklearn.datasets, f"load_{name}")()
    np.testing.assert_array_equal(X.toarray(), expected.data)
    np.testing.assert_array_equal(y, expected.target)
    assert X.dtype == y.dtype == float


@pytest.mark.parametrize("name", BUNDLED)
def test_the_description_begins_with_the_true_shape(name):
    n, d = bundled.load(name)[0].shape
    assert BUNDLED[name].startswith(f"{n} × {d},")


def test_a_wrong_name_is_answered_with_the_right_ones():
    with pytest.raises(InputError, match="data.name = 'digit'.*did you mean 'digits'.*diabetes"):
        bundled.load("digit")


def test_the_source_names_the_version():
    assert bundled.source() == f"scikit-learn {sklearn.__version__}"
