"""The store: what is in it, how it lies in the file, and that it is there whole or not at all."""

import hashlib
import os
import re
import shutil
import socket
import subprocess
import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.sparse import csr_matrix
from sklearn.datasets import load_digits, load_svmlight_file
from sklearn.preprocessing import StandardScaler, normalize

from pavg import streams
from pavg.data import layouts, located, open_store, prepare, scaling
from pavg.data.layouts import CSR, Dense
from pavg.errors import InputError
from pavg.spec import Data

DIGITS = Data(name="digits", test=0.2)
SPARSE = "1 1:0.5 20:2\n-1 3:4\n1 2:1 4:-1 9:1\n-1 20:7\n"


def opened(data):
    return open_store(prepare(data))


def matrix(samples, d):
    """The dense (n, d) matrix that a part of a store stands for."""
    if isinstance(samples, Dense):
        return samples.X[:, :d]
    shape = samples.n, d + 1
    return csr_matrix((samples.values, samples.columns, samples.indptr), shape).toarray()[:, :d]


def arrays_of(store):
    return [a for part in (store.train, store.test) if part is not None for a in vars(part).values()]


def run(code, *arguments):
    """Another Python with this code, and pavg on its path; not waited for."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )


# --- what is in it


@pytest.mark.parametrize("layout", ("dense", "csr"))
@pytest.mark.parametrize("name", ("a9a/a9a", "small-libsvm/heart_scale", "small-libsvm/german.numer_scale"))
def test_a_store_holds_what_scikit_learn_reads(real_data, stores, name, layout):
    path = str(real_data / name)
    X, y = load_svmlight_file(path, zero_based=False)
    store = opened(Data(path=path, layout=layout))
    assert (store.train.n, store.n_features) == X.shape
    assert store.layout == layout and store.test is None
    np.testing.assert_array_equal(matrix(store.train, store.n_features), X.toarray())
    np.testing.assert_array_equal(store.train.y, y)
    assert store.attrs["nnz"] == X.count_nonzero()


samples = arrays.arrays(
    float,
    st.tuples(st.integers(1, 5), st.integers(1, 20)),
    elements=st.just(0.0) | st.floats(-10, 10),
)


@pytest.mark.parametrize("dtype, line", (("float64", 8), ("float32", 16)))
@given(samples)
def test_both_layouts_stand_for_the_same_matrix_and_pad_to_whole_cache_lines(dtype, line, X):
    n, d = X.shape
    y = np.arange(float(n))
    M = csr_matrix(X)
    dense, csr = layouts.dense(M, y, dtype), layouts.csr(M, y, dtype)
    np.testing.assert_array_equal(matrix(dense, d), X.astype(dtype))
    np.testing.assert_array_equal(matrix(csr, d), X.astype(dtype))
    np.testing.assert_array_equal(layouts.dense(X, y, dtype).X, dense.X)
    assert dense.X.shape[1] % line == 0 and d <= dense.X.shape[1] < d + line
    assert not dense.X[:, d:].any()
    assert not (csr.indptr % 8).any() and csr.indptr[-1] == len(csr.values) == len(csr.columns)
    assert not csr.values[csr.columns == d].any() and csr.columns.max(initial=0) <= d
    assert (csr.columns < d).sum() == np.count_nonzero(X)
    assert (csr.values.dtype, csr.columns.dtype, csr.indptr.dtype) == (dtype, np.uint32, np.int64)
    assert dense.dtype == csr.dtype == dtype and dense.y.dtype == csr.y.dtype == np.float64


@pytest.mark.parametrize("data, layout", ((Data(name="digits"), "dense"), (Data(path="SPARSE"), "csr")))
def test_auto_takes_dense_from_a_quarter_of_nonzeros_on(stores, save, data, layout):
    assert opened(replace(data, path=data.path and save(SPARSE))).layout == layout


def test_the_quarter_itself_is_dense(stores, save):
    assert opened(Data(path=save("1 1:1\n1 8:1\n1 1:1 2:1 3:1 4:1\n"))).layout == "dense"
    assert opened(Data(path=save("1 1:1\n1 8:1\n1 1:1 2:1 3:1\n"))).layout == "csr"


# --- test parts


def test_a_narrower_test_file_gets_the_training_width(real_data, stores):
    train, test = str(real_data / "a9a/a9a"), str(real_data / "a9a/a9a.t")
    store = opened(Data(path=train, test_path=test))
    X, y = load_svmlight_file(test, zero_based=False)
    assert store.n_features == 123 > X.shape[1]
    np.testing.assert_array_equal(matrix(store.test, 123)[:, : X.shape[1]], X.toarray())
    np.testing.assert_array_equal(store.test.y, y)
    assert store.attrs["test_source"] == "a9a.t"


def test_a_wider_test_file_is_refused_with_its_line(stores, save):
    train, test = save("1 2:1\n", "train"), save("1 1:1\n1 3:1\n", "test")
    with pytest.raises(InputError, match=f"{test}, line 2: found index 3 .* expected at most 2 features"):
        prepare(Data(path=train, test_path=test))
    assert list(stores.iterdir()) == []


@pytest.mark.parametrize("share, seed", ((0.1, 0), (0.5, 1), (0.999, 2)))
def test_a_held_out_share_takes_each_row_once_and_keeps_the_files_order(stores, save, share, seed):
    n = 1001
    path = save("".join(f"{i} 1:1\n" for i in range(n)))
    store = opened(Data(path=path, test=share, split_seed=seed))
    assert store.test.n == round(share * n)
    assert (np.diff(store.train.y) > 0).all() and (np.diff(store.test.y) > 0).all()
    np.testing.assert_array_equal(np.union1d(store.train.y, store.test.y), np.arange(n))
    held = streams.generator(seed, "split").permutation(n)[: store.test.n]
    np.testing.assert_array_equal(store.test.y, np.sort(held))


@pytest.mark.parametrize("share, held", ((0.01, 0), (0.99, 4)))
def test_a_share_that_empties_a_part_is_refused(stores, save, share, held):
    with pytest.raises(
        InputError, match=f"data.test = {share}: found 4 samples, .* holds out {held}; expected"
    ):
        prepare(Data(path=save(SPARSE), test=share))


def test_a_test_part_without_any_nonzero_can_be_opened(stores, save):
    store = opened(Data(path=save(SPARSE), test_path=save("1 1:1\n1 20:0\n", "t"), layout="csr"))
    assert store.test.indptr.tolist() == [0, 8, 8]
    path = save("1 1:1 9:1\n" + "-1\n" * 99)
    assert opened(Data(path=path, test=0.5)).checksum


# --- scales


def test_standardize_equals_scikit_learns_scaler_fitted_on_the_training_part(stores):
    plain, scaled = opened(DIGITS), opened(replace(DIGITS, scale="standardize"))
    d = plain.n_features
    scaler = StandardScaler().fit(matrix(plain.train, d))
    for part in ("train", "test"):
        expected = scaler.transform(matrix(getattr(plain, part), d))
        np.testing.assert_allclose(matrix(getattr(scaled, part), d), expected, atol=1e-12)
    with h5py.File(scaled.path) as file:
        np.testing.assert_allclose(file["means"], scaler.mean_, atol=1e-12)
        np.testing.assert_allclose(file["scales"], scaler.scale_, atol=1e-12)


@given(
    arrays.arrays(
        float,
        st.tuples(st.integers(2, 30), st.integers(1, 4)),
        elements=st.floats(-1e6, 1e6, width=32, allow_subnormal=False).map(lambda x: round(x, 3)),
    ),
    st.floats(-1e3, 1e3),
)
def test_a_standardised_column_has_mean_0_and_variance_1_and_a_constant_one_is_0(X, constant):
    X[:, 0] = constant
    varies = np.ptp(X, axis=0) > 1e-6 * np.abs(X).max(axis=0)
    means, scales = scaling.moments(lambda: [X])
    X = (X - means) / scales
    assert not X[:, 0].any() and scales[0] == 1 and means[0] == constant
    np.testing.assert_allclose(X.mean(axis=0)[varies], 0, atol=1e-9)
    np.testing.assert_allclose(X.var(axis=0)[varies], 1, atol=1e-9)


def test_means_and_scales_hang_on_the_size_of_blocks_to_rounding_and_on_how_they_came_not_at_all(monkeypatch):
    X = np.random.default_rng(0).standard_normal((1000, 8))
    whole = scaling.moments(lambda: [X])
    monkeypatch.setattr(scaling, "BLOCK", 7)
    first, second = (
        scaling.moments(lambda cuts=cuts: scaling.regrouped(np.array_split(X, cuts)))
        for cuts in (3, [0, 500, 501, 990])
    )
    np.testing.assert_allclose(first, whole, atol=1e-13)
    np.testing.assert_array_equal(first, second)


def test_standardize_refuses_the_csr_layout_and_says_why(stores, save):
    path = save(SPARSE)
    for layout in ("auto", "csr"):
        with pytest.raises(InputError, match=r"'standardize': found layout csr \(8.8% nonzeros\); expected"):
            prepare(Data(path=path, scale="standardize", layout=layout))
    assert opened(Data(path=path, scale="standardize", layout="dense")).layout == "dense"


@pytest.mark.parametrize("layout", ("dense", "csr"))
def test_unit_rows_equal_scikit_learns_normalize_and_empty_rows_stay(stores, save, layout):
    path = save(SPARSE + "1\n")
    X = load_svmlight_file(path, zero_based=False)[0].toarray()
    store = opened(Data(path=path, scale="unit_rows", layout=layout))
    np.testing.assert_allclose(matrix(store.train, 20), normalize(X), rtol=1e-15)


@pytest.mark.parametrize("scale", ("unit_rows", "standardize"))
@pytest.mark.parametrize("values", ("1e-200 1e-201", "1e200 -1e201"))
def test_values_that_cannot_be_scaled_in_float64_are_refused(stores, save, scale, values):
    path = save("".join(f"1 1:{value}\n" for value in values.split()))
    with pytest.raises(InputError, match=f"data.scale = '{scale}'"):
        prepare(Data(path=path, scale=scale))


# --- float32


@pytest.mark.parametrize(
    "options",
    (
        {"layout": "dense"},
        {"layout": "csr"},
        {"layout": "dense", "scale": "standardize"},
        {"layout": "csr", "scale": "unit_rows"},
    ),
    ids=str,
)
def test_a_float32_store_is_the_float64_store_rounded_once(stores, save, options):
    rng = np.random.default_rng(0)
    path = save(
        "".join(f"{i / 3} 1:{a!r} 3:{b!r} 20:1\n" for i, (a, b) in enumerate(rng.random((50, 2)).tolist()))
    )
    data = Data(path=path, test=0.3, **options)
    wide, narrow = opened(data), opened(replace(data, dtype="float32"))
    assert (wide.dtype, narrow.dtype) == ("float64", "float32") and wide.checksum != narrow.checksum
    for part in ("train", "test"):
        one, other = getattr(wide, part), getattr(narrow, part)
        np.testing.assert_array_equal(matrix(other, 20), matrix(one, 20).astype(np.float32))
        np.testing.assert_array_equal(other.y, one.y)
        if isinstance(one, CSR):
            np.testing.assert_array_equal(other.columns, one.columns)
            np.testing.assert_array_equal(other.indptr, one.indptr)
    if "standardize" in options.values():
        with h5py.File(wide.path) as one, h5py.File(narrow.path) as other:
            for key in ("means", "scales"):
                assert other[key].dtype == np.float64
                np.testing.assert_array_equal(other[key], one[key])


@pytest.mark.parametrize("layout", ("dense", "csr"))
def test_a_value_beyond_float32_is_refused(stores, save, layout):
    data = Data(path=save("1 1:1e300\n-1 1:1\n"), layout=layout)
    with pytest.raises(
        InputError, match=r"data.dtype = 'float32': found a value of size 1e\+300; expected at"
    ):
        prepare(replace(data, dtype="float32"))
    assert list(stores.iterdir()) == []
    assert opened(data).train.n == 2


# --- how it lies in the file


@pytest.mark.parametrize("layout", ("dense", "csr"))
def test_the_arrays_are_read_only_aligned_and_the_files_own_pages(stores, layout):
    store = opened(replace(DIGITS, layout=layout))
    for array in arrays_of(store):
        assert type(array) is np.ndarray and not array.flags.writeable
        assert array.ctypes.data % 64 == 0
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
    maps = [line for line in Path("/proc/self/maps").read_text().splitlines() if str(store.path) in line]
    assert len(maps) == 1
    assert all("r--s" in line for line in maps)  # readable, not writable, shared with other processes


def test_the_file_is_plain_hdf5_that_a_notebook_can_read(stores):
    data = replace(DIGITS, layout="csr")
    with h5py.File(prepare(data)) as file:
        for part in ("train", "test"):
            for key in ("values", "columns", "indptr", "y"):
                dataset = file[part][key]
                assert dataset.chunks is None and dataset.compression is None
                assert dataset.id.get_offset() % 64 == 0
        attrs = dict(file.attrs)
    assert attrs["format"] == "pavg-store" and attrs["format_version"] == 1
    assert (attrs["name"], attrs["layout"], attrs["scale"], attrs["n_features"]) == (
        "digits",
        "csr",
        "none",
        64,
    )
    assert attrs["source"].startswith("scikit-learn") and attrs["software"].startswith("pavg")
    assert datetime.fromisoformat(attrs["date"]).tzinfo is not None
    assert attrs["command"]


def test_the_source_is_recorded_by_name_and_sha256(stores, save):
    path = save(SPARSE, "some.set.gz.txt")
    printed = subprocess.run(["sha256sum", path], capture_output=True, text=True, check=True).stdout
    attrs = opened(Data(path=path)).attrs
    assert attrs["source"] == "some.set.gz.txt"
    assert attrs["source_sha256"] == printed.split()[0]
    assert "test_source" not in attrs and "source_member" not in attrs and "positive" not in attrs


def test_the_source_of_several_files_is_the_checksum_of_what_sha256sum_prints(stores, save, tmp_path):
    (tmp_path / "parts").mkdir()
    for number, line in enumerate(SPARSE.splitlines()):
        save(line + "\n", f"parts/{number}.svm")
    printed = subprocess.run("sha256sum *", shell=True, cwd=tmp_path / "parts", capture_output=True)
    attrs = opened(Data(path=str(tmp_path / "parts"), test_path=save(SPARSE, "test"))).attrs
    assert (attrs["source"], attrs["test_source"]) == ("parts", "test")
    assert attrs["source_sha256"] == hashlib.sha256(printed.stdout).hexdigest()
    assert attrs["test_source_sha256"] == hashlib.sha256(SPARSE.encode()).hexdigest()


# --- names and checksums


def test_prepare_makes_a_store_once(stores):
    path = prepare(DIGITS)
    before = path.stat()
    assert prepare(DIGITS) == path
    assert path.stat() == before
    assert list(stores.iterdir()) == [path]


@pytest.mark.parametrize(
    "change",
    (
        {"test": 0.3},
        {"split_seed": 1},
        {"scale": "standardize"},
        {"layout": "csr"},
        {"dtype": "float32"},
        {"positive": 3.0},
        {"test_path": "TEST"},
        {"name": "", "path": "TEST"},
    ),
    ids=str,
)
def test_every_option_has_a_store_of_its_own(stores, save, change):
    path = save(SPARSE)
    other = replace(DIGITS, **{key: path if value == "TEST" else value for key, value in change.items()})
    if other.test_path:
        other = replace(other, test=0.0)
    assert prepare(DIGITS) != prepare(other)


def test_a_changed_file_is_converted_anew(stores, save):
    first = opened(Data(path=save(SPARSE)))
    path = save(SPARSE.replace("7", "8"))
    os.utime(path, ns=(0, 1))  # the same size, and a clock that may be too coarse to tell
    second = opened(Data(path=path))
    assert first.path != second.path and first.checksum != second.checksum


def test_changed_labels_of_idx_images_are_converted_anew(stores, save):
    images = save(
        b"\0\0\x08\3" + bytes([0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1]) + b"\1\2", "t-images-idx3-ubyte"
    )
    checksums = set()
    for labels in (b"\1\2", b"\1\3"):
        os.utime(save(b"\0\0\x08\1\0\0\0\2" + labels, "t-labels-idx1-ubyte"), ns=(0, labels[1]))
        checksums.add(opened(Data(path=images)).checksum)
    assert len(checksums) == 2


@pytest.mark.parametrize("change", ("longer", "younger", "gone"))
def test_a_file_that_changes_while_it_is_read_is_refused_and_leaves_nothing(stores, save, change):
    path, other = save(SPARSE, "train"), save(SPARSE, "test")

    def progress(stage, done, total):
        if stage != "source checksum":
            return
        if change == "longer":
            save(SPARSE + "1 1:1\n", "test")
        elif change == "younger":
            os.utime(other, ns=(0, 1))
        elif os.path.exists(other):
            os.unlink(other)

    with pytest.raises(
        InputError, match=f"{other}: (changed while it was read; expected|cannot be read: No)"
    ):
        prepare(Data(path=path, test_path=other), progress)
    assert list(stores.iterdir()) == []


def test_the_checksum_is_of_the_contents_and_not_of_path_name_date_or_command(
    stores, save, tmp_path, monkeypatch
):
    first = opened(Data(path=save(SPARSE, "one")))
    (tmp_path / "sub").mkdir()
    monkeypatch.setenv("PAVG_DATA", str(tmp_path / "elsewhere"))
    monkeypatch.setattr(sys, "argv", ["another", "command"])
    second = opened(Data(path=save("# the same, written otherwise\n" + SPARSE, "sub/two")))
    assert first.path.parent != second.path.parent and first.attrs["command"] != second.attrs["command"]
    assert first.checksum == second.checksum


@pytest.mark.parametrize("text", (SPARSE.replace("7", "8"), SPARSE.replace("20:", "21:"), SPARSE + "1 1:1\n"))
def test_the_checksum_changes_with_any_content(stores, save, text):
    assert opened(Data(path=save(SPARSE, "a"))).checksum != opened(Data(path=save(text, "b"))).checksum


def test_names_can_be_read(stores, save):
    assert re.fullmatch(r"digits-[0-9a-f]{12}\.h5", prepare(DIGITS).name)
    assert re.fullmatch(r"a_b_c.t-[0-9a-f]{12}\.h5", prepare(Data(path=save(SPARSE, "a b:c.t"))).name)
    assert opened(Data(path=save(SPARSE, "rows.txt"))).name == "rows.txt"


def test_home_and_variables_in_paths_are_expanded(stores, save, tmp_path, monkeypatch):
    path = save(SPARSE)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SETS", str(tmp_path))
    assert prepare(Data(path="~/samples")) == prepare(Data(path="$SETS/samples")) == prepare(Data(path=path))
    (tmp_path / ".hidden").mkdir()
    monkeypatch.chdir(tmp_path / ".hidden")
    assert prepare(Data(path="../samples")) == prepare(Data(path=path))


def test_without_pavg_data_stores_go_to_the_users_cache(tmp_path, monkeypatch):
    monkeypatch.delenv("PAVG_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))  # where the cache is on other systems
    folder = prepare(DIGITS).parent
    assert folder.name == "stores" and folder.is_relative_to(tmp_path)


def test_where_a_store_lies_is_known_with_all_that_it_hangs_on_before_it_is_made(stores, save, tmp_path):
    (tmp_path / "parts").mkdir()
    one, two = (save(SPARSE, f"parts/{number}.svm") for number in "12")
    test = save(SPARSE, "test")
    for path, on in ((one, one), (f"{tmp_path}/parts/*", str(tmp_path / "parts"))):
        data = Data(path=path, test_path=test)
        store, found = located(data)
        assert not store.exists() and {on, one, test} <= set(found) and (two in found) == (on != one)
        assert prepare(data) == store
    with pytest.raises(InputError, match="none: cannot be read"):
        located(Data(path=str(tmp_path / "none")))


# --- whole, or not there


KILLED = """
import os, signal, sys, h5py
from pavg.data import prepare
from pavg.spec import Data
def dies(*arguments, **options): os.kill(os.getpid(), signal.SIGKILL)
if sys.argv[1] == "writing":
    create = h5py.File.create_dataset
    h5py.File.create_dataset = lambda f, key, *a, **o: dies() if key == "train/y" else create(f, key, *a, **o)
