"""Problems of one's own: what cannot be compiled is refused in words."""

import pytest

from pavg.errors import InputError
from pavg.problems.general import General, gradient_function, loss_function


class Short(General):
    @gradient_function
    def gradient(theta, X, y, i, W, l, scale, g):
        g[0] += scale

    @loss_function
    def loss(theta, X, y, i, W, l):
        return 0.0


def test_a_function_of_other_arguments_is_refused_with_those_that_are_expected():
    with pytest.raises(
        InputError, match=r"gradient\(theta, X, y, i, W, l.*expected gradient\(theta, X, y, i, n"
    ):
        Short().bind(None, 1, 0)
