"""The paper's claims on results whose answer is known, whichever way it is."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from pavg.report.claims import AGREES, DIFFERS, UNDECIDED
from pavg.report.papers.zhang2016 import convex, section2, section3
from tests.report.made import opened, write_run

TICKS = np.arange(0, 4001, 100)
SEEDS = range(8)


def tuned(folder, pace, start=0.002):
    """Runs of two rules; K = 128 falls `pace` times as fast as one-shot averaging, that at rate `start`."""
    for K, rate in (("all", 1.0), (128, pace)):
        for seed in SEEDS:
            wobble = 1 + 0.01 * np.sin(seed + 2 * (K == 128))  # not the same noise for both
            loss = 0.2 + 0.5 * np.exp(-start * rate * wobble * TICKS)
            given = {"evaluate": {"optimum": 0.2}, "seed": seed, "method": {"name": "periodic", "K": K}}
            write_run(folder, TICKS, loss, **given)
    data, table, points = opened(folder)
    return SimpleNamespace(data=data, table=table, points=points)


@pytest.mark.parametrize(
    "pace, printed, verdict",
    [
        (2.0, None, AGREES),
        (0.5, None, DIFFERS),
        (1.0, None, UNDECIDED),
        (2.0, 2.0, AGREES),
        (2.0, 1.5, DIFFERS),
    ],
)
def test_the_speed_up_to_the_target_is_that_of_the_curves(tmp_path, pace, printed, verdict):
    found = convex.faster(printed)(tuned(tmp_path, pace))
    assert found.verdict == verdict
    assert float(found.measured.split()[0]) == pytest.approx(pace, rel=0.02)


def test_where_one_shot_averaging_never_gets_there_the_speed_up_is_at_least_what_is_known(tmp_path):
    found = convex.faster(2.0)(tuned(tmp_path, 2.0, start=0.0005))
    assert found.verdict == AGREES and "8 of 8 seeds" in found.why
    assert found.measured.startswith("at least 1.7")  # 4,000 steps over ln 10 / 0.001


def test_one_shot_above_its_worst_learner_is_told_from_below():
    spread = 0.01 * np.random.default_rng(0).normal(size=(2, 30))
    table = pd.DataFrame({"loss": 0.9 + spread[0], "worst_loss": 0.6 + spread[1]})
    runs = SimpleNamespace(where=lambda expression: table)
    assert section2.above_worst(runs).verdict == AGREES
    turned = table.rename(columns={"loss": "worst_loss", "worst_loss": "loss"})
    assert section2.above_worst(SimpleNamespace(where=lambda expression: turned)).verdict == DIFFERS


def lenet(one_shot):
    """Tables of made runs: K = 10 ends at 0.03, one-shot as given, its learners near 0.1."""
    rows, points = [], []
    for rule, loss in (("K = 10", 0.03), ("one-shot", one_shot)):
        for seed in SEEDS:
            values = {"loss": loss, "best_loss": 0.09, "worst_loss": 0.12}
            values = {name: value * (1 + 0.01 * np.sin(seed + value)) for name, value in values.items()}
            values |= {name.replace("loss", "test_accuracy"): 1 - value for name, value in values.items()}
            for steps, part in ((0, 9.0), (100, 2.0), (200, 1.0)):
                at = {name: value * part for name, value in values.items() if name.endswith("loss")}
                at |= {"best_loss": 0.09 * part**1.5}  # one-shot averaging falls behind
                errors = {"test_accuracy": 0.02 * part, "accuracy": 0.01 * part}
                which = ("", "best_", "worst_")
                at |= {f"{who}{name}": 1 - error for name, error in errors.items() for who in which}
                points.append({"run": len(rows), "local_steps": steps} | at)
            rows.append({"rule": rule, "seed": seed} | values)
    return SimpleNamespace(table=pd.DataFrame(rows), points=pd.DataFrame(points))


@pytest.mark.parametrize("one_shot, worse", [(0.2, AGREES), (0.1, DIFFERS)])
def test_claims_about_lenet_are_read_off_the_ends(one_shot, worse):
    runs = lenet(one_shot)
    found = {claim.says: claim.test(runs).verdict for claim in section3.CLAIMS}
    assert [verdict for says, verdict in found.items() if "worst single" in says] == [worse, worse]
    assert [verdict for says, verdict in found.items() if "periodic averaging" in says] == [AGREES]
    assert section3.worsens(runs).verdict == AGREES


def test_figure_3_has_a_panel_a_curve_and_a_line_a_method():
    axes = section3.figure3(lenet(0.2)).axes
    assert [ax.get_title(loc="left") for ax in axes] == list(section3.PANELS.values())
    assert {len(ax.lines) for ax in axes} == {len(section3.LINES)}
    for line, label in zip(axes[0].lines, section3.LINES, strict=True):
        assert line.get_label() == label and np.isfinite(line.get_ydata()).all()
