"""Damaged files of all formats: refused in one sentence, or read as plain Python reads them."""

import bz2
import gzip
import io
import lzma
import math
import re
import struct
import zipfile

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from pavg.data import prepare
from pavg.data.formats import text
from pavg.data.store import open_store
from pavg.errors import InputError
from pavg.spec import Data

EACH = 120  # mutated files of a format: more than 1,000 together
NUMBER = re.compile(r"[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?", re.ASCII)
X = np.round(np.random.default_rng(0).standard_normal((12, 5)), 2) * (np.arange(60).reshape(12, 5) % 4 > 0)
Y = np.arange(12.0) % 3
LIBSVM = "".join(
    f"{y:g} " + " ".join(f"{j + 1}:{v!r}" for j, v in enumerate(row) if v) + "\n"
    for y, row in zip(Y, X.tolist(), strict=True)
).encode()
CSV = "".join(
    ",".join(map(repr, [*row, y])) + "\n" for y, row in zip(Y.tolist(), X.tolist(), strict=True)
).encode()
PIXELS = np.arange(48, dtype=np.uint8).reshape(12, 2, 2)
LABELS = struct.pack(">HBBI", 0, 8, 1, 12) + bytes(Y.astype(np.uint8))


def packed(save, *arguments, **options):
    file = io.BytesIO()
    save(file, *arguments, **options)
    return file.getvalue()


def zipped(content):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("rows", content)
    return file.getvalue()


def hdf5(file):
    with h5py.File(file, "w") as opened:
        opened["X"], opened["y"] = X, Y


def sparse():
    M = csr_matrix(X)
    return packed(np.savez, data=M.data, indices=M.indices, indptr=M.indptr, shape=M.shape, y=Y)


def number(token):
    if not NUMBER.fullmatch(token) or not math.isfinite(float(token)):
        raise ValueError(token)
    return float(token)


def plain_libsvm(content):
    """{row: ({column: value}, label)}; ValueError for what is not LIBSVM."""
    rows = []
    for line in content.decode("latin1").split("\n"):
        # bytes.split and str.split differ in what is blank
        tokens = re.split("[ \t\r\v\f]+", line.split("#")[0].strip(" \t\r\v\f"))
        if tokens == [""]:
            continue
        label, *pairs = tokens
        if pairs and pairs[0].startswith("qid:"):
            del pairs[0]
        row, last = {}, 0
        for pair in pairs:
            index, value = pair.split(":")
            if not re.fullmatch("[+-]?[0-9]{1,20}", index) or not last < int(index) < 2**31:
                raise ValueError(pair)
            last = int(index)
            row[last - 1] = number(value)
        rows.append((row, number(label)))
    return rows


def plain_csv(content):
    lines = [line for line in content.decode("latin1").replace("\r\n", "\n").split("\n") if line]
    marks = [mark for mark in "\t,;" if mark in lines[0].strip(" \t\n\r\v\f")]
    table = []
    for place, line in enumerate(lines):
        fields = line.split(marks[0]) if marks else line.split()
        fields = [field.strip(" \t\r\v\f") for field in fields]
        if place == 0 and not any(NUMBER.fullmatch(f) and math.isfinite(float(f)) for f in fields):
            width = len(fields)
            continue
        if place == 0:
            width = len(fields)
        if len(fields) != width:
            raise ValueError(line)
        table.append([number(field) for field in fields])
    return [(dict(enumerate(row[:-1])), row[-1]) for row in table]


def plain_idx(content):
    zero, kind, dimensions = struct.unpack(">HBB", content[:4])
    letter = {8: "B", 9: "b", 11: "h", 12: "i", 13: "f", 14: "d"}[kind]
    shape = struct.unpack(f">{dimensions}I", content[4 : 4 + 4 * dimensions])
    values = struct.unpack(f">{math.prod(shape)}{letter}", content[4 + 4 * dimensions :])
    if zero or shape[0] != len(Y) or not all(map(math.isfinite, values)):
        raise ValueError
    d = math.prod(shape[1:])
    return [(dict(enumerate(values[i * d : i * d + d])), y) for i, y in enumerate(Y.tolist())]


def plain_cifar10(content):
    if len(content) % 3073:
        raise ValueError
    records = [content[i : i + 3073] for i in range(0, len(content), 3073)]
    return [(dict(enumerate(map(float, r[1:]))), float(r[0])) for r in records]


def plain_zip(content):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return plain_libsvm(archive.read(archive.namelist()[0]))


def plain_npz(content):
    arrays = np.load(io.BytesIO(content))
    if "X" in arrays:
        return [
            (dict(enumerate(r)), y) for r, y in zip(arrays["X"].tolist(), arrays["y"].tolist(), strict=True)
        ]
    M = csr_matrix((arrays["data"], arrays["indices"], arrays["indptr"]), arrays["shape"]).toarray()
    return [(dict(enumerate(r)), y) for r, y in zip(M.tolist(), arrays["y"].tolist(), strict=True)]


