"""Sections 2.1 to 2.4 of Zhang et al. 2016: the sweeps, at a size for tests, and their figures."""

import numpy as np
import pandas as pd
import pytest

from pavg.report.papers.zhang2016 import figures
from pavg.sweep import grid
from tests.building import in_processes

STEPS = 1000


def ends(sweep, chosen):
    """(specification, last row of the record, final w) of the cells of a sweep that are chosen."""
    from mpi4py import MPI

    from pavg.engine import synchronous
    from pavg.engine.task import bind

    found = []
    for spec in grid.cells(grid.packaged()[f"zhang2016/{sweep}"]):
        if chosen(spec):
            [record] = synchronous.run(MPI.COMM_SELF, bind(spec, None))
            found.append((spec, record.rows[-1], record.w))
    return found


def few_of_example1(spec):
    return spec.seed < 2


def few_of_example2(spec):
    return spec.seed < 40 and spec.stop.steps in (1, 16, 128)


def few_of_lemma1(spec):
    usual = spec.P == 8 and spec.problem.beta == 1.0 and spec.step_size.value == 0.4
    return usual and spec.seed < 40 and spec.method.zeta in (0.0, 0.1, 0.7)


def few_of_pca(spec):
    return spec.seed == 0 and spec.stop.steps == 60 and spec.method.K in (10, "all")


@pytest.fixture(scope="module")
def found():
    """Sweep → ends of a few of its cells."""
    few = [(name[7:], choice) for name, choice in globals().items() if name.startswith("few_of")]
    made = in_processes(ends_of_all, [(few,)])
    return dict(zip([name for name, _ in few], made[0], strict=True))


def ends_of_all(few):
    return [ends(*one) for one in few]


def runs(found, **columns):
    """What `analysis.runs` tells of these ends, as far as figures ask."""
    table = pd.DataFrame([row for _, row, _ in found])
    table["P"] = [spec.P for spec, _, _ in found]
    table["seed"] = [spec.seed for spec, _, _ in found]
    table["gamma"] = [spec.step_size.value for spec, _, _ in found]
    for name, of in columns.items():
        table[name] = [of(spec) for spec, _, _ in found]
    return table


def test_example_1_averages_are_the_same_whatever_the_schedule(found):
    """1e-12 is ten thousand roundings; they are apart by a few."""
    for seed in (0, 1):
        for spread in (0.0, 1.0):
            some = [
                one for one in found["example1"] if (one[0].seed, one[0].problem.spread) == (seed, spread)
            ]
            w = np.array([w for _, _, w in some])
            assert {row["local_steps"] for _, row, _ in some} == {STEPS}
            assert len({row["rounds"] for _, row, _ in some}) >= 6  # schedules do differ
            apart = np.ptp(w, axis=0).max() / np.abs(w).max()
            assert apart < 1e-12 if spread == 0.0 else apart > 1e-3


def example2_runs(found):
    config = '{"problem": {"name": "quadratic"}}'
    return runs(found["example2"], config=lambda spec: config)


def test_example_2_the_variance_is_that_of_the_recursion_and_above_the_printed_bound(found):
    values = figures.example2_values(example2_runs(found)).set_index("k")
    assert (np.abs(values["mean"] - values["exact"]) < 4 * values["error"]).all()
    assert (values["exact"] <= values["bound"] * (1 + 1e-12)).all()
    late = values.loc[[16, 128]]
    assert (late["mean"] > late["printed"] + 4 * late["error"]).all()


def lemma1_runs(found):
    names = ("beta", "sigma", "c")
    columns = {f"problem_{name}": (lambda spec, name=name: getattr(spec.problem, name)) for name in names}
    return runs(found["lemma1"], method_zeta=lambda spec: spec.method.zeta, **columns)


def test_lemma_1_holds_for_ends_of_runs(found):
    values = figures.lemma1_values(lemma1_runs(found))
    assert list(values["zeta"]) == [0.0, 0.1, 0.7] and (values["seeds"] == 40).all()
    assert (values["off"].abs() < 4).all()


def pca_runs(found):
    columns = {f"problem_{name}": (lambda spec, name=name: getattr(spec.problem, name))
               for name in ("samples_each", "spectrum", "normalised")}  # fmt: skip
    columns |= {
        "partition": lambda spec: type(spec.partition).__name__.lower(),
        "sampling": lambda spec: spec.sampling,
    }
    return runs(found["pca"], stop_steps=lambda spec: spec.stop.steps, **columns)


def test_each_reading_of_the_text_on_pca_is_run(found):
    values = figures.pca_values(pca_runs(found))
    assert set(values["averagings"]) == {1, 6} and (values["seeds"] == 1).all()
    readings = values[["source", "spectrum", "normalised"]].drop_duplicates()
    gain = figures.pca_gain(pca_runs(found))
    of = values.set_index(list(gain.columns[:5]) + ["averagings"])["mean"].unstack()
    np.testing.assert_allclose((of[1] - of[6]).to_numpy(), gain["mean"], atol=1e-15)
    assert len(readings) == 16 and set(readings["source"]) == set(figures.SOURCES)


def test_figures_are_drawn(found, tmp_path):
    from pavg.report.figures import save

    wells = pd.DataFrame({"method_zeta": [0.0, 0.0, 0.1, 0.1], "loss": [0.9, 0.95, 0.02, 0.01]})
    periods = pd.DataFrame(
        {"P": [24, 24, 24, 1], "period": [1.0, 10.0, np.inf, np.inf], "loss": [0.1, 0.2, 0.9, 0.1]}
    )
    drawn = [
        figures.example2(example2_runs(found)),
        figures.lemma1(lemma1_runs(found)),
        figures.double_well(wells),
        figures.double_well_k(periods),
        figures.pca(pca_runs(found)),
    ]
    for k, figure in enumerate(drawn):
        save(figure, tmp_path / f"{k}.png", "a figure")
        assert (tmp_path / f"{k}.png").stat().st_size > 1e4
