"""Writing stores block by block: the same store however it is cut, in bounded memory, whole or not there."""

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix, random

from pavg.data import open_store, prepare
from pavg.data.writing import Writer
from pavg.errors import InputError
from pavg.spec import Data

M = csr_matrix(random(60, 11, 0.3, random_state=0))
LABELS = np.arange(60.0)


def written(folder, blocks, held=(), **options):
    with Writer(folder / "made.h5") as writer:
        for X, y in blocks:
            writer.add("train", X, y)
        for X, y in held:
            writer.add("test", X, y)
        writer.finish(name="made", **options)
    assert [path.name for path in folder.iterdir()] == ["made.h5"]
    return open_store(folder / "made.h5")


@pytest.mark.parametrize("options", ({}, {"test": 0.3}, {"scale": "unit_rows", "test": 0.3}))
@pytest.mark.parametrize("layout", ("dense", "csr"))
@settings(max_examples=30)
@given(cuts=st.lists(st.integers(0, 60)), dense=st.booleans())
def test_blocks_change_nothing(tmp_path_factory, layout, options, cuts, dense):
    edges = [0, *sorted(cuts), 60]
    blocks = [
        (M[a:b].toarray() if dense else M[a:b], LABELS[a:b]) for a, b in zip(edges, edges[1:], strict=False)
    ]
    cut, whole = (
        written(tmp_path_factory.mktemp("stores"), parts, layout=layout, **options)
        for parts in (blocks, [(M, LABELS)])
    )
    assert cut.checksum == whole.checksum and cut.attrs["nnz"] == whole.attrs["nnz"]


def test_the_widest_block_decides_and_the_caller_may_ask_for_more(tmp_path):
    blocks = [(M[:30, :4], LABELS[:30]), (M[30:], LABELS[30:])]
    assert written(tmp_path, blocks).n_features == 11
    assert written(tmp_path, blocks, [(M[:3, :2], LABELS[:3])], n_features=20).n_features == 20


def test_the_checksum_is_of_all_arrays_and_of_their_number_of_features(tmp_path):
    def checksum(held=(), **options):
        return written(tmp_path, [(M, LABELS)], held, **options).checksum

    made = [checksum(layout=layout, n_features=d) for layout in ("dense", "csr") for d in (11, 12)]
    made += [checksum([(M[:3], LABELS[:3])]), checksum([(M[:3], LABELS[1:4])]), checksum(dtype="float32")]
    assert len(set(made)) == len(made)


def test_attributes_of_the_caller_are_kept(tmp_path):
    store = written(tmp_path, [(M, LABELS)], attrs={"source": "made up", "rank": 3})
    assert store.attrs["source"] == "made up" and store.attrs["rank"] == 3


def test_nothing_is_left_without_finish_or_without_samples(tmp_path):
    with Writer(tmp_path / "made.h5") as writer:
        writer.add("train", M, LABELS)
    with pytest.raises(InputError, match="no samples with features"):
        written(tmp_path, [])
    with pytest.raises(ZeroDivisionError), Writer(tmp_path / "made.h5") as writer:
        writer.add("train", M, LABELS / (1 // 0))
    assert list(tmp_path.iterdir()) == []


def test_progress_goes_from_stage_to_stage_and_ends_at_its_total(stores, save, tmp_path):
    seen = {}

    def progress(stage, done, total):
        assert seen.get(stage, (0, total))[0] <= done <= total
        seen[stage] = done, total

    path = save("".join(f"{i} 1:{i + 1} 2:1\n" for i in range(5000)))
    prepare(Data(path=path, test=0.5, scale="standardize"), progress)
    assert list(seen) == ["reading", "source checksum", "scaling", "writing", "checksum"]
    assert all(done == total for done, total in seen.values())


CONVERTS = """
import resource, sys
from pavg.data import formats, prepare
from pavg.data.formats import text
from pavg.errors import InputError
from pavg.spec import Data
text.CHUNK = 1 << 20
limit = int(sys.argv[3])
if limit: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
prepare(Data(path=sys.argv[1], **eval(sys.argv[2])))
own, workers = (resource.getrusage(w).ru_maxrss for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
print(max(own, workers) // 1024)
"""


def converts(path, options, limit=0):
    return subprocess.run(
        [sys.executable, "-c", CONVERTS, path, repr(options), str(limit)],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """100 MB of LIBSVM text that becomes 160 MB of numbers."""
    path = tmp_path_factory.mktemp("large") / "rows"
    row = " ".join(f"{j}:1" for j in range(1, 201))
    block = "".join(f"{i % 2} {row}\n" for i in range(1000))
    path.write_text(block * 100)
    return str(path)


@pytest.mark.parametrize(
    "options", ({"test": 0.5, "scale": "standardize"}, {"scale": "unit_rows", "layout": "csr"}), ids=str
)
def test_memory_does_not_grow_with_the_file(stores, save, large, options):
    with open(large) as file:
        small = save(file.read(2_000_000).rpartition("\n")[0])
    least, most = (int(converts(path, options).stdout) for path in (small, large))
    assert most < least + 250  # MB: twice the store would be more


def test_a_disk_that_fills_up_while_files_are_read_is_said_and_leaves_nothing(stores, large):
    done = converts(large, {}, limit=1_000_000)
    assert done.returncode == 1
    assert "InputError" in done.stderr and "the store cannot be written: File too large" in done.stderr
    assert list(stores.iterdir()) == []
