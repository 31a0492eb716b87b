"""Seconds of local steps over B, and of problems that are like those that were measured."""

import numpy as np
import pytest

from pavg.errors import InputError
from pavg.machine import steps
from pavg.machine.steps import Work, work_of
from tests.building import samples, sparse_samples, spec_of, task_of

B = (1, 2, 8, 32, 128)


def work(name="higgs", layout="dense", entries=28.0):
    return Work(name, "logistic", layout, entries, 28)


def made(of, one=15e-9, fixed=20e-9, each=6e-9):
    return steps.fitted(of, B, [one, *(fixed + each * b for b in B[1:])], np.full(len(B), 0.01))


def test_one_sample_is_as_measured_and_more_are_on_a_line():
    found = made(work())
    for b in (2, 5, 64, 1000):
        assert found.seconds(b) == pytest.approx(20e-9 + 6e-9 * b)
    assert found.seconds(1) == 15e-9 and found.deviation == pytest.approx(0.01)


def test_a_batch_is_never_negative_seconds():
    found = steps.fitted(work(), B, [1e-8, 1e-8, 9e-8, 5e-7, 9e-6], np.zeros(5))
    assert found.fixed >= 0 and found.each > 0 and found.deviation > 0.1


def test_what_was_measured_is_taken_as_it_is_and_what_was_not_from_the_same_layout():
    dense = made(work()), made(work("year", entries=90.0), 46e-9, 20e-9, 18.4e-9)
    csr = made(work("rcv1", "csr", 74.0), 1e-7, 1e-7, 1e-7)
    assert steps.like(work(), [*dense, csr]) is dense[0]
    found = steps.like(work("new", entries=59.0), [*dense, csr])
    assert found.seconds(1) == pytest.approx((15e-9 + 46e-9) / 2, rel=1e-6)
    assert found.seconds(10) == pytest.approx(20e-9 + 122e-9, rel=1e-6)
    assert np.exp(2 * found.deviation) >= 2  # and is far less sure
    for other in (work("x", ""), work("x", "csr")):
        with pytest.raises(InputError, match="no local steps of x were measured"):
            steps.like(other, dense)


def facts(store=None, **keys):
    task = task_of(**keys) if store is None else task_of(store=store, **keys)
    return work_of(spec_of(data={"name": "breast_cancer"} if store else None, **keys), store, task.objective)


def test_what_makes_steps_differ_is_in_the_name():
    dense, csr = samples(), sparse_samples()
    names = [
        facts(dense, problem="logistic"),
        facts(dense, problem={"name": "logistic", "l2": 0.1}),
        facts(dense, problem="logistic", sampling="reshuffle", partition="iid"),
        facts(dense, problem="logistic", momentum=0.9),
        facts(csr, problem="least-squares"),
        facts(problem="double-well"),
    ]
    assert len({one.name for one in names}) == len(names)
    assert [one.layout for one in names] == ["dense"] * 4 + ["csr", ""]
    assert names[0].entries == dense.n_features and names[4].entries == csr.train.values.size / csr.train.n