else:
    os.replace = dies
prepare(Data(name="digits"))
"""


@pytest.mark.parametrize("moment", ("writing", "renaming"))
def test_a_killed_conversion_leaves_nothing_that_looks_whole_and_the_next_one_cleans_up(stores, moment):
    child = run(KILLED, moment)
    child.communicate()
    assert child.returncode == -9
    (left,) = stores.iterdir()
    assert left.name.endswith(f"-{child.pid}.tmp")
    store = opened(Data(name="digits"))
    assert store.train.n == len(load_digits().target)
    assert list(stores.iterdir()) == [store.path]


def test_temporary_files_of_the_living_and_of_other_machines_are_left_alone(stores):
    stores.mkdir()
    alive = stores / f"x.h5.{socket.gethostname()}-{os.getppid()}.tmp"
    remote = stores / f"x.h5.not-{socket.gethostname()}-{2**22 + 1}.tmp"
    other = stores / "notes.tmp"
    for file in (alive, remote, other):
        file.touch()
    path = prepare(DIGITS)
    assert set(stores.iterdir()) == {alive, remote, other, path}


TOGETHER = """
import sys
from pavg.data import bundled, prepare
from pavg.spec import Data
bundled.load("digits")
print("ready", flush=True)
sys.stdin.readline()
for seed in range(10):
    print(prepare(Data(name="digits", test=0.5, split_seed=seed)))
