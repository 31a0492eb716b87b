"""Two folders of results, compared: what pairs, what is refused, what is said."""

import numpy as np
import pytest

from pavg.errors import InputError
from pavg.records.merging import merge
from pavg.report.comparison import compare
from pavg.report.pairing import NotComparable, pair
from pavg.settings import flat
from tests.building import a_record, spec_of

MARGIN = 0.05


def a_side(folder, seconds, cpu="a CPU", mpi="an MPI", loss=0.5, facts=(), begin=0, **keys):
    """Results of one cell, a run a repetition: its training clock is `seconds[r]`.

    Repetition r is dated minute begin + r. facts : of the run; keys : of its specification.
    """
    from pavg.records.writing import write

    folder.mkdir(parents=True, exist_ok=True)
    for r, time in enumerate(seconds):
        spec = spec_of(P=2, repetition=r, **keys)
        record = a_record(rows=2)
        record.rows[-1] |= {"time_wall": time, "loss": loss, "rounds": 100, "local_steps": 100}
        settings = spec.settings()
        known = {
            "run_id": f"P002-{spec.method.label}-s{spec.seed}-R2-r{r}-0123456789",
            "label": spec.method.label,
        }
        known |= {
            "R": 2,
            "hosted": False,
            "beside": 0,
            "turn": 0.0,
            "lanes": 1,
            "loop": "compiled",
            "n_features": 4,
        }
        known |= {"config": settings, "git_sha": "abc"} | dict(facts)
        path = folder / f"{known['run_id']}-{spec.problem.name}-{begin}.h5"
        write(path, record, flat(settings) | known, {"cpu": cpu, "mpi_library": mpi})
        dated(path, f"2026-01-01T00:{begin + r:02d}:00.000+00:00")
    return folder


def dated(path, date):
    import h5py

    with h5py.File(path, "r+") as file:
        file.attrs["date"] = date


@pytest.fixture
def seconds():
    return np.random.default_rng(0).lognormal(0, 0.01, 10)


def test_a_setting_that_tells_the_sides_apart_is_what_is_compared(tmp_path, seconds):
    a = a_side(tmp_path / "a", seconds)
    b = a_side(tmp_path / "b", 1.2 * seconds, reduction="reproducible", facts={"git_sha": "def"})
    found = compare(a, b, MARGIN)
    [one] = found.compared
    assert one.verdict == "worse" and one.interval.ratio == pytest.approx(1.2) and found.whole
    assert found.pairing.differs == {"reduction": ("mpi", "reproducible"), "git_sha": ("abc", "def")}
    assert one.rounds == pytest.approx((0.01, 0.012), rel=0.1) and one.cell.losses == 0.0


def test_cells_pair_by_all_other_settings_and_those_without_a_partner_are_named(tmp_path, seconds):
    for K in (4, 8):
        a_side(tmp_path / "a", seconds, method={"name": "periodic", "K": K})
    a_side(tmp_path / "b", 0.5 * seconds, method={"name": "periodic", "K": 8})
    a_side(tmp_path / "b", seconds, method={"name": "periodic", "K": 16})
    found = compare(tmp_path / "a", tmp_path / "b", MARGIN)
    assert [one.cell.name for one in found.compared] == ["P002-K0008-s0-R2"]
    assert found.compared[0].verdict == "better" and not found.whole
    assert found.pairing.alone == {"A": ["P002-K0004-s0-R2"], "B": ["P002-K0016-s0-R2"]}


def test_merged_files_give_what_folders_give(tmp_path, seconds):
    a, b = a_side(tmp_path / "a", seconds), a_side(tmp_path / "b", 1.2 * seconds)
    for side in (a, b):
        merge([side], side.with_suffix(".h5"))
    folders, merged = compare(a, b, MARGIN), compare(a.with_suffix(".h5"), b.with_suffix(".h5"), MARGIN)
    assert [(one.interval, one.verdict) for one in folders.compared] == [
        (one.interval, one.verdict) for one in merged.compared
    ]


