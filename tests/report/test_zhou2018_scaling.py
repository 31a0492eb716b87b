"""Claims of Zhou & Cong on results whose answer is known, whichever way it is."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from pavg.report.claims import AGREES, CANNOT, DIFFERS, UNDECIDED
from pavg.report.papers.zhou2018 import best_k, scaling, times
from tests.report.made import opened, write_run


@dataclass(eq=False)
class Runs:
    """What a test of a claim is given: see pavg.report.paper.Runs."""

    table: pd.DataFrame
    points: pd.DataFrame | None = None


SEEDS = range(20)
TICKS = np.array([0, 512, 1024])


def results(folder, runs):
    """What the page reads, of (final loss, keys of a specification)."""
    for loss, given in runs:
        write_run(folder, TICKS, np.array([1.0, (1 + loss) / 2, loss]), **given)
    _, table, points = opened(folder)
    return Runs(table, points)


def over_K(folder, gain, noise=0.01):
    """Runs of K = 1 and K = 16, whose final loss is `gain` times as large as that of K = 1."""
    rng = np.random.default_rng(0)
    return results(
        folder,
        [
            (
                (1.0 if K == 1 else gain) * (0.2 if gamma == 0.1 else 0.3) * (1 + noise * rng.normal()),
                {
                    "seed": seed,
                    "step_size": gamma,
                    "method": {"name": "periodic", "K": K},
                    "stop": {"samples": 4096},
                },
            )
            for K in (1, 16)
            for gamma in (0.1, 0.2)
            for seed in SEEDS
        ],
    )


@pytest.mark.parametrize("gain, verdict", [(0.9, AGREES), (1.2, DIFFERS)])
def test_the_best_K_is_chosen_on_one_half_of_the_seeds_and_judged_on_the_other(tmp_path, gain, verdict):
    runs = over_K(tmp_path, gain)
    losses, best = best_k.tuned(runs)
    assert best == {(4096, 4): 16 if gain < 1 else 1}
    assert set(losses.index.unique("seed")) == set(SEEDS) - set(best_k.TUNING)
    assert losses[4096, 4, 1].mean() == pytest.approx(0.2, rel=0.02)  # not of the worse step size
    assert best_k.not_one(4096, 4)(runs).verdict == verdict
    assert best_k.not_one(best_k.LONG, 4)(runs).verdict == CANNOT  # not in these results


def test_where_chance_alone_chooses_K_nothing_is_decided(tmp_path):
    runs = over_K(tmp_path, 0.9999, noise=0.1)
    found = best_k.not_one(4096, 4)(runs)
    assert found.verdict in (UNDECIDED, DIFFERS) and found.verdict != AGREES


def asynchronous(folder, errors):
    """Runs of three methods whose test error at the end is `errors`[method, P], with one bad step size."""
    rng, given = np.random.default_rng(1), []
    clock = {"compute": {"mean": 1e-3}}
    for (method, P), error in errors.items():
        for gamma in (1.0, 10.0):
            for seed in SEEDS:
                found = error(gamma) + 1e-3 * rng.normal()
                spec = {"seed": seed, "P": P, "method": {"name": method, "K": 16}, "clock": clock}
                spec |= {"step_size": {"name": "decay", "gamma": gamma, "factor": 0.5, "every": 1.0}}
                spec |= {"momentum": 0.9 if method == "eamsgd" else 0.0, "measure": "losses"}
                given.append((found, spec))
    runs = results(folder, given)
    table = runs.table.assign(test_accuracy=1.0 - runs.table["loss"])
    points = runs.points.assign(test_accuracy=0.6)
    return Runs(table, points)


def test_methods_that_share_a_step_size_are_told_from_those_with_their_own(tmp_path):
    many, few = scaling.MANY, scaling.FEW
    runs = asynchronous(
        tmp_path,
        {
            ("periodic", few): lambda gamma: 0.1 if gamma > 1 else 0.2,
            ("periodic", many): lambda gamma: 0.1 if gamma > 1 else 0.2,
            ("downpour", few): lambda gamma: 0.1 if gamma > 1 else 0.2,
            ("downpour", many): lambda gamma: 0.4 if gamma > 1 else 0.1,  # a guess, and recovers at a tenth
            ("eamsgd", few): lambda gamma: 0.15,
            ("eamsgd", many): lambda gamma: 0.2,
        },
    )
    assert scaling.shared(runs)[0] == 10.0 and scaling.guess(runs) == pytest.approx(0.4)
    judged = {
        "shared": scaling.better("downpour", many, scaling._shared),
        "own": scaling.better("downpour", many, scaling.tuned),
        "elastic": scaling.better("eamsgd", many, scaling.tuned),
        "grows": scaling.worse_with_more("eamsgd", scaling.tuned),
        "guess": scaling.guessing("downpour", 1),
        "no guess": scaling.guessing("eamsgd", 1),
        "recovers": scaling.learning("downpour"),
    }
    found = {name: test(runs).verdict for name, test in judged.items()}
    assert found == {
        "shared": AGREES,
        "own": UNDECIDED,
        "elastic": AGREES,
        "grows": AGREES,
        "guess": AGREES,
        "no guess": DIFFERS,
        "recovers": AGREES,
    }


def test_a_run_that_diverged_has_the_error_at_its_beginning():
    table = pd.DataFrame({"status": ["ok", "diverged"], "test_accuracy": [0.9, 0.1], "loss": [0.1, np.nan]})
    points = pd.DataFrame({"run": [0, 1], "local_steps": 0, "test_accuracy": 0.6})
    errors = scaling.errors(Runs(table, points))
    assert errors.to_numpy() == pytest.approx([0.1, 0.4])


def test_times_of_servers_decide_and_their_numbers_are_not_judged():
    rows = [
        {"clock_compute_law": law, "clock_service": service, "method": method, "P": P, "seed": seed}
        | {"status": "ok", "time_wall": seconds(P, service) * (1 + 1e-3 * seed)}
        for law in times.LAWS
        for service in (0.0, times.CLOCK[1])
        for method, seconds in (
            ("periodic", lambda P, service: 16.0),
            ("downpour", lambda P, service: 14.0 + 1e3 * service * P),
        )
        for P in (1, times.FEW, times.MANY)
        for seed in range(3)
    ]
    runs = Runs(pd.DataFrame(rows))
    assert times.faster(runs).verdict == DIFFERS  # 14 + 2.4 > 16
    assert times.grows(runs).verdict == AGREES
    found = times.theirs(runs)
    assert found.verdict == CANNOT and found.measured.startswith("0.88 (a server's 0 ms), 3.3")
