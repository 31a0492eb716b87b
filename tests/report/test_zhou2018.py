"""What is said of Zhou & Cong's methods, on results whose answer is known, whichever way it is."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from pavg.report.claims import AGREES, DIFFERS, UNDECIDED
from pavg.report.papers.zhou2018 import asynchronous, nets

COUNTS = np.array([1, 2, 6, 1])


@pytest.mark.parametrize("level, expected", [(0.1, 0), (0.5, 2), (0.9, 2), (0.99, 3)])
def test_a_quantile_of_staleness_is_one_of_the_updates(level, expected):
    assert asynchronous.quantile(COUNTS, level) == expected
    assert expected == np.quantile(np.repeat(np.arange(4), COUNTS), level, method="inverted_cdf")


@pytest.mark.parametrize("more, verdict", [(0, AGREES), (1, UNDECIDED), (3, DIFFERS)])
def test_staleness_is_the_same_up_to_one_step(monkeypatch, more, verdict):
    later = np.concatenate([np.zeros(more, int), COUNTS])
    stale = [later if run % 2 else np.concatenate([np.zeros(more // 2, int), later]) for run in range(20)]
    found = pd.DataFrame({"stale": stale, "virtual_stale": [COUNTS] * 20})
    monkeypatch.setattr(asynchronous, "again", lambda runs: found)
    assert asynchronous.stale(0.5)(None).verdict == verdict


def accuracies(kavg, downpour, seeds=5):
    """Runs of two methods whose test accuracies are these, for 8 and for 32 learners."""
    rows = [
        {
            "seed": seed,
            "method": name,
            "period": 16.0,
            "P": P,
            "test_accuracy": of[P] + 0.01 * np.sin(seed + P),
        }
        for seed in range(seeds)
        for name, of in (("periodic", kavg), ("downpour", downpour))
        for P in nets.LEARNERS
    ]
    return SimpleNamespace(table=pd.DataFrame(rows).assign(status="ok"))


def test_which_method_is_more_accurate_and_whether_it_falls_with_learners():
    runs = accuracies({8: 0.9, 32: 0.8}, {8: 0.95, 32: 0.1})
    assert nets.better("downpour", 8)(runs).verdict == DIFFERS
    assert nets.better("downpour", 32)(runs).verdict == AGREES
    assert nets.falls("downpour")(runs).verdict == AGREES


def test_runs_that_are_not_there_leave_it_undecided():
    runs = accuracies({8: 0.9, 32: 0.8}, {8: 0.5, 32: 0.1})
    assert nets.better("eamsgd", 8)(runs).verdict == UNDECIDED
    runs.table.loc[runs.table["seed"] > 2, "status"] = "interrupted"
    found = nets.better("downpour", 8)(runs)
    assert found.verdict == AGREES and found.why.startswith("3 pairs")
