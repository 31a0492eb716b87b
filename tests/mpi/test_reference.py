"""Random specifications end as in the reference: plain NumPy, written from the documents (`tests.reference`)."""

import os
import tempfile

import numpy as np
import pytest
import scipy.sparse
from hypothesis import HealthCheck, Phase, event, given, seed, settings
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
from tests.reference.runs import Run
from tests.reference.specifications import specifications

pytestmark = pytest.mark.mpi
comm = MPI.COMM_WORLD
WORLDS = [comm.Split(comm.Get_rank() < size, comm.Get_rank()) for size in range(comm.Get_size() + 1)]
EXACT = ("ticks", "local_steps", "rounds", "samples", "bytes")
SHARES = ("accuracy", "test_accuracy")


def everywhere(test):
    """$PAVG_TEST_SPECIFICATIONS examples of $PAVG_TEST_SEED, the same on every rank."""
    number = int(os.environ.get("PAVG_TEST_SPECIFICATIONS", 25))
    chosen = settings(
        max_examples=number,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
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


def records(tables, samples, size, care=None, **environment):
    """What pavg makes of them on so many ranks, the same on all that there are."""
    size, found = min(size, comm.Get_size(), tables[0]["P"]), None
    if comm.Get_rank() < size:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(name, value)
            found = synchronous.run(WORLDS[size], task_of(tables, samples), care)
    return comm.bcast(found)


def paused(tables, samples, steps, sizes):
    """Interrupted at the first stop from `steps` on, and gone on with: on the first, then the second size."""
    folder = comm.bcast(tempfile.TemporaryDirectory() if comm.Get_rank() == 0 else None)
    care = Care(timeout=1e9, checkpoints=Checkpoints(folder.name, {"run": "this"}, rounds=3))
    care.on_look = lambda observer, t: setattr(care, "timeout", -1.0 if t >= steps else 1e9)
    records(tables, samples, sizes[0], care)
    found = records(tables, samples, sizes[1], Care(checkpoints=Checkpoints(folder.name, {"run": "this"})))
    comm.Barrier()
    return found


def assert_equal(record, reference, samples):
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


def counted(tables, samples, how):
    """For --hypothesis-show-statistics."""
    table = tables[0]
    for key in ("problem", "method", "partition", "step_size", "batch_size"):
        value = table.get(key)
        event(f"{key}: {value['name'] if isinstance(value, dict) else 'constant' if value else '-'}")
    for key in ("sampling", "weights", "averaging", "reduction", "momentum_at_average"):
        event(f"{key}: {table.get(key, '-')}")
    event(f"stop: {', '.join(sorted(table['stop']))}")
    event(f"evaluate: {', '.join(sorted(table['evaluate']))}")
    event(f"how: {how}")
    event(f"samples: {'-' if samples is None else type(samples['X']).__name__ + samples['dtype'].__name__}")


@everywhere
@given(drawn=specifications(), how=st.sampled_from(["compiled", "PAVG_ROUNDS", "PAVG_KERNELS"]))
def test_a_run_is_that_of_the_reference(drawn, how):
    tables, samples = drawn
    environment = {} if how == "compiled" else {how: "reference"}
    (record,), (reference,) = records(tables, samples, 99, **environment), references(tables, samples)
    counted(tables, samples, how)
    event(f"status: {record.status}, {record.reason.split()[0]}")
    assert_equal(record, reference, samples)
