"""Asynchronous and virtual cells in a sweep: names, ranks, what is refused."""

import pytest

from pavg.errors import InputError
from pavg.records.names import run_id
from pavg.slurm.plan import plan
from pavg.sweep import expected, grid
from pavg.sweep.cells import needed, paired, ranks, repeated
from tests.building import spec_of

DOWNPOUR = {"name": "downpour", "K": 16, "servers": 2}
CLOCK = {"compute": {"mean": 1.0}}


def spec(method=DOWNPOUR, **keys):
    return spec_of(**({"problem": "noisy-quadratic", "method": method, "P": 8} | keys))


def test_a_name_has_the_learners_ranks_and_none_in_virtual_time():
    assert run_id(spec(), 8, {}).startswith("P008-downpour-K0016-s0-R8-r0-")
    assert run_id(spec({"name": "eamsgd", "K": 4}, clock=CLOCK), 1, {}).startswith("P008-eamsgd-K0004-s0-")
    periodic = {"name": "periodic", "K": 4}
    assert run_id(spec(periodic, clock=CLOCK), 1, {}) == run_id(spec(periodic, clock=CLOCK), 4, {})


def test_a_cell_takes_a_rank_for_each_learner_and_server_or_one_in_virtual_time():
    assert [(ranks(spec(), size), needed(spec(), size)) for size in (1, 4, 16)] == [(8, 10)] * 3
    virtual = spec(clock=CLOCK)
    assert [(ranks(virtual, size), needed(virtual, size)) for size in (1, 4)] == [(1, 1)] * 2
    synchronous = spec({"name": "periodic", "K": 4}, clock=CLOCK)
    assert [needed(synchronous, size) for size in (1, 4, 16)] == [1, 4, 8]


def test_jobs_of_slurm_have_ranks_for_servers_too():
    (job,) = plan([spec()], "array")
    assert (job.ranks, job.part) == (10, "P008")
    (job,) = plan([spec(clock=CLOCK)], "array")
    assert (job.ranks, job.part) == (1, "P008-R1")
    with pytest.raises(InputError, match="10 ranks, 8 learners and 2 servers .*; the jobs have 9"):
        plan([spec()], "allocation", 9)


def test_what_is_the_same_each_time_is_not_repeated_and_what_never_stops_takes_no_turns():
    with pytest.raises(InputError, match="virtual times are the same each time"):
        repeated([spec(clock=CLOCK)], 2)
    with pytest.raises(InputError, match="virtual times do not depend on turns"):
        paired([spec(clock=CLOCK)], [spec(name="other")], 1)
    with pytest.raises(InputError, match="no stops at which to take turns"):
        paired([spec()], [spec(name="other")], 1)


@pytest.mark.parametrize(
    "keys, said",
    [
        ({"compute": {}}, "clock.compute: expected a mean above 0, or a trace"),
        ({"compute": {"mean": 1.0, "trace": "x.csv"}}, "clock.compute: expected a trace or a mean"),
        ({"compute": {"mean": 1.0}, "comm": {"trace": "x", "law": "exponential"}}, "clock.comm: expected a"),
        ({"compute": {"mean": 1.0}, "slow": [1.0] * 9}, "9 factors for P = 8 learners"),
        ({"compute": {"mean": 1.0}, "slow": [0.0]}, "clock.slow"),
        ({"comm": {"mean": 1.0}}, "clock.compute: missing"),
        ({"name": "real", "compute": {"mean": 1.0}}, 'clock.name = "real"'),
        ({"compute": 1.0}, "clock.compute = 1.0: expected a table"),
    ],
)
def test_a_clock_that_cannot_be_meant_is_refused(keys, said):
    with pytest.raises(InputError) as refused:
        spec(clock=keys)
    assert said in str(refused.value)


@pytest.mark.parametrize("keys", [{"barrier": True}, {"repetition": 1}], ids=str)
def test_what_virtual_time_knows_or_has_but_once_is_refused(keys):
    with pytest.raises(InputError, match=f"{next(iter(keys))}: virtual time"):
        spec({"name": "periodic", "K": 4}, clock=CLOCK, **keys)


def test_a_trace_is_known_by_what_stands_in_it(tmp_path):
    text = """
P = 2
step_size = 0.1
stop.steps = 10
problem = "double-well"
method = {name = "downpour", K = 2}
clock.compute.trace = "seconds.csv"
"""
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "s.toml").write_text(text)
        (tmp_path / folder / "seconds.csv").write_text("1,2\n")
    paths = [tmp_path / folder / "s.toml" for folder in ("a", "b")]
    (one,), (other,) = (grid.cells(path) for path in paths)
    assert one.clock.compute.trace == str(tmp_path / "a" / "seconds.csv")
    assert run_id(one, 1, {}) == run_id(other, 1, {})
    (before,) = expected.cells(str(paths[0]), tmp_path)
    (tmp_path / "a" / "seconds.csv").write_text("1,3\n")
    (after,) = expected.cells(str(paths[0]), tmp_path)
    assert before.run_id == run_id(other, 1, {}) != after.run_id == run_id(one, 1, {})
    (tmp_path / "a" / "seconds.csv").unlink()
    with pytest.raises(InputError, match="seconds.csv: cannot be read"):
        run_id(one, 1, {})
