"""CSV, idx, CIFAR-10, .npz and HDF5: what is read, which file and place a complaint names."""

import bz2
import gzip
import lzma
import os
import struct
import zipfile

import h5py
import numpy as np
import pytest
from scipy.sparse import csr_matrix, random, save_npz

from pavg import parallel
from pavg.data.formats import hdf5, idx, npz, text

X = np.array([[1.0, 0, 2.5], [0, -3, 1e-3], [4, 5, 6]])
Y = np.array([1.0, 0, 2])
TEXT = "1,1,0,2.5\n0,0,-3,1e-3\n2,4,5,6\n"
COMPRESSORS = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}


def same(found, X=X, y=Y):
    np.testing.assert_array_equal(found[0].toarray(), X)
    np.testing.assert_array_equal(found[1], y)


@pytest.fixture
def archive(tmp_path):
    """A function that writes a .zip of name → content."""

    def write(members, name="set.zip"):
        with zipfile.ZipFile(tmp_path / name, "w", zipfile.ZIP_DEFLATED) as file:
            for member, content in members.items():
                file.writestr(member, content)
        return str(tmp_path / name)

    return write


# --- CSV


@pytest.mark.parametrize(
    "content, options",
    (
        (TEXT, {"target": 1}),
        (TEXT, {"target": -4}),
        (TEXT.replace(",", "\t"), {"target": 1}),
        (TEXT.replace(",", ";"), {"target": 1}),
        (TEXT.replace(",", "  "), {"target": 1}),
        (TEXT.replace("\n", "\r\n"), {"target": 1}),
        (TEXT.replace(",", " , "), {"target": 1, "delimiter": ","}),
        ("\n" + TEXT.rstrip() + "\n\n", {"target": 1}),
        ("y,a,b,c\n" + TEXT, {"target": "y"}),
        ('"y","a","b","c"\n' + TEXT, {"target": "y"}),
        ("\ny,a,b,c\n" + TEXT, {"target": 1}),
        ("9,9,9,9\n" + TEXT, {"target": 1, "header": "yes"}),
        ("1,0,2.5,1\n0,-3,1e-3,0\n4,5,6,2\n", {"target": -1}),
        ("1,1,0,2.5\n0,0,-3,1e-3\n2,4,5,6\n", {"target": 1, "header": "no"}),
    ),
)
def test_csv_in_its_varieties(read, save, content, options):
    same(read(save(content, "rows.csv"), **options))


@pytest.mark.parametrize("suffix", COMPRESSORS)
def test_compressed_csv(read, save, suffix):
    same(read(save(COMPRESSORS[suffix](TEXT.encode()), "rows.csv" + suffix), target=1))


def test_csv_is_known_by_its_first_line_where_the_name_says_nothing(read, save):
    same(read(save(TEXT.replace(",", "\t"), "binary.train"), target=1))


@pytest.mark.parametrize(
    "content, options, said",
    (
        (TEXT + "1,2,3\n", {"target": 1}, ", line 4: found 3 fields; expected 4"),
        (TEXT + "1,2,3,4,5\n", {"target": 1}, ", line 4: found 5 fields; expected 4"),
        (TEXT + "1,2,,4\n", {"target": 1}, ", line 4: found '' in column 3; expected a finite number"),
        (TEXT + "1,2,x,4\n", {"target": 1}, ", line 4: found 'x' in column 3"),
        (TEXT + "1,2,nan,4\n", {"target": 1}, ", line 4: found 'nan' in column 3"),
        (TEXT + "1,2,1_0,4\n", {"target": 1}, ", line 4: found '1_0' in column 3"),
        (TEXT + "1,2,-inf,4\n", {"target": 1}, ", line 4: found '-inf' in column 3"),
        (TEXT + "1,2,1e999,4\n", {"target": 1}, ", line 4: found '1e999' in column 3"),
        ("1,x,2\n" + TEXT, {"target": 1}, ", line 1: found 'x' in column 2"),
        ("a,b,c,d\n" + TEXT + "1,?,3,4\n", {"target": "a"}, ", line 5: found '?' in column 2"),
        (
            "a,b,c,d\n" + TEXT,
            {"target": "z"},
            "found a, b, c, d; expected one column named data.target = 'z'",
        ),
        ("a,a,c,d\n" + TEXT, {"target": "a"}, "expected one column named data.target = 'a'"),
        (TEXT, {"target": "a"}, "found no header; expected one column named"),
        (TEXT, {}, "data.target is missing"),
        (TEXT, {"target": 5}, "found 4 columns; expected one that is data.target = 5"),
        (TEXT, {"target": 0}, "data.target = 0"),
        (TEXT, {"target": -5}, "found 4 columns; expected one that is data.target = -5"),
        ("1\n2\n", {"target": 1}, "found 1 columns"),
        ("\n\n", {"target": 1}, "empty lines only"),
        ("a,b\n", {"target": 1}, "found 0 samples"),
        ("<!DOCTYPE html>\n", {"target": 1}, "found an HTML page"),
    ),
)
def test_bad_csv_is_named_with_line_and_column(message, save, content, options, said):
    assert said in message(save(content, "rows.csv"), **options)


