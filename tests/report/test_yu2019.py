"""What is said of Yu et al.'s algorithms, on results whose answer is known, whichever way it is."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from pavg.report.claims import AGREES, DIFFERS, UNDECIDED
from pavg.report.paper import Runs
from pavg.report.papers.yu2019 import heterogeneous, resnet
from tests.report.made import write_run

ROUNDS = np.arange(0, 41)
STEP = 1e-3  # seconds of a round
TARGET = 0.3


def runs(folder, pace, sizes=(6.0,), slowly=1.0):
    """Runs of both algorithms, Algorithm 3 falling `pace` times as fast; a larger step size is worse."""
    for name, rate in (("periodic", 1.0), ("heterogeneous", pace)):
        method = {"name": name} | ({"K": 1} if name == "periodic" else {"I": [1, 4]})
        for seed in range(8):
            for k, gamma in enumerate(sizes):
                wobble = 1 + 0.01 * np.sin(seed + len(name))  # not the same noise for both
                loss = 0.2 + 0.5 * np.exp(-0.1 * slowly * rate * wobble * ROUNDS / (1 + k))
                keys = {"P": 2, "step_size": gamma, "seed": seed, "method": method}
                stop = {"samples": 10**6, "target_loss": TARGET}
                write_run(folder, ROUNDS, loss, step=STEP, stop=stop, **keys)
    return Runs.read(folder)


@pytest.mark.parametrize("pace, verdict", [(2.0, AGREES), (1.0, UNDECIDED), (0.5, DIFFERS)])
def test_how_much_sooner_algorithm_3_is_at_the_target_is_told_of_pairs_by_seed(tmp_path, pace, verdict):
    found = heterogeneous.real(runs(tmp_path / "real", pace), runs(tmp_path / "tuning", pace, (6.0, 8.0)))
    assert found.verdict == verdict and float(found.measured.split()[0]) == pytest.approx(pace, rel=0.02)
    assert "step size 6; best of 2 in virtual time, other seeds: 6 for Algorithm 3" in found.why
    seconds = np.log(5) / 0.1 * STEP
    assert float(found.measured.split("medians ")[1].split()[0]) == pytest.approx(seconds, rel=0.03)


def test_in_virtual_time_each_has_the_step_size_that_other_seeds_found_best(tmp_path):
    made = runs(tmp_path, 2.0, (6.0, 8.0))
    at = heterogeneous.by_seed(made)
    assert set(at.index) == set(range(8)) - set(heterogeneous.FIRST)
    assert heterogeneous.best(made) == {"periodic": 6.0, "heterogeneous": 6.0}
    assert heterogeneous.virtual("periodic")(made).verdict == AGREES


def test_where_algorithm_3_never_gets_there_it_is_undecided(tmp_path):
    assert heterogeneous.real(*[runs(tmp_path, 0.01)] * 2).verdict == UNDECIDED


def test_where_algorithm_1_never_gets_there_its_last_second_counts(tmp_path):
    found = heterogeneous.real(*[runs(tmp_path, 10.0, slowly=0.1)] * 2)
    assert found.verdict == AGREES and "8 of 8 runs did not get there" in found.why
    seconds = np.log(5) / (0.1 * 0.1 * 10) * STEP
    assert float(found.measured.split()[2]) == pytest.approx(ROUNDS[-1] * STEP / seconds, rel=0.03)


def test_a_figure_has_the_seconds_of_every_seed(tmp_path):
    made = runs(tmp_path, 2.0)
    (ax,) = heterogeneous.figure(made).axes
    for line, method in zip(ax.lines, ("periodic", "heterogeneous"), strict=True):
        assert line.get_xdata()[1:] == pytest.approx(np.sort(heterogeneous.by_seed(made)[method]))
    assert ax.get_xlabel() == "seconds of the training clock"


@pytest.mark.parametrize("times, verdict", [(1.02, AGREES), (1.1, UNDECIDED), (1.3, DIFFERS)])
def test_whether_rare_averages_end_nearly_as_low(times, verdict):
    rows = [
        {
            "seed": seed,
            "period": period,
            "loss": (1.7 + 0.1 * seed) * factor * (1 + 0.004 * (seed - 1) * (period > 1)),
        }
        for seed in range(3)
        for period, factor in ((1.0, 1.0), (4.0, times))
    ]
    table = pd.DataFrame(rows).assign(n_samples=100, batch_size=8, problem_depth=8, problem_width=4)
    found = resnet.near(4.0)(SimpleNamespace(table=table, points=pd.DataFrame({"samples": [0, 200]})))
    assert found.verdict == verdict and "2 epochs of 100 images" in found.why
