"""Speed-ups over ρ: those of curves in closed form, tuned on some seeds and measured on others."""

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from pavg.report import analysis
from pavg.report.papers.zhang2016.speedup import speed_up, speed_ups
from tests.report.made import opened, write_run

TICKS = np.append(0, np.unique(np.round(np.geomspace(1, 4000, 40)).astype(int)))
SEEDS = range(9)
RHOS = (1.0, 100.0)
PACES = {0.1: 1.0, 0.2: 1.5, 0.4: 0.5}  # step size → how many times as fast


def rate(rho, K):
    """Of f − f*: with K = 128 1 + log10 ρ times that of one-shot averaging."""
    return 0.001 * (1 if K == "all" else 1 + np.log10(rho))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Runs whose objective falls exponentially; on seed 0, step size 0.4 falls at once."""
    path = tmp_path_factory.mktemp("rho")
    for rho in RHOS:
        data = {"synthetic": {"like": "year", "n": 100, "rho": rho}}
        for P, K in ((4, "all"), (4, 128), (1, "all")):
            for gamma, pace in PACES.items():
                for seed in SEEDS:
                    wobble = 1 + 0.02 * np.sin(seed + 10 * rho + (K == 128))
                    fast = 100 if gamma == 0.4 and seed == 0 else pace
                    loss = 0.2 + 0.5 * np.exp(-rate(rho, K) * fast * wobble * TICKS)
                    given = {"evaluate": {"optimum": 0.2}, "data_checksum": f"{rho}", "seed": seed}
                    method, problem = {"name": "periodic", "K": K}, "least-squares"
                    write_run(
                        path,
                        TICKS,
                        loss,
                        P=P,
                        step_size=gamma,
                        data=data,
                        method=method,
                        problem=problem,
                        **given,
                    )
    return path


def test_ratios_are_those_of_the_rates_and_intervals_hold_them(folder):
    _, table, points = opened(folder)
    found = speed_ups(table, points, targets=(0.1, 0.01))
    assert found["rho"].tolist() == [1.0, 100.0, 1.0, 100.0] and set(found["rule"]) == {"K = 128"}
    assert (found["seeds"] == 6).all() and (found["late"] == [0, 0, 0, 0]).all()
    for row in found.itertuples():
        exact = 1 + np.log10(row.rho)
        assert row.low < exact < row.high and row.ratio == pytest.approx(exact, rel=0.02)
        assert row.one_shot == pytest.approx(-np.log(row.target) / 0.0015, rel=0.03)
        assert row.one_shot / row.periodic == pytest.approx(exact, rel=0.04)


def test_what_one_shot_averaging_does_not_reach_is_a_bound_and_what_no_one_reaches_is_none(folder):
    _, table, points = opened(folder)
    found = speed_ups(table, points, targets=(1e-5,)).set_index("rho")  # one-shot would need 7,675 steps
    assert found.late[100.0] == 6 and np.isinf(found.one_shot[100.0]) and np.isinf(found.envelope[100.0])
    assert found.ratio[100.0] == pytest.approx(4000 / (-np.log(1e-5) / 0.0045), rel=0.03)
    assert found.seeds[1.0] == 0 and np.isnan(found.ratio[1.0]) and np.isnan(found.envelope[1.0])


def test_of_the_paper_the_envelope_takes_the_smallest_mean_of_all_step_sizes(folder):
    _, table, points = opened(folder)
    found = speed_ups(table[table.seed > 0], points, targets=(0.1,), tuning=(1, 2)).set_index("rho")
    for rho in RHOS:
        assert found.envelope[rho] == pytest.approx(1 + np.log10(rho), rel=0.03)


def test_the_step_size_is_that_of_the_tuning_seeds_alone(folder):
    _, table, points = opened(folder)
    at = analysis.reach(table, points, 0.1, "normalised", "local_steps")["at"]
    most, lucky = analysis.held_out(table, at, (0, 1, 2)), analysis.held_out(table, at, (0,))
    assert set(most.gamma) == {0.2} and set(most.seed) == set(SEEDS) - {0, 1, 2}
    assert set(lucky.gamma) == {0.4} and set(lucky.seed) == set(SEEDS) - {0}
    assert len(most) == 2 * 3 * 6  # each ρ, each method, each seed
    nowhere = at.where(table["P"] > 1, np.inf)
    assert set(analysis.held_out(table, nowhere, (0, 1, 2)).P) == {4}


def test_the_figure_has_a_line_for_each_target_and_a_panel_for_each_period(folder):
    _, table, points = opened(folder)
    figure = speed_up(table, points, targets=(0.1, 0.01))
    FigureCanvasAgg(figure).draw()
    (ax,) = figure.axes
    assert ax.get_title(loc="left") == "K = 128 against one-shot averaging" and ax.get_xscale() == "log"
    found = speed_ups(table, points, targets=(0.1, 0.01))
    for line, target in zip(ax.containers, (0.1, 0.01), strict=True):
        np.testing.assert_allclose(
            line[0].get_ydata().astype(float), found.loc[found.target == target, "ratio"]
        )
        np.testing.assert_allclose(line[0].get_xdata().astype(float), RHOS)