def plain_hdf5(content):
    with h5py.File(io.BytesIO(content)) as file:
        rows, labels = file["X"][:].tolist(), file["y"][:].tolist()
    return [(dict(enumerate(row)), y) for row, y in zip(rows, labels, strict=True)]


def through(unpack, then):
    return lambda content: then(unpack(content))


# name of the file → (a good one, plain reader)
FILES = {
    "rows": (LIBSVM, plain_libsvm),
    "rows.gz": (gzip.compress(LIBSVM, mtime=0), through(gzip.decompress, plain_libsvm)),
    "rows.bz2": (bz2.compress(LIBSVM), through(bz2.decompress, plain_libsvm)),
    "rows.xz": (lzma.compress(LIBSVM), through(lzma.decompress, plain_libsvm)),
    "rows.zip": (zipped(LIBSVM), plain_zip),
    "rows.csv": (CSV, plain_csv),
    "images-idx3-ubyte": (struct.pack(">HBB3I", 0, 8, 3, *PIXELS.shape) + bytes(PIXELS.ravel()), plain_idx),
    "batch.bin": (b"".join(bytes([i]) + bytes([i]) * 3072 for i in range(4)), plain_cifar10),
    "dense.npz": (packed(np.savez, X=X, y=Y), plain_npz),
    "sparse.npz": (sparse(), plain_npz),
    "rows.h5": (packed(hdf5), plain_hdf5),
}
PIECES = [
    b"",
    b"\n",
    b"\r",
    b" ",
    b":",
    b",",
    b"0:",
    b"nan",
    b"1e999",
    b"-",
    b"_",
    b"\0",
    b"\xff",
    b"#",
    b"7",
    b"<html>",
]


@st.composite
def mutated(draw, content):
    """A file with one to three damages: bytes changed, put in, left out, cut off, repeated."""
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(content)))
        end = min(len(content), at + draw(st.sampled_from((0, 1, 1, 2, 8, 100, 10**6))))
        put = draw(st.sampled_from(PIECES) | st.binary(max_size=4) | st.just(content[at:end] * 2))
        content = content[:at] + put + content[end:]
    return content


@pytest.fixture(scope="module", autouse=True)
def small_pieces():
    """Text is read 100 bytes at a time, so that lines are cut everywhere."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text, "CHUNK", 100)
        patch.setattr("pavg.parallel._cores", lambda: 1)
        yield


@pytest.mark.parametrize("name", FILES)
@settings(max_examples=EACH, deadline=10_000, suppress_health_check=list(HealthCheck), derandomize=True)
@given(data=st.data())
def test_a_mutated_file_is_refused_in_one_sentence_or_read_as_plain_python_reads_it(
    tmp_path_factory, name, data
):
    good, plain = FILES[name]
    content, dtype = data.draw(mutated(good)), data.draw(st.sampled_from(("float64", "float32")))
    folder = tmp_path_factory.mktemp("mutated")
    path, stores = folder / name, folder / "stores"
    path.write_bytes(content)
    (folder / "labels-idx1-ubyte").write_bytes(LABELS)
    target = -1 if name.endswith("csv") else None
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PAVG_DATA", str(stores))
        try:
            store = open_store(prepare(Data(path=str(path), target=target, layout="csr", dtype=dtype)))
        except InputError as error:
            assert "\n" not in str(error) and str(folder) in str(error)
            assert not stores.exists() or not list(stores.iterdir())
            return
    assert list(stores.iterdir()) == [store.path]
    kept = np.dtype(dtype).type
    expected = [({c: kept(v) for c, v in row.items() if v}, y) for row, y in plain(content)]
    part = store.train
    found = []
    for i in range(part.n):
        rows = slice(part.indptr[i], part.indptr[i + 1])
        real = part.columns[rows] < store.n_features
        columns, values = part.columns[rows][real].tolist(), part.values[rows][real].tolist()
        found.append((dict(zip(columns, values, strict=True)), part.y[i]))
    assert found == expected


@pytest.mark.parametrize("name", FILES)
def test_the_files_are_good_before_they_are_mutated(tmp_path, monkeypatch, name):
    monkeypatch.setenv("PAVG_DATA", str(tmp_path / "stores"))
    content, plain = FILES[name]
    (tmp_path / name).write_bytes(content)
    (tmp_path / "labels-idx1-ubyte").write_bytes(LABELS)
    store = open_store(prepare(Data(path=str(tmp_path / name), target=-1)))
    assert store.train.n == len(plain(content))