"""


def test_two_conversions_at_once_both_end_with_the_same_whole_stores(stores):
    children = [run(TOGETHER), run(TOGETHER)]
    assert [child.stdout.readline() for child in children] == ["ready\n"] * 2
    for child in children:
        child.stdin.write("\n")
        child.stdin.flush()
    (first, error), (second, other_error) = (child.communicate() for child in children)
    assert error == other_error == ""
    assert first == second
    assert {str(path) for path in stores.iterdir()} == set(first.split())
    for path in first.split():
        assert open_store(path).test.n == 898


FULL = """
import resource, sys
from pavg.data import prepare
from pavg.errors import InputError
from pavg.spec import Data
import sklearn.datasets, scipy.sparse
for limit in sys.argv[1:]:
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), -1))
    try: prepare(Data(name="digits"))
    except InputError as error: print(error)
"""


def test_a_full_disk_is_said_and_leaves_nothing(stores):
    size = opened(Data(name="digits")).path.stat().st_size
    shutil.rmtree(stores)
    limits = (0, 10_000, size // 2, size - 1)
    child = run(FULL, *limits)
    printed, error = child.communicate()
    assert child.returncode == 0 and error == ""
    said = re.compile(r".*/digits-\w+\.h5: the store cannot be written: File too large")
    assert len(printed.splitlines()) == len(limits)
    assert all(said.fullmatch(line) for line in printed.splitlines())
    assert list(stores.iterdir()) == []


def test_a_failure_between_leaves_nothing(stores, monkeypatch):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        prepare(DIGITS)
    assert list(stores.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_said_with_the_way_out(save, monkeypatch):
    monkeypatch.setenv("PAVG_DATA", save("a file, no folder") + "/stores")
    with pytest.raises(InputError, match="samples/stores: no folder for stores: .*set PAVG_DATA"):
        prepare(DIGITS)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_said(stores):
    stores.mkdir(mode=0o555)
    with pytest.raises(InputError, match="cannot be written: Permission denied"):
        prepare(DIGITS)


# --- opening what is none


def test_a_missing_store_is_said(tmp_path):
    with pytest.raises(InputError, match="none.h5: cannot be opened: No such file"):
        open_store(tmp_path / "none.h5")


@pytest.mark.parametrize("content", ("", "1 1:1\n"))
def test_a_file_that_is_not_hdf5_is_refused(save, content):
    with pytest.raises(InputError, match="samples: not an HDF5 file; expected a store"):
        open_store(save(content))


def test_a_truncated_store_is_refused_at_any_length(stores):
    path = prepare(DIGITS)
    size = path.stat().st_size
    for length in (size - 1, size // 2, 2000, 100):
        os.truncate(path, length)
        with pytest.raises(InputError, match=f"{path}: cut short; expected a store: delete it"):
            open_store(path)


def edited(edit):
    """A store of digits after `edit` has changed the open file."""
    path = prepare(DIGITS)
    with h5py.File(path, "a") as file:
        edit(file)
    return path


def test_other_hdf5_files_are_refused(stores):
    path = edited(lambda file: file.attrs.__setitem__("format", "pavg-run"))
    with pytest.raises(
        InputError, match=f"{path}: an HDF5 file, but not a store; expected format = 'pavg-store'"
    ):
        open_store(path)


def test_a_store_of_another_format_version_is_refused(stores):
    path = edited(lambda file: file.attrs.__setitem__("format_version", 99))
    with pytest.raises(
        InputError, match=f"{path}: a store of format version 99; expected 1: convert it anew"
    ):
        open_store(path)


def test_a_store_with_a_part_missing_is_refused(stores):
    path = edited(lambda file: file.__delitem__("train/y"))
    with pytest.raises(InputError, match=f"{path}: not a whole store: .*'y'"):
        open_store(path)


def test_a_repacked_store_is_refused_as_it_cannot_be_mapped(stores):
    def repack(file):
        X = file["train/X"][:]
        del file["train/X"]
        file.create_dataset("train/X", data=X, compression="gzip")

    with pytest.raises(InputError, match="/train/X is not one aligned block: was the file repacked?"):
        open_store(edited(repack))
