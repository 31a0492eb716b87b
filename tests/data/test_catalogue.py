"""The catalogue: checked like specifications, resolved to files, brought by `get`."""

import hashlib
import io
import tarfile

import pytest

from pavg.data import catalogue, open_store, prepare
from pavg.errors import InputError
from pavg.spec import Data
from tests.data.test_store import matrix
from tests.serving import BODY

ROWS = b"+1 1:0.5 3:1\n-1 2:0.25\n+1 1:1 2:1\n-1 3:2\n+1 2:1\n"


def entry(url="http://127.0.0.1:1/sets/rows.svm", **changes):
    """The text of a catalogue with one set, "mine"."""
    keys = {"title": '"Mine"', "problem": '"logistic"', "n": "5", "d": "3"} | changes
    lines = [f"{key} = {value}" for key, value in keys.items() if value is not None]
    digest = hashlib.sha256(ROWS).hexdigest()
    return "\n".join(
        ["[mine]", *lines, "[mine.data]", 'path = "rows.svm"']
        + ["[[mine.files]]", f'url = "{url}"', f'sha256 = "{digest}"\n']
    )


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A function that makes a text the user's own catalogue."""

    def write(text):
        path = tmp_path / f"own{len(text)}.toml"
        path.write_text(text)
        monkeypatch.setenv("PAVG_CATALOGUE", str(path))
        return path

    return write


def test_the_papers_sets_and_the_usual_ones_are_known():
    known = catalogue.entries()
    assert {
        "E2006-tfidf",
        "E2006-log1p",
        "YearPredictionMSD",
        "HIGGS",
        "rcv1.binary",
        "MNIST",
        "CIFAR-10",
    } <= {name for name, one in known.items() if one.papers}
    assert len(known) >= 20
    for name, one in known.items():
        assert one.pages and one.files, name
        assert one.data.path and not one.data.name, name


def test_the_two_e2006_sets_have_the_features_that_the_paper_exchanges():
    assert (catalogue.find("E2006-tfidf").d, catalogue.find("E2006-log1p").d) == (150_360, 4_272_227)


# name → folder of real data
REAL = {
    "a9a": "a9a",
    "mushrooms": "mushrooms",
    "MNIST": "mnist",
    "heart_scale": "small-libsvm",
    "housing_scale": "small-libsvm",
    "breast-cancer": "small-libsvm",
    "german.numer_scale": "small-libsvm",
    "BlogFeedback": "blogfeedback",
}


@pytest.mark.parametrize("name", REAL)
def test_published_files_are_what_the_catalogue_says(real_data, stores, name):
    one, place = catalogue.find(name), stores / "files" / name
    place.mkdir(parents=True)
    for file in one.files:
        (place / file.name).symlink_to(real_data / REAL[name] / file.name)
    catalogue.get(name, stores)  # verifies, and needs no network
    store = open_store(prepare(Data(name=name)))
    assert (store.name, store.train.n, store.n_features) == (name, one.n, one.d)
    assert (store.test.n if store.test else 0) == one.n_test
    assert one.nnz in (None, store.attrs["nnz"])


# --- a user's own


def test_a_set_of_the_users_own_joins_and_may_replace_one(own):
    own(entry() + entry().replace("mine", "a9a"))
    known = catalogue.entries()
    assert known["mine"].title == known["a9a"].title == "Mine"
    assert "HIGGS" in known


