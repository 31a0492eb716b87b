"""Problems of one's own: what cannot be compiled is refused in words."""

import numpy as np
import pytest

from pavg.errors import InputError
from pavg.problems.general import General, gradient_function, loss_function
from tests.building import samples


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


class Odd(General):
    """Three rows and two targets."""

    @gradient_function
    def gradient(theta, X, y, i, noise, m, W, l, scale, g):
        g[0] += scale

    @loss_function
    def loss(theta, X, y, i, W, l):
        return 0.0

    def samples(self, P, seed):
        return np.zeros((3, 1)), np.zeros(2)


class Given(Odd):
    needs_data = True


def test_samples_of_ones_own_have_a_target_each():
    with pytest.raises(InputError, match="3 rows and 2 targets"):
        Odd().bind(None, 1, 0)


def test_sparse_samples_are_refused_by_a_problem_that_reads_dense_ones():
    with pytest.raises(InputError, match="memory: sparse samples.*layout = 'dense'"):
        Given().bind(samples(layout="csr"), 1, 0)


def test_a_problem_draws_from_given_samples_or_its_own_or_from_none():
    assert Odd().draws and Given().draws and not Short().draws
