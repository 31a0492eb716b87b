"""Reading LIBSVM text: equal to scikit-learn where the file is good, one sentence where it is not."""

import bz2
import gzip
import lzma
import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn.datasets import dump_svmlight_file, load_svmlight_file

from pavg.data.formats import files

GOOD = "1 1:0.5 3:2\n-1 2:1e-3\n"
COMPRESSORS = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}
REAL = (
    "small-libsvm/heart_scale",
    "small-libsvm/housing_scale",
    "small-libsvm/breast-cancer",
    "small-libsvm/german.numer_scale",
    "mushrooms/mushrooms",
    "a9a/a9a",
    "a9a/a9a.t",
    "w8a/w8a",
    "rcv1-subsets/rcv1_subsets.binary.bz2",
)


@pytest.mark.parametrize("name", REAL)
def test_real_files_are_read_as_scikit_learn_reads_them(read, real_data, name):
    path = str(real_data / name)
    X, y = read(path)
    X_expected, y_expected = load_svmlight_file(path, zero_based=False)
    assert X.shape == X_expected.shape and X.dtype == X_expected.dtype
    for key in ("data", "indices", "indptr"):
        np.testing.assert_array_equal(getattr(X, key), getattr(X_expected, key))
    np.testing.assert_array_equal(y, y_expected)


@given(
    arrays.arrays(float, st.tuples(st.integers(1, 6), st.integers(1, 9)), elements=st.floats(-1e9, 1e9)),
    st.randoms(use_true_random=False),
)
def test_what_scikit_learn_writes_is_read_back(read, tmp_path_factory, X, random):
    X[0, -1] = 1.0
    y = np.array([random.choice((-1.0, 1.0, 2.5)) for _ in X])
    path = str(tmp_path_factory.mktemp("written") / "samples")
    dump_svmlight_file(X, y, path, zero_based=False)
    X_read, y_read = read(path)
    np.testing.assert_allclose(X_read.toarray(), X, rtol=1e-15)
    np.testing.assert_array_equal(y_read, y)


@pytest.mark.parametrize("suffix", COMPRESSORS)
def test_a_compressed_file_reads_like_the_plain_one(read, save, suffix):
    X, y = read(save(GOOD))
    X_packed, y_packed = read(save(COMPRESSORS[suffix](GOOD.encode()), "samples" + suffix))
    assert (X != X_packed).nnz == 0
    np.testing.assert_array_equal(y, y_packed)


@pytest.mark.parametrize(
    "text",
    (
        "# of 2019_01\n\n1 1:0.5 3:2 # first_one\n  \n-1 2:1e-3\n",
        "1 qid:7 1:0.5 3:2\n-1 qid:8 2:1e-3",
        "1\t1:.5\t3:2.\r\n-1 +2:1E-3\r\n",
        "1 1:0.5 2:0 3:2\n-1 2:1e-3 3:-0.0\n",
    ),
    ids=("comments and blank lines", "qid", "other ways to write it", "written zeros"),
)
def test_harmless_variants_read_the_same(read, save, text):
    X, y = read(save(GOOD, "good"))
    X_variant, y_variant = read(save(text, "variant"))
    assert X_variant.nnz == X.nnz
    np.testing.assert_array_equal(X_variant.toarray(), X.toarray())
    np.testing.assert_array_equal(y_variant, y)


