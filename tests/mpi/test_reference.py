"""Random runs are those of the reference: plain NumPy, written from the documents (`tests.reference`)."""

import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse
from hypothesis import HealthCheck, Phase, event, given, seed, settings
from hypothesis import strategies as st
from mpi4py import MPI

from pavg import spec
from pavg.comm.agreement import rest
from pavg.data import layouts
from pavg.data.store import Store
from pavg.engine import synchronous
from pavg.engine.checkpoint import Checkpoints
from pavg.engine.observation import Care
from pavg.engine.task import Binder
from pavg.records.layout import VARIABLES
from tests.reference.problems import PROBLEMS
from tests.reference.runs import Run
from tests.reference.specifications import CLASSES, LINEAR, specifications

pytestmark = pytest.mark.mpi
comm = MPI.COMM_WORLD
WORLD = comm.Get_size()
WORLDS = [comm.Split(comm.Get_rank() < size) for size in range(WORLD + 1)]
PHASES = [Phase.generate]  # to shrink what differs takes minutes, and it is small as it is
EXACT = {"ticks", "local_steps", "learner_steps", "rounds", "samples", "bytes"}


def examples(strategy, run, check):
    """$PAVG_TEST_EXAMPLES examples of $PAVG_TEST_SEED: drawn by rank 0, run by all, checked by rank 0.

    run : called with an example; check : called with the example and what came out.
    """
    usual = {"EXAMPLES": 15 if WORLD == 1 else 3, "SEED": 0}
    number, first = (int(os.environ.get(f"PAVG_TEST_{key}", n)) for key, n in usual.items())
    if comm.Get_rank() > 0:
        while not isinstance(example := handed(None), bool):
            run(*example)
        assert example, "rank 0 says why"
        return

    @seed(first)
    @settings(max_examples=number, database=None, suppress_health_check=list(HealthCheck), phases=PHASES)
    @given(strategy)
    def of_all(example):
        handed(example)
        check(*example, run(*example))

    passed = False
    try:
        of_all()
        passed = True
    finally:
        handed(passed)


def handed(thing):
    """What rank 0 has, once all are there: ranks that wait leave the cores to those that work."""
    rest(comm)
    return comm.bcast(thing)


def store_of(samples):
    """Samples as pavg keeps them."""
    if samples is None:
        return None
    sparse, dtype = scipy.sparse.issparse(samples["X"]), samples["dtype"]
    made = layouts.csr if sparse else layouts.dense
    parts = [made(samples["X"], samples["y"], dtype), None]
    if "X_test" in samples:
        parts[1] = made(samples["X_test"], samples["y_test"], dtype)
    return Store(
        "memory", "memory", samples["X"].shape[1], *parts, "checksum", "csr" if sparse else "dense", {}
    )


def references(tables, samples):
    """The reference's run of each."""
    if samples is not None and tables[0]["problem"]["name"] in CLASSES:  # the larger label is +1
        one = samples["y"].max()
        signs = {key: np.where(samples[key] == one, 1.0, -1.0) for key in ("y", "y_test") if key in samples}
        samples = samples | signs
    return [Run(table, samples, lanes=len(tables) > 1).run() for table in tables]


def task_of(tables, samples):
    data = {} if samples is None else {"data": {"name": "breast_cancer"}}
    specs = [spec.build({"name": "test"} | table | data, "test") for table in tables]
    return Binder().bind(specs, store_of(samples))


def records(tables, samples, size=WORLD, care=None):
    """What pavg makes of them on so many ranks, the same on all that there are."""
    size, found = min(size, tables[0]["P"]), None
    if comm.Get_rank() < size:
        found = synchronous.run(WORLDS[size], task_of(tables, samples), care)
    return handed(found)


def resumed(tables, samples, steps, sizes):
    """Interrupted at the first stop from `steps` on, on so many ranks, and gone on with on others."""
    folder = comm.bcast(tempfile.mkdtemp() if comm.Get_rank() == 0 else None)
    for size, last in zip(sizes, (steps, np.inf), strict=True):
        care = Care(timeout=1e9, checkpoints=Checkpoints(Path(folder), {"run": "this"}, rounds=3))
        care.on_look = lambda _, t, care=care, last=last: setattr(care, "timeout", -(t >= last) or 1e9)
        found = records(tables, samples, size, care)
    comm.Barrier()
    if comm.Get_rank() == 0:
        shutil.rmtree(folder)
    return found


def assert_equal(record, reference):
    """Counts to the last one; values to 1e-10, and to rounding of what they are the small difference of."""
    found = {name: a for name, a in record.arrays().items() if VARIABLES[name][1] != "s"}
    expected = {name: np.array([row[name] for row in reference.rows]) for name in reference.rows[0]}
    assert found.keys() == expected.keys()
    assert (record.status, record.reason.split()[0]) == (reference.status, reference.reason.split()[0])
    for name in found.keys() & EXACT:
        np.testing.assert_array_equal(found[name], expected[name], err_msg=name)
    least = 1e-15 + 1e-12 * np.abs(reference.w).max()
    np.testing.assert_allclose(record.w, reference.w, rtol=1e-10, atol=least, err_msg="w")
    for name in sorted(found.keys() - EXACT):
        least = 1e-20 + 1e-12 * np.abs(expected[name]).max() if name == "drift" else 1e-12
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-10, atol=least, err_msg=name)


@st.composite
def runs(draw, problem, **more):
    """(specifications and samples, name and arguments of how pavg runs them)."""
    how, arguments = draw(st.sampled_from(["compiled", "PAVG_ROUNDS", "PAVG_KERNELS", "resumed"])), ()
    if how == "resumed":
        arguments = draw(st.integers(1, 200)), draw(st.permutations([WORLD, draw(st.integers(1, WORLD))]))
    return draw(specifications(problem, **more)), (how, arguments)


def run(drawn, way):
    how, arguments = way
    with pytest.MonkeyPatch.context() as patch:
        if how.startswith("PAVG"):
            patch.setenv(how, "reference")
        return (resumed if arguments else records)(*drawn, *arguments)


def check(drawn, way, found):
    for record, reference in zip(found, references(*drawn), strict=True):
        event(f"{way[0]}: {record.status}, {reference.reason}")
        assert_equal(record, reference)


@pytest.mark.parametrize("kind", [*PROBLEMS, *(f"{problem} on CSR" for problem in LINEAR)])
def test_a_run_is_that_of_the_reference(kind):
    problem, _, layout = kind.partition(" on ")
    examples(runs(problem, csr=layout == "CSR"), run, check)


@pytest.mark.parametrize("csr", [False, True])
@pytest.mark.parametrize("problem", LINEAR)
def test_so_is_each_of_several_step_sizes_side_by_side(problem, csr):
    examples(runs(problem, csr=csr, lanes=True), run, check)