def test_a_test_table_must_be_as_wide_as_the_training_part(message, save):
    path = save(TEXT, "rows.csv")
    assert "line 1: found 4 fields; expected 4 features and a target" in message(path, 4, target=1)


# --- several files, members


def test_a_folder_or_a_pattern_is_one_set_sorted_by_name(read, tmp_path):
    folder = tmp_path / "parts"
    folder.mkdir()
    for number, line in enumerate(TEXT.splitlines()):
        (folder / f"part{number}.csv").write_text("y,a,b,c\n" + line + "\n")
    (folder / ".hidden").write_text("no data")
    (folder / "part9.csv").mkdir()
    same(read(folder, target="y"))
    same(read(folder / "part[01].csv", target="y"), X[:2], Y[:2])
    same(read(folder / "part*", target="y"))
    (folder / "part[01].csv").write_text(TEXT.splitlines()[2])  # a file that is called so
    same(read(folder / "part[01].csv", target=1), X[2:], Y[2:])
    folder.rename(tmp_path / ".parts")
    same(read(tmp_path / ".parts" / "part[12].csv", target="y"), X[1:], Y[1:])


def test_files_of_one_set_must_fit_together(message, tmp_path):
    (tmp_path / "a.csv").write_text("1,2,3\n")
    (tmp_path / "b.csv").write_text("1,2,3,4\n")
    assert "b.csv, line 1: found 4 fields" in message(tmp_path, target=1)


def test_a_pattern_or_folder_without_files_is_said(message, tmp_path):
    assert "no file has such a name" in message(tmp_path / "*.csv")
    assert "is a folder without files" in message(tmp_path)


def test_members_of_a_zip_by_name_or_pattern(read, message, archive):
    lines = TEXT.splitlines(keepends=True)
    path = archive({"in/a.csv": lines[0] + lines[1], "in/b.csv": lines[2], "c.txt": "no data"})
    same(read(path, target=1, member="in/*.csv"))
    same(read(path, target=1, member="in/b.csv"), X[2:], Y[2:])
    assert "found 3 members (c.txt, in/a.csv, in/b.csv); expected one" in message(path, target=1)
    assert "expected data.member = 'd.csv'" in message(path, target=1, member="d.csv")
    same(read(archive({"only.csv": TEXT}, "one.zip"), target=1))


def test_a_fault_in_a_member_names_it(message, archive):
    path = archive({"a.csv": TEXT + "1,2,3\n"})
    assert f"{path}, member a.csv, line 4: found 3 fields" in message(path, target=1)


def test_a_member_is_for_zips(message, save):
    assert "found no .zip" in message(save(TEXT, "a.csv"), target=1, member="a")


# --- what surrounds the text


@pytest.mark.parametrize("suffix", COMPRESSORS)
def test_what_follows_compressed_data_is_refused_but_another_stream_is_read(read, message, save, suffix):
    pack = COMPRESSORS[suffix]
    same(read(save(pack(TEXT[:10].encode()) + pack(TEXT[10:].encode()), "rows.csv" + suffix), target=1))
    for more in (b"m", b"more" * 8):
        said = message(save(pack(TEXT.encode()) + more, "rows.csv" + suffix), target=1)
        assert ("damaged data" if suffix == ".gz" else f"something else after the {suffix} data") in said


@pytest.mark.parametrize("size", (1, 3, 7, 20, 1000))
@pytest.mark.parametrize("name", ("rows.csv", "rows.svm"))
def test_the_size_of_pieces_changes_nothing(read, message, save, monkeypatch, size, name):
    rows = [
        f"{i},{i + 1},{i * 0.5}\n" if name.endswith("csv") else f"{i} 1:{i + 1} 2:{i}.5\n" for i in range(50)
    ]
    path = save("".join(rows), name)
    whole = read(path, target=1)
    monkeypatch.setattr(text, "CHUNK", size)
    monkeypatch.setattr("pavg.parallel._cores", lambda: 1)
    same(read(path, target=1), whole[0].toarray(), whole[1])
    assert ", line 51: " in message(save("".join(rows) + "x y\n", name), target=1)


def test_several_processes_read_the_same_and_name_the_same_line(read, message, save, monkeypatch):
    rows = "".join(f"{i} 1:{i} 3:1\n" for i in range(1, 2000))
    path = save(rows)
    whole = read(path)
    monkeypatch.setattr(text, "CHUNK", 1000)
    monkeypatch.setattr("pavg.parallel._cores", lambda: 3)
    same(read(path), whole[0].toarray(), whole[1])
    assert ", line 2000: found '1:x'" in message(save(rows + "1 1:x\n" + rows))