BAD = {
    "unknown key": (entry(rows="3"), "mine.rows: unknown key"),
    "wrong type": (entry(n='"many"'), 'mine.n = "many": expected a valid integer'),
    "missing": (entry(title=None), "mine.title: missing"),
    "wrong problem": (entry(problem='"ranking"'), "mine.problem = \"ranking\": expected 'least-squares'"),
    "unknown data key": (entry() + "[mine.data.x]\n", "mine.data.x: unknown key"),
    "no path": (entry().replace('path = "rows.svm"', ""), "mine.data: expected a path, and no name"),
    "no address": (entry("ftp://x/y"), 'mine.files[0].url = "ftp://x/y": expected '),
    "wrong checksum": (entry().replace('sha256 = "', 'sha256 = "?'), "mine.files[0].sha256"),
    "unknown file key": (entry() + 'crc = "1"\n', "mine.files[0].crc: unknown key"),
    "a bundled name": (entry().replace("mine", "digits"), "digits: expected another name"),
    "a path for a name": (entry().replace("mine", '"../x"'), "../x: expected another name"),
    "no table": ("mine = 3\n", "mine = 3: expected a table"),
    "no TOML": ("mine", "not a TOML file"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_wrong_catalogue_is_refused_with_file_and_key(own, case):
    text, expected = BAD[case]
    path = own(text)
    with pytest.raises(InputError) as caught:
        catalogue.entries()
    assert f"{path}: {expected}" in str(caught.value)


def test_a_catalogue_that_is_not_there_is_named(monkeypatch):
    monkeypatch.setenv("PAVG_CATALOGUE", "/nowhere/sets.toml")
    with pytest.raises(InputError, match="/nowhere/sets.toml: cannot be read"):
        catalogue.entries()


# --- from name to store


def test_a_run_never_downloads_it_says_what_to_bring(server, own, stores):
    server.name = "rows.svm"
    own(entry(server.url))
    with pytest.raises(InputError) as caught:
        prepare(Data(name="mine"))
    for words in ("pavg data get mine", f"put them into {stores}/files/mine/", server.url):
        assert words in str(caught.value)
    assert server.asked == []


def test_a_set_is_downloaded_verified_and_converted(server, own, stores):
    server.name = "rows.svm"
    own(entry(server.url))
    server.body = ROWS
    catalogue.get("mine", stores)
    store = open_store(prepare(Data(name="mine")))
    assert (store.name, store.train.n, store.n_features) == ("mine", 5, 3)
    assert catalogue.is_here("mine", stores)


def test_a_file_that_changes_after_it_was_brought_is_refused_at_conversion(server, own, stores):
    server.name = "rows.svm"
    own(entry(server.url))
    server.body = ROWS
    catalogue.get("mine", stores)
    (stores / "files" / "mine" / "rows.svm").write_bytes(ROWS + ROWS)
    with pytest.raises(InputError, match="rows.svm: found sha256 .* bring it anew from"):
        prepare(Data(name="mine"))


def test_options_of_a_specification_go_before_those_of_the_catalogue(own, stores):
    text = entry(n_test="5").replace(
        'path = "rows.svm"', 'path = "rows.svm"\ntest_path = "t"\nlayout = "csr"'
    )
    own(text)
    (stores / "files" / "mine").mkdir(parents=True)
    (stores / "files" / "mine" / "rows.svm").write_bytes(ROWS)
    given = catalogue.resolve(Data(name="mine", scale="unit_rows"), stores)
    place = str(stores / "files" / "mine")
    assert (given.path, given.test_path) == (f"{place}/rows.svm", f"{place}/t")
    assert (given.layout, given.scale) == ("csr", "unit_rows")
    split = catalogue.resolve(Data(name="mine", test=0.4, layout="dense"), stores)
    assert (split.test_path, split.test, split.layout) == ("", 0.4, "dense")
    assert open_store(prepare(Data(name="mine", test=0.4))).test.n == 2


def test_an_unknown_name_gets_a_suggestion(stores):
    with pytest.raises(InputError, match="data.name = 'a9': no such set; did you mean 'a9a'"):
        prepare(Data(name="a9"))


def archive(**members):
    """The bytes of a .tar.gz."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name.replace("__", "/"))
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return made.getvalue()


PACKED = """
[packed]
title = "Packed"
problem = "logistic"
n = 5
d = 3
[packed.data]
path = "folder/part*"
[[packed.files]]
url = "{url}"
"""


def test_an_archive_is_unpacked_once(server, own, stores):
    server.name = "set.tar.gz"
    own(PACKED.format(url=server.url))
    server.body = archive(folder__part1=ROWS, folder__part2=ROWS)
    for _ in range(2):
        catalogue.get("packed", stores)
    place = stores / "files" / "packed"
    assert sorted(path.name for path in place.iterdir()) == ["folder", "set.tar.gz"]
    store = open_store(prepare(Data(name="packed")))
    assert store.train.n == 10 and matrix(store.train, 3)[0].tolist() == [0.5, 0, 1]


@pytest.mark.parametrize(
    "body",
    (BODY, archive(folder__part1=ROWS)[:60], archive(**{"..__part1": ROWS})),
    ids=("no archive", "truncated", "out of its folder"),
)
def test_a_damaged_or_malicious_archive_is_refused(server, own, stores, body):
    server.name = "set.tar.gz"
    own(PACKED.format(url=server.url))
    server.body = body
    with pytest.raises(InputError, match="set.tar.gz: cannot be unpacked"):
        catalogue.get("packed", stores)
    place = stores / "files" / "packed"
    assert [path.name for path in place.iterdir()] == ["set.tar.gz"]
    assert not (stores / "files" / "part1").exists()
