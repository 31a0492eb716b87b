"""Random runs are those of the reference: plain NumPy, written from the documents (`tests.reference`)."""

import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse
from hypothesis import HealthCheck, event, given, seed, settings
from hypothesis import strategies as st
from mpi4py import MPI

from pavg import spec
from pavg.data import layouts
from pavg.data.store import Store
from pavg.engine import synchronous
from pavg.engine.checkpoint import Checkpoints
from pavg.engine.observation import Care
from pavg.engine.task import Binder
from pavg.records.layout import VARIABLES
from tests.reference.problems import PROBLEMS
from tests.reference.runs import Run
from tests.reference.specifications import LINEAR, specifications

pytestmark = pytest.mark.mpi
comm = MPI.COMM_WORLD
WORLD = comm.Get_size()
WORLDS = [comm.Split(comm.Get_rank() < size) for size in range(WORLD + 1)]
METHODS = ("periodic", "varying", "stochastic", "gradient-allreduce")  # the last one has no lanes
EXACT = ("ticks", "local_steps", "rounds", "samples", "bytes")


def everywhere(test):
    """Examples of $PAVG_TEST_SEED, $PAVG_TEST_EXAMPLES of them: the same ones on every rank."""
    number = int(os.environ.get("PAVG_TEST_EXAMPLES", 2))
    chosen = settings(max_examples=number, database=None, suppress_health_check=list(HealthCheck))
    return seed(int(os.environ.get("PAVG_TEST_SEED", 0)))(chosen(test))


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
    if samples is not None and tables[0]["problem"]["name"] == "logistic":  # the larger label is +1
        one = samples["y"].max()
        signs = {key: np.where(samples[key] == one, 1.0, -1.0) for key in ("y", "y_test") if key in samples}
        samples = samples | signs
    if len(tables) > 1:  # lanes average all coordinates
        tables = [table | {"averaging": "dense"} for table in tables]
    return [Run(table, samples).run() for table in tables]


def task_of(tables, samples):
    data = {} if samples is None else {"data": {"name": "breast_cancer"}}
    specs = [spec.build({"name": "test"} | table | data, "test") for table in tables]
    return Binder().bind(specs, store_of(samples))


def records(tables, samples, size=WORLD, care=None):
    """What pavg makes of them on so many ranks, the same on all that there are."""
    size, found = min(size, tables[0]["P"]), None
    if comm.Get_rank() < size:
        found = synchronous.run(WORLDS[size], task_of(tables, samples), care)
    return comm.bcast(found)


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
    """Counts to the last one, values to rounding."""
    found = {name: a for name, a in record.arrays().items() if VARIABLES[name][1] != "s"}
    expected = {name: np.array([row[name] for row in reference.rows]) for name in reference.rows[0]}
    assert found.keys() == expected.keys()
    for name in EXACT:
        np.testing.assert_array_equal(found[name], expected[name], err_msg=name)
    assert (record.status, record.reason.split()[0]) == (reference.status, reference.reason.split()[0])
    scale = 1e-12 * np.abs(reference.w).max()
    np.testing.assert_allclose(record.w, reference.w, rtol=1e-10, atol=scale, err_msg="w")
    for name in found.keys() - set(EXACT):
        noise = 1e-12 * max(1.0, np.abs(expected[name]).max())
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-10, atol=noise, err_msg=name)


@st.composite
def ways(draw):
    """(name, arguments) of how pavg runs."""
    name = draw(st.sampled_from(["compiled", "PAVG_ROUNDS", "PAVG_KERNELS", "resumed"]))
    if name != "resumed":
        return name, ()
    return name, (draw(st.integers(1, 200)), draw(st.permutations([WORLD, draw(st.integers(1, WORLD))])))


def assert_as_the_reference(drawn, way):
    (tables, samples), (name, arguments) = drawn, way
    with pytest.MonkeyPatch.context() as patch:
        if name.startswith("PAVG"):
            patch.setenv(name, "reference")
        found = (resumed if arguments else records)(tables, samples, *arguments)
    for record, reference in zip(found, references(tables, samples), strict=True):
        event(f"{name}: {record.status}, {reference.reason}")
        assert_equal(record, reference)


@everywhere
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("problem", PROBLEMS)
@given(st.data())
def test_a_run_is_that_of_the_reference(problem, method, data):
    drawn, way = data.draw(specifications(problem, method)), data.draw(ways())
    assert_as_the_reference(drawn, way)


@everywhere
@pytest.mark.parametrize("method", METHODS[:3])
@pytest.mark.parametrize("problem", LINEAR)
@given(st.data())
def test_so_is_each_of_several_step_sizes_side_by_side(problem, method, data):
    drawn, way = data.draw(specifications(problem, method, lanes=True)), data.draw(ways())
    assert_as_the_reference(drawn, way)