@pytest.mark.parametrize(
    "other, reason",
    [
        ({"facts": {"n_features": 5}}, "other work: entries of the model 4, 5"),
        ({"problem": "pca"}, "other work: problem"),
        ({"facts": {"hosted": True}}, "made in another way: learners hosted on fewer ranks"),
        ({"facts": {"turn": 0.002}}, "made in another way: seconds of a turn 0.0, 0.002"),
        ({"loss": 0.51}, "other losses: they should agree, and differ by 0.02"),
        ({"loss": np.nan}, "other losses: they should agree, and differ by nan"),
    ],
)
def test_what_did_something_else_is_refused_and_named(tmp_path, seconds, other, reason):
    a, b = a_side(tmp_path / "a", seconds), a_side(tmp_path / "b", seconds, **other)
    found = compare(a, b, MARGIN)
    assert not found.compared and not found.whole
    [cell] = found.refused
    assert cell.refused.startswith(reason)


def test_losses_may_differ_where_what_is_compared_changes_them_or_it_is_said(tmp_path, seconds):
    a = a_side(tmp_path / "a", seconds)
    b = a_side(tmp_path / "b", seconds, loss=0.4, step_size=0.01)
    c = a_side(tmp_path / "c", seconds, loss=0.4)
    assert compare(a, b, MARGIN).compared[0].cell.losses is None
    assert compare(a, c, MARGIN, ["losses"]).whole and not compare(a, c, MARGIN).whole


@pytest.mark.parametrize("what, other", [("machine", {"cpu": "another"}), ("mpi", {"mpi": "another"})])
def test_another_machine_or_mpi_is_compared_only_where_it_is_said(tmp_path, seconds, what, other):
    a, b = a_side(tmp_path / "a", seconds), a_side(tmp_path / "b", seconds, **other)
    with pytest.raises(NotComparable, match=f"another {what}: .* and another; .*--across {what}"):
        compare(a, b, MARGIN)
    assert "another" in compare(a, b, MARGIN, [what]).pairing.differs.popitem()[1]


def test_runs_made_by_turns_pair_and_others_do_not(tmp_path, seconds):
    a = a_side(tmp_path / "a", seconds)
    turns = a_side(tmp_path / "turns", seconds)
    after = a_side(tmp_path / "after", seconds, begin=20)
    assert pair(a, turns).cells[0].turns and not pair(a, after).cells[0].turns
    fewer = a_side(tmp_path / "fewer", seconds[:5])
    assert not pair(a, fewer).cells[0].turns


def test_pairs_know_more_than_heaps_where_the_machine_drifts(tmp_path):
    rng = np.random.default_rng(1)
    drift = np.exp(np.linspace(0, 1, 10))
    a = a_side(tmp_path / "a", drift)
    b = a_side(tmp_path / "b", 1.1 * drift * rng.lognormal(0, 0.01, 10))
    after = a_side(tmp_path / "after", 1.1 * drift, begin=20)
    assert compare(a, b, MARGIN).compared[0].verdict == "worse"
    heaps = compare(a, after, MARGIN).compared[0]
    assert heaps.verdict == "cannot tell" and heaps.interval.high / heaps.interval.low > 2


def test_heaps_of_runs_get_a_verdict_only_on_two_machines_which_cannot_take_turns(tmp_path, seconds):
    a = a_side(tmp_path / "a", seconds)
    after = a_side(tmp_path / "after", 2 * seconds, begin=20)
    elsewhere = a_side(tmp_path / "elsewhere", 2 * seconds, begin=20, cpu="another")
    assert compare(a, after, MARGIN).compared[0].verdict == "cannot tell"
    assert compare(a, elsewhere, MARGIN, ["machine"]).compared[0].verdict == "worse"


def test_a_run_that_is_there_twice_is_bad_input(tmp_path, seconds):
    a = a_side(tmp_path / "a", seconds)
    a_side(tmp_path / "a" / "again", seconds, begin=20)
    with pytest.raises(InputError, match="is there twice"):
        compare(a, a, MARGIN)


def test_sides_without_a_common_cell_are_refused_with_what_differs(tmp_path, seconds):
    for seed in (0, 1):
        a_side(tmp_path / "a", seconds, seed=seed)
        a_side(tmp_path / "b", seconds, seed=seed + 2)
    with pytest.raises(NotComparable, match="seed: 0, 1 and 2, 3"):
        compare(tmp_path / "a", tmp_path / "b", MARGIN)