@pytest.mark.parametrize(
    "line, found, expected",
    (
        ("yes 1:1", "'yes'", "a label"),
        ("1,2 1:1", "'1,2'", "a label"),
        ("nan 1:1", "'nan'", "a label, one finite number"),
        ("-inf 1:1", "'-inf'", "a label, one finite number"),
        ("1 1:2 three:1", "'three:1'", "index:value"),
        ("1 1:2 3", "'3'", "index:value"),
        ("1 1:", "'1:'", "index:value"),
        ("1 1.5:2", "'1.5:2'", "index:value"),
        ("1 1:2:3", "'1:2:3'", "index:value"),
        ("1 1:0x10", "'1:0x10'", "index:value"),
        ("1 1:nan", "'1:nan'", "finite number"),
        ("1 1:1 2:-inf", "'2:-inf'", "finite number"),
        ("1 1:1e400", "'1:1e400'", "finite number"),
        ("1 1:1_0", "'1:1_0'", "finite number"),
        ("1_0 1:1", "'1_0'", "a label"),
        ("1 0:1 1:1", "index 0", "from 1 on"),
        ("1 -3:1", "index -3", "from 1 on"),
        ("1 3:1 2:1", "index 2 after 3", "ascending"),
        ("1 2:1 2:1", "index 2 after 2", "each once"),
        ("1 3000000000:1", "index 3000000000", "at most 2147483647"),
        ("1 99999999999999999999:1", "index 99999999999999999999", "at most 2147483647"),
        ("1 " + "9" * 5000 + ":1", "'9999", "index:value"),
        ("1 1:2\x00", r"'1:2\x00'", "index:value"),
        ("\ufeff1 1:2", r"'\ufeff1'", "a label"),
    ),
)
def test_a_bad_line_is_named_with_what_was_found_and_expected(message, save, line, found, expected):
    text = message(save(GOOD + "# comment\n" + line + "\n" + GOOD))
    assert ", line 4: " in text
    assert found in text.split("; expected ")[0]
    assert expected in text.split("; expected ")[1]


def test_a_bad_line_of_a_compressed_file_is_named(message, save):
    assert ", line 3: " in message(save(gzip.compress((GOOD + "1 0:1\n").encode()), "samples.gz"))


def test_bytes_that_are_no_text_are_shown_escaped_and_cut(message, save):
    text = message(save(b"\xff\xfe" * 500))
    assert ", line 1: " in text and r"\xff" in text and len(text) < 400


def test_an_index_above_the_stated_width_is_named_with_its_line(message, read, save):
    path = save(GOOD + "1 4:1\n")
    assert read(path, 4)[0].shape == (3, 4)
    text = message(path, 3)
    assert ", line 3: found index 4 in '4:1'; expected at most 3 features" in text


@pytest.mark.parametrize("content", ("", "# only a comment\n\n", "1\n2\n", "1 1:0\n"))
def test_a_file_with_nothing_in_it_is_refused(message, save, content):
    text = message(save(content))
    assert "is empty" in text or "no nonzero feature" in text


def test_a_missing_file_is_named(message, tmp_path):
    assert "No such file" in message(str(tmp_path / "missing"))


def test_a_folder_is_no_file(message, tmp_path):
    assert "is a folder" in message(str(tmp_path))


def test_a_pipe_is_refused_before_it_blocks(message, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert "is no regular file" in message(str(tmp_path / "pipe"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file_is_named(message, save):
    path = save(GOOD)
    os.chmod(path, 0)
    assert "Permission denied" in message(path)


def test_a_read_error_is_passed_on_in_the_systems_words(message, save, monkeypatch):
    def fails(*arguments):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(files.gzip, "open", fails)
    assert "cannot be read: Input/output error" in message(save("x", "samples.gz"))


@pytest.mark.parametrize("suffix", COMPRESSORS)
def test_a_truncated_compressed_file_is_said_to_be_so(message, save, suffix):
    packed = COMPRESSORS[suffix](GOOD.encode() * 1000)
    for length in (5, len(packed) // 2, len(packed) - 1):
        assert f"the {suffix} data are truncated" in message(save(packed[:length], "samples" + suffix))


@pytest.mark.parametrize("suffix", COMPRESSORS)
def test_a_damaged_compressed_file_is_said_to_be_so(message, save, suffix):
    packed = bytearray(COMPRESSORS[suffix](os.urandom(4000).hex().encode()))
    packed[len(packed) // 2] ^= 255
    text = message(save(bytes(packed), "samples" + suffix))
    assert f"found damaged data or another format; expected {suffix} data" in text
