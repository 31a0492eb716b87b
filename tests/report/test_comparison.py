"""Two folders of results, compared: what pairs, what is refused, what is said."""

import numpy as np
import pytest

from pavg.errors import InputError
from pavg.records.merging import merge
from pavg.report import intervals
from pavg.report.comparison import compare
from pavg.report.pairing import NotComparable, pair
from pavg.settings import flat
from tests.building import a_record, spec_of

MARGIN = 0.05


def a_side(
    folder,
    seconds,
    cpu="a CPU",
    mpi="an MPI",
    loss=0.5,
    facts=(),
    begin=0,
    env=(),
    last=(),
    status="ok",
    **keys,
):
    """Results of one cell, a run a repetition: its training clock is `seconds[r]`.

    Repetition r is dated minute begin + r. facts : of the run; env : of its machine; last : final values;
    keys : of its specification.
    """
    from pavg.records.writing import write

    folder.mkdir(parents=True, exist_ok=True)
    for r, time in enumerate(seconds):
        spec = spec_of(**{"P": 2} | keys, repetition=r)
        record = a_record(rows=2, status=status)
        record.rows[-1] |= {"time_wall": time, "loss": loss, "rounds": 100, "local_steps": 100} | dict(last)
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
        write(path, record, flat(settings) | known, {"cpu": cpu, "mpi_library": mpi} | dict(env))
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
        ({"facts": {"lanes": 8}}, "made in another way: lanes 1, 8"),
        ({"facts": {"beside": 1}}, "made in another way: cells beside it 0, 1"),
        ({"P": 4}, "other work: learners 2, 4"),
        ({"last": {"rounds": 50}}, "other work: rounds 100, 50"),
        ({"last": {"local_steps": 50}}, "other work: local steps 100, 50"),
        ({"last": {"samples": 7}}, "other work: samples"),
        ({"loss": 0.5 * (1 + 2e-8)}, "other losses: they should agree, and differ by 2e-08"),
        ({"loss": 0.4, "barrier": True}, "other losses"),
        ({"loss": 0.4, "averaging": "sparse"}, "other losses"),
        ({"loss": 0.4, "facts": {"R": 1}}, "other losses"),
        ({"loss": 0.4, "evaluate": {"at": [7]}}, "other losses"),
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


def test_runs_made_for_their_losses_have_no_times_to_compare(tmp_path, seconds):
    a, b = (a_side(tmp_path / name, seconds[:1], measure="losses") for name in "ab")
    [cell] = compare(a, b, MARGIN).refused
    assert cell.refused == "made for its losses: no times to compare"
    [cell] = compare(a, a_side(tmp_path / "c", seconds[:1]), MARGIN).refused
    assert cell.refused == "made in another way: measure losses, times"


@pytest.mark.parametrize(
    "loss, other", [(1e3, 1e3 + 5e-6), (-0.5, -0.5 * (1 + 5e-9)), (0.0, -0.0), (np.nan, np.nan)]
)
def test_losses_agree_to_a_part_of_their_size(tmp_path, seconds, loss, other):
    a, b = (a_side(tmp_path / name, seconds, loss=one) for name, one in (("a", loss), ("b", other)))
    assert compare(a, b, MARGIN).whole
    c = a_side(tmp_path / "c", seconds, loss=1.1 * loss if loss and loss == loss else 0.5)
    assert not compare(a, c, MARGIN).whole


def test_losses_may_differ_where_what_is_compared_changes_them_or_it_is_said(tmp_path, seconds):
    a = a_side(tmp_path / "a", seconds)
    b = a_side(tmp_path / "b", seconds, loss=0.4, step_size=0.01)
    c = a_side(tmp_path / "c", seconds, loss=0.4)
    assert compare(a, b, MARGIN).compared[0].cell.losses is None
    assert compare(a, c, MARGIN, ["losses"]).whole and not compare(a, c, MARGIN).whole


@pytest.mark.parametrize(
    "what, other",
    [
        ("machine", {"cpu": "another"}),
        ("mpi", {"mpi": "another"}),
        ("data", {"facts": {"data_checksum": "another"}}),
    ],
)
def test_another_machine_or_mpi_is_compared_only_where_it_is_said(tmp_path, seconds, what, other):
    a = a_side(tmp_path / "a", seconds, facts={"data_checksum": "one"})
    b = a_side(tmp_path / "b", seconds, **{"facts": {"data_checksum": "one"}} | other)
    with pytest.raises(NotComparable, match=f"another {what}: .* and another; .*--across {what}"):
        compare(a, b, MARGIN)
    assert "another" in compare(a, b, MARGIN, [what]).pairing.differs.popitem()[1]


def test_what_tells_the_sides_apart_is_said_and_names_and_places_are_not(tmp_path, seconds):
    a = a_side(tmp_path / "a", seconds, env={"OMP_NUM_THREADS": "1", "NUMBA_CACHE_DIR": "here"})
    b = a_side(
        tmp_path / "b", seconds[:5], env={"OMP_NUM_THREADS": "2", "NUMBA_CACHE_DIR": "there", "X": "1"}
    )
    a_side(tmp_path / "b", seconds, name="another", seed=1, env={"OMP_NUM_THREADS": "1"})
    assert pair(a, b).differs == {"OMP_NUM_THREADS": ("1", "1, 2")}


def test_as_many_cells_as_are_compared_make_the_intervals_wider(tmp_path, seconds):
    for K in (4, 8, 16):
        for side, factor in (("a", 1), ("b", 1.2)):
            other = {"facts": {"beside": 1}} if (K, side) == (16, "b") else {}
            method = {"name": "periodic", "K": K}
            a_side(tmp_path / side, factor * seconds, method=method, begin=20 * K % 60, **other)
    found = compare(tmp_path / "a", tmp_path / "b", MARGIN)
    assert len(found.compared) == 2 and len(found.refused) == 1
    expected = intervals.paired(seconds, 1.2 * seconds, 2)
    assert [one.interval for one in found.compared] == [expected] * 2


def test_files_of_no_whole_run_are_left_out_and_said(tmp_path, seconds):
    a, b = (a_side(tmp_path / name, seconds) for name in "ab")
    (a / "broken.h5").write_text("no HDF5")
    for seed, status in ((1, "failed"), (2, "interrupted"), (3, "diverged")):
        a_side(b, seconds[:1], seed=seed, status=status, begin=20)
    found = pair(a, b)
    said = found.left_out
    assert len(said) == 3 and any("broken.h5" in one for one in said)
    assert {one.rpartition(" ")[2] for one in said} > {"failed", "interrupted"}
    assert len(found.cells) == 1 and len(found.alone["B"]) == 1


def test_cells_of_one_name_are_told_apart_by_their_settings(tmp_path, seconds):
    for side in "ab":
        for begin, batch_size in ((0, 1), (20, 2)):
            a_side(tmp_path / side, seconds, batch_size=batch_size, begin=begin)
    names = [cell.name for cell in pair(tmp_path / "a", tmp_path / "b").cells]
    assert sorted(names) == [f"P002-K0004-s0-R2 batch_size={B}" for B in (1, 2)]


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
