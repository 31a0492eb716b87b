"""Advice on a small problem: the same on any number of ranks, and K = 1 where averaging costs nothing."""

import numpy as np
import pytest
from mpi4py import MPI

from pavg.advisor.asking import ask
from pavg.engine.task import open_data
from pavg.errors import InputError
from pavg.machine import reading
from tests.building import spec_of
from tests.machine.test_model import ABOUT, rows

pytestmark = pytest.mark.mpi
comm = MPI.COMM_WORLD
TARGET = 0.12


def spec(**given):
    return spec_of(
        problem={"name": "logistic", "l2": 1e-3},
        data={"name": "breast_cancer", "scale": "standardize"},
        method={"name": "periodic", "K": 16},
        **{"P": 4, "step_size": 0.05, "batch_size": 4, "stop": {"steps": 4096}} | given,
    )


def asked(on, share=0.3, target=TARGET, average=0.0, **given):
    made = spec(**given)
    found = list(rows())
    for row in found:
        if row["what"] == reading.AVERAGE:
            row |= {name: row[name] + average for name in ("time", "time_low", "time_high")}
    return ask(on, made, open_data(made), reading.of(found, ABOUT), target, share)


def test_advice_does_not_depend_on_the_ranks_that_pilots_run_on():
    here, alone = asked(comm), asked(MPI.COMM_SELF)
    assert here.needed.middle == pytest.approx(alone.needed.middle, rel=1e-6)
    assert here.advice.best.K == alone.advice.best.K
    for one, other in zip(here.advice.choices, alone.advice.choices, strict=True):
        assert one.samples.middle == pytest.approx(other.samples.middle, rel=1e-6)


def test_pilots_draw_no_more_than_they_may():
    for share in (0.2, 0.5):
        assert 0.8 * share < asked(MPI.COMM_SELF, share).share <= share * 1.1


def test_a_dearer_average_is_made_more_seldom():
    cheap, dear = (asked(MPI.COMM_SELF, average=seconds).advice.best.K for seconds in (0.0, 1e-3))
    assert cheap <= dear and dear > 1


def test_what_was_seen_in_the_pilot_is_what_a_run_takes():
    """Samples with K = 1 are those at which a whole run has the loss."""
    from pavg.advisor import pilots

    made = spec()
    plan = pilots.Plan({1: 4 * 4 * 4096}, 4 * 4 * 4096)
    (whole,), _ = pilots.run(MPI.COMM_SELF, made, open_data(made), plan)
    first = int(np.argmax(whole.loss <= TARGET))
    needed = asked(MPI.COMM_SELF).needed
    assert whole.samples[first - 1] / 1.05 <= needed.middle <= 1.05 * whole.samples[first]


@pytest.mark.parametrize(
    "given, message",
    [
        ({"method": {"name": "stochastic", "zeta": 0.1}}, "method: stochastic; advice is about the K"),
        ({"P": 1}, "P = 1: one learner averages nothing"),
        ({"stop": {"seconds": 1.0}}, "stop: expected samples, epochs or steps"),
        ({"stop": {"steps": 16}}, "16 local steps are too few for pilots of 30%"),
        ({"step_size": 1e9, "problem": {"name": "least-squares"}}, "the pilot with K = 1 diverged"),
    ],
)
def test_what_cannot_be_advised_on_is_said(given, message):
    made = spec_of(**{
        "problem": {"name": "logistic", "l2": 1e-3},
        "data": {"name": "breast_cancer", "scale": "standardize"},
        "method": {"name": "periodic", "K": 16},
        "P": 4, "step_size": 0.05, "stop": {"steps": 4096}, **given,
    })  # fmt: skip
    with pytest.raises(InputError, match=message):
        ask(comm, made, open_data(made), reading.of(list(rows()), ABOUT), TARGET, 0.3)