def test_processes_are_started_only_where_there_is_enough_to_read(read, save, monkeypatch):
    rows = "".join(f"{i} 1:{i} 3:1\n" for i in range(1, 2000))
    path, started, start = save(rows), [], parallel._start
    monkeypatch.setattr(parallel, "_cores", lambda: 2)
    monkeypatch.setattr(parallel, "_start", lambda: started.append(1) or start())
    for pieces, processes in ((1, 0), (parallel.FROM - 1, 0), (parallel.FROM, 2)):
        monkeypatch.setattr(text, "CHUNK", len(rows) // pieces + 100)
        read(path)
        assert len(started) == processes


def test_a_line_without_end_is_refused(message, save, monkeypatch):
    monkeypatch.setattr(text, "LARGEST", 1000)
    monkeypatch.setattr(text, "CHUNK", 100)
    assert ", line 2: longer than" in message(save("1 1:1\n" + "0" * 2000, "rows.svm"))


# --- idx


def idx_file(array, kind=8):
    array = np.asarray(array)
    return (
        struct.pack(f">HBB{array.ndim}I", 0, kind, array.ndim, *array.shape)
        + array.astype(idx.TYPES[kind]).tobytes()
    )


IMAGES = np.arange(24).reshape(4, 2, 3)


@pytest.fixture
def mnist(save):
    """A function that writes images and labels, and returns the images' path."""

    def write(images=None, labels=None, suffix=""):
        save(labels or idx_file([3, 1, 4, 1]), "t-labels-idx1-ubyte" + suffix)
        return save(images or idx_file(IMAGES), "t-images-idx3-ubyte" + suffix)

    return write


@pytest.mark.parametrize("kind", idx.TYPES)
def test_idx_of_every_type(read, mnist, monkeypatch, kind):
    monkeypatch.setattr(idx, "BLOCK", 7)
    same(read(mnist(idx_file(IMAGES, kind))), IMAGES.reshape(4, 6), [3, 1, 4, 1])


def test_idx_compressed_and_as_a_folder(read, mnist):
    path = mnist(gzip.compress(idx_file(IMAGES)), gzip.compress(idx_file([3, 1, 4, 1])), ".gz")
    same(read(path), IMAGES.reshape(4, 6), [3, 1, 4, 1])
    same(read(os.path.dirname(path)), IMAGES.reshape(4, 6), [3, 1, 4, 1])


@pytest.mark.parametrize(
    "change, said",
    (
        (
            {"images": idx_file(IMAGES)[:-1]},
            "images-idx3-ubyte: ends at byte 39; expected 4 images to byte 40",
        ),
        ({"images": idx_file(IMAGES) + b"x"}, "images-idx3-ubyte: found more data at byte 40"),
        ({"labels": idx_file([3, 1, 4, 1])[:-2]}, "labels-idx1-ubyte: ends at byte 10"),
        ({"labels": idx_file([3, 1, 4])}, "labels-idx1-ubyte: found labels of shape (3,); expected 4"),
        ({"images": b"\0\0\x08"}, "ends at byte 3; expected an idx header to byte 4"),
        ({"images": b"<!DOCTYPE html>"}, "images-idx3-ubyte: found an HTML page"),
        ({"labels": b"\n<html>"}, "labels-idx1-ubyte: found an HTML page"),
        ({"images": b"no idx"}, "expected an idx header"),
        ({"images": idx_file(np.zeros((4, 0)))}, "found images of shape (0,)"),
        ({"images": struct.pack(">HBB3I", 0, 8, 3, 4, 2**31, 2**31)}, "found images of shape"),
    ),
)
def test_bad_idx_is_named_with_its_byte(message, mnist, change, said):
    assert said in message(mnist(**change))


def test_images_without_labels_are_said(message, save):
    path = save(idx_file(IMAGES), "images-idx3-ubyte")
    assert "labels-idx1-ubyte: cannot be read" in message(path)
    assert "found no 'images' in its name" in message(save(idx_file(IMAGES), "x.idx"), format="idx")


# --- CIFAR-10


def test_cifar_batches_of_any_length(read, tmp_path):
    records = np.random.default_rng(0).integers(0, 10, (1205, 3073), np.uint8)
    for number, part in enumerate(np.split(records, [1001, 1003])):
        (tmp_path / f"data_batch_{number}.bin").write_bytes(part.tobytes())
    same(read(tmp_path / "data_batch_*.bin"), records[:, 1:], records[:, 0])


def test_bad_cifar_is_named_with_its_byte(message, save):
    assert "ends at byte 3074; expected whole records" in message(save(b"\1" * 3074, "b.bin"))
    assert "found label 11 at byte 3073; expected 0 to 9" in message(
        save(b"\1" * 3073 + b"\x0b" * 3073, "b.bin")
    )


# --- npz and HDF5


@pytest.mark.parametrize("dtype", (float, np.float32, np.int16, np.uint8, ">f8", bool))
def test_npz_and_hdf5_of_any_type_of_number(read, tmp_path, monkeypatch, dtype):
    A = (np.arange(30).reshape(10, 3) % 4).astype(dtype)
    y = np.arange(10).astype(dtype)
    for module in (npz, hdf5):
        monkeypatch.setattr(module, "BLOCK", 7)
    np.savez_compressed(tmp_path / "a.npz", X=A, y=y)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["X"], file["y"] = A, y
    for name in ("a.npz", "a.h5"):
        same(read(tmp_path / name), A.astype(float), y.astype(float))


def test_scipys_sparse_matrix_with_y(read, tmp_path, monkeypatch):
    monkeypatch.setattr(npz, "BLOCK", 50)
    monkeypatch.setattr(npz, "ROWS", 30)
    M = csr_matrix(random(100, 40, 0.2, random_state=0))
    y = np.arange(100.0)
    np.savez(tmp_path / "a.npz", data=M.data, indices=M.indices, indptr=M.indptr, shape=M.shape, y=y)
    same(read(tmp_path / "a.npz"), M.toarray(), y)


@pytest.mark.parametrize(
    "arrays, said",
    (
        ({"X": X}, "found X; expected X and y"),
        ({"X": X, "y": Y[:2]}, "y has 2 entries; expected 3"),
        ({"X": Y, "y": Y}, "X: found shape (3,); expected 2 dimensions"),
        ({"X": X.T, "y": Y}, "X: found Fortran order"),
        ({"X": X.astype(complex), "y": Y}, "X: found numbers of type complex128"),
        ({"X": np.where(X == 5, np.nan, X), "y": Y}, "X, row 3: found no finite number"),
        ({"X": X, "y": [0, np.inf, 1]}, "y, row 2: found no finite number"),
        ({"X": X[:0], "y": Y[:0]}, "expected at least one row"),
        (
            {"data": [1.0], "indices": [3], "indptr": [0, 1], "shape": [1, 3], "y": [1]},
            "whole numbers from 0 to 2",
        ),
        ({"data": [1.0], "indices": [0], "indptr": [0, 2], "shape": [1, 3], "y": [1]}, "not ascending to 1"),
        (
            {"data": [1.0, 2], "indices": [0, 0], "indptr": [0, 2], "shape": [1, 3], "y": [1]},
            "a column twice",
        ),
        (
            {"data": [1.0, 2], "indices": [0, 1], "indptr": [0, 1], "shape": [1, 3], "y": [1]},
            "indptr ends with 1",
        ),
    ),
)
def test_bad_npz_is_named(message, tmp_path, arrays, said):
    np.savez(tmp_path / "a.npz", **arrays)
    assert said in message(tmp_path / "a.npz")


def test_npz_with_objects_or_without_y_is_refused(message, tmp_path):
    np.savez(tmp_path / "a.npz", X=np.array([[{}]]), y=[1])
    assert "X: found numbers of type object" in message(tmp_path / "a.npz")
    save_npz(tmp_path / "b.npz", csr_matrix(X))
    assert "expected X and y, or data, indices, indptr, shape and y" in message(tmp_path / "b.npz")


@pytest.mark.parametrize(
    "arrays, said",
    (
        ({"X": X}, "found X at the root; expected datasets X and y"),
        ({"X": X, "y": Y[:2]}, "y has 2 entries; expected 3"),
        ({"X": Y, "y": Y}, "X: found shape (3,); expected 2 dimensions"),
        ({"X": np.where(X == 5, np.inf, X), "y": Y}, "X, row 3: found no finite number"),
        ({"X": np.array([[b"a"]]), "y": [1.0]}, "X: found numbers of type"),
    ),
)
def test_bad_hdf5_is_named(message, tmp_path, arrays, said):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for name, array in arrays.items():
            file[name] = array
    assert said in message(tmp_path / "a.h5")


@pytest.mark.parametrize(
    "name", ("a.npz", "a.h5", "a.zip", "a.bin", "a.gz", "a.bz2", "a.xz", "a.csv", "a.svm", "a")
)
@pytest.mark.parametrize("page", ("<!DOCTYPE html>\n", "\ufeff\n<!-- gone -->\n<HTML lang=en>"))
def test_an_html_page_is_recognised_whatever_its_name(message, save, name, page):
    assert "found an HTML page" in message(save(page, name))
