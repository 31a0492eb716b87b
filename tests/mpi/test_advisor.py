"""Advice on a small problem: the same on any number of ranks, and K = 1 where averaging costs nothing."""

import dataclasses

import numpy as np
import pytest
from mpi4py import MPI

from pavg import open_results
from pavg.advisor import asking, pilots
from pavg.advisor.asking import ask
from pavg.advisor.verifying import ends_of, looked_at, seconds_of, timed
from pavg.engine import synchronous
from pavg.engine.task import bind, open_data
from pavg.errors import InputError
from pavg.estimate.constants import constants
from pavg.machine import reading
from pavg.sweep import running
from tests.building import spec_of
from tests.machine.test_model import ABOUT, rows

pytestmark = pytest.mark.mpi
comm = MPI.COMM_WORLD
TARGET = 0.12


def spec(**given):
    common = {"method": {"name": "periodic", "K": 16}, "P": 4, "step_size": 0.05, "batch_size": 4}
    return spec_of(
        problem={"name": "logistic", "l2": 1e-3},
        data={"name": "breast_cancer", "scale": "standardize"},
        **common | {"stop": {"steps": 4096}} | given,
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
    for share in (0.02, 0.1, 0.2, 0.5, 1.0):
        assert 0.9 * share < asked(MPI.COMM_SELF, share).share <= share


def test_a_pilot_goes_on_with_its_K_from_where_K_1_was():
    """As the run whose rounds have one step at first, and K afterwards: to rounding, on any ranks."""
    made = spec()
    plan = pilots.plan(made, 569, 0.3)
    store = open_data(made)
    found, _ = pilots.run(comm, bind(made, store), plan)
    assert [one.K for one in found] == [1, *plan.periods]
    for one in found[1:]:
        rounds = {"name": "varying", "K": [1] * plan.begin + [one.K]}
        evaluated = {"at": plan.looks(one.K), "grad_norm": False}
        steps = {"steps": plan.begin + plan.length}
        again = spec(method=rounds, evaluate=evaluated, stop=steps, measure="losses")
        (record,) = synchronous.run(comm, bind(again, store))
        there = record.arrays()["ticks"] > 0
        np.testing.assert_array_equal(one.steps, record.arrays()["ticks"][there])
        np.testing.assert_allclose(one.loss, record.arrays()["loss"][there], rtol=1e-13)
        np.testing.assert_allclose(one.drift, record.arrays()["drift"][there], rtol=1e-9)


def test_a_dearer_average_is_made_more_seldom():
    cheap, dear = (asked(MPI.COMM_SELF, average=seconds).advice.best.K for seconds in (0.0, 1e-3))
    assert cheap <= dear and dear > 1


def test_what_was_seen_in_the_pilot_is_what_a_run_takes():
    """Samples with K = 1 are those at which a whole run has the loss."""
    made = spec(evaluate={"decade": 24})
    (record,) = synchronous.run(MPI.COMM_SELF, bind(made, open_data(made)))
    rows = record.arrays()
    first = int(np.argmax(rows["loss"] <= TARGET))
    needed = asked(MPI.COMM_SELF).needed
    assert rows["samples"][first - 1] / 1.05 <= needed.middle <= 1.05 * rows["samples"][first]


def test_theory_is_asked_where_the_constants_are_kept(monkeypatch):
    """And contradicts pilots that lose more than L allows."""
    made = spec()
    store = open_data(made)
    known = constants(comm, bind(made, store).objective)
    for L, agrees in ((known.curvature, True), (1e-9, False)):
        kept = dataclasses.replace(known, curvature=L)
        monkeypatch.setattr(asking, "stored", lambda kind, problem, store, kept=kept: kept)
        given = {"partition": "by-label", "average": 1e-3, "target": 0.15}
        found = asked(comm, **given)
        assert found.theory
        if agrees:
            assert "disagree" not in found.advice.why
        else:
            assert found.advice.best is None and "pilots and theory disagree" in found.advice.why
    monkeypatch.setattr(asking, "stored", lambda kind, problem, store: None)
    assert not asked(comm, **given).theory


FULL = """
P = 4
step_size = 0.05
batch_size = 4
method = {name = "periodic", K = 1}
evaluate = {every = 64}
stop.steps = 1024
problem = {name = "logistic", l2 = 1e-3}
data = {name = "breast_cancer", scale = "standardize"}
clock.compute.mean = 1.0
clock.comm.mean = 100.0
"""


@pytest.fixture
def full(mpi_tmp_path):
    """Runs the file with overrides: its cells. In virtual time, 1 s a step and 100 s an average."""
    path = mpi_tmp_path / "full.toml"
    if comm.Get_rank() == 0:
        path.write_text(FULL)
    comm.Barrier()
    return lambda overrides: running.run(comm, path, running.How(mpi_tmp_path / "results", overrides)).cells


def test_full_runs_end_with_the_round_that_gets_to_the_loss_and_are_timed_without_a_look(full):
    periods, seeds = [1, 8, 512], range(3, 5)
    looks = full(looked_at(periods, seeds, TARGET, 400))
    order = [(seed, K) for seed in seeds for K in periods]
    ends = ends_of([cell.path for cell in looks], TARGET)
    assert list(ends) == order and all(steps % K == 0 and steps < 1024 for (_, K), steps in ends.items())
    runs = full(timed(ends))
    assert [(cell.spec.seed, cell.spec.method.K) for cell in runs] == order  # by turns
    for cell in runs:
        assert open_results(cell.path).sizes["evaluation"] == 2  # its beginning and its end
        assert open_results(cell.path)["loss"][-1] <= TARGET
    seconds = seconds_of([cell.path for cell in runs], periods, len(seeds))
    for K, each in seconds.items():
        steps = np.array([ends[seed, K] for seed in seeds])
        np.testing.assert_allclose(each, steps * (1 + 100 / K))


def test_runs_that_do_not_get_to_the_loss_take_for_ever(full):
    looks = full(looked_at([1, 8], range(3, 4), 0.01, 400))
    assert ends_of([cell.path for cell in looks], 0.01) == {}
    assert all(np.isinf(each).all() for each in seconds_of([], [1, 8], 1).values())


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
