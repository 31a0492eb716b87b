"""One file, many cells: products, coupled lists, options, packaged benchmarks."""

import itertools
from pathlib import Path

import pytest

from pavg.errors import InputError
from pavg.methods.periodic import Periodic
from pavg.sweep import grid

BASE = """
problem = "double-well"
step_size = 0.1
P = 4
stop.steps = 100
method = {name = "periodic", K = 16}
"""
WITH_DATA = """
problem = "logistic"
step_size = 0.1
P = 4
stop.steps = 100
method = {name = "periodic", K = 16}
"""


@pytest.fixture
def written(tmp_path):
    """A function that writes a sweep and returns its path."""

    def write(text, base=BASE, name="sweep.toml"):
        path = tmp_path / name
        path.write_text(base + text)
        return path

    return write


def refused(path, overrides=()):
    """The message with which a file is refused."""
    with pytest.raises(InputError) as caught:
        grid.cells(path, overrides)
    return str(caught.value)


# --- products and coupled lists ----------------------------------------------------------------


def test_a_file_without_a_grid_is_one_cell_named_after_the_file(written):
    (cell,) = grid.cells(written(""))
    assert cell.name == "sweep" and cell.P == 4 and cell.method == Periodic(16)
    assert grid.cells(written('name = "mine"\n'))[0].name == "mine"


def test_a_description_is_for_people(written):
    assert grid.cells(written('description = "all about it"\n')) == grid.cells(written(""))


def test_a_grid_is_every_combination(written):
    cells = grid.cells(written('[grid]\nseed = [0, 1, 2]\nmethod.K = [1, 16, "all"]\nP = [2, 3]\n'))
    found = [(c.seed, c.method.K, c.P) for c in cells]
    assert found == list(itertools.product([0, 1, 2], [1, 16, "all"], [2, 3]))


@pytest.mark.parametrize(
    ("text", "values"),
    [("0:10", range(10)), ("3:5", [3, 4]), ("0:10:4", [0, 4, 8]), ("0:2000", range(2000)), ("7:8:1", [7])],
)
def test_a_range_is_a_list_of_integers(written, text, values):
    assert [c.seed for c in grid.cells(written(f'[grid]\nseed = "{text}"\n'))] == list(values)


def test_coupled_lists_go_together_and_multiply_with_the_rest(written):
    cells = grid.cells(
        written(
            "[grid]\nseed = [0, 1]\n[[zip]]\nP = [8, 1]\nstep_size = [0.1, 0.4]\n[[zip]]\nmethod.K = [1, 2]\n"
        )
    )
    found = [(c.seed, c.P, c.step_size.value, c.method.K) for c in cells]
    expected = itertools.product([0, 1], [(8, 0.1), (1, 0.4)], [1, 2])
    assert found == [(seed, *pair, K) for seed, pair, K in expected]


def test_a_range_couples_too(written):
    cells = grid.cells(written('[[zip]]\nseed = "5:8"\nP = [1, 2, 3]\n'))
    assert [(c.seed, c.P) for c in cells] == [(5, 1), (6, 2), (7, 3)]


def test_nested_keys_may_be_tables_or_dotted(written):
    dotted = grid.cells(written("[grid]\nmethod.K = [1, 2]\nevaluate.decade = [3, 4]\n"))
    tables = grid.cells(written("[grid.method]\nK = [1, 2]\n[grid.evaluate]\ndecade = [3, 4]\n"))
    assert dotted == tables and len(dotted) == 4
    assert [c.evaluate.decade for c in dotted] == [3, 4, 3, 4]


def test_whole_components_may_be_swept(written):
    text = '[grid]\nmethod = [{name = "periodic", K = 1}, "gradient-allreduce"]\n'
    assert [c.method.name for c in grid.cells(written(text))] == ["periodic", "gradient-allreduce"]


def test_lists_may_be_swept(written):
    cells = grid.cells(written("[grid]\nevaluate.at = [[1, 2], [3]]\n"))
    assert [c.evaluate.at for c in cells] == [[1, 2], [3]]


def test_cells_share_nothing(written):
    tables = [table for _, table in grid.expand(written("[grid]\nseed = [0, 1]\n"))]
    tables[0]["stop"]["steps"] = 7
    assert tables[1]["stop"]["steps"] == 100


def test_a_fault_in_a_cell_names_file_and_cell(written):
    path = written("[grid]\nseed = [0, 1]\nmethod.K = [1, 0]\n")
    message = refused(path)
    assert message.startswith(f"{path}: cell 1 (seed = 0, method.K = 0): method.K = 0: expected")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("[grid]\nseed = 3\n", ["grid.seed = 3", "a list of values", "'0:10'"]),
        ("[grid]\nseed = []\n", ["grid.seed = []", "a list of values"]),
        ('[grid]\nseed = "5:5"\n', ["grid.seed", "a list of values"]),
        ('[grid]\nseed = "0-10"\n', ["grid.seed = '0-10'", "range as '0:10'"]),
        ('[grid]\nseed = "0:10:0"\n', ["grid.seed = '0:10:0'", "a list of values"]),
        ("[grid.method]\nK = 3\n", ["grid.method.K = 3", "a list of values"]),
        ("[[zip]]\nP = [1, 2]\nseed = [1]\n", ["zip", "different lengths (P 2, seed 1)", "equal"]),
        ("[[zip]]\nP = 3\n", ["zip.P = 3", "a list of values"]),
        ("[zip]\nP = [1, 2]\n", ["zip", "expected [[zip]] tables"]),
        ("[grid]\nmethod.K.x = [1]\n", ["method.K"]),
        ("[grid]\nproblem.w0 = [0.5]\n", ["problem is a name, not a table", "[problem] name"]),
        ("[grid]\ncolour = [1]\n", ["colour: unknown key"]),
        ("[grid]\nseed = [0, 1]\n[[zip]]\nseed = [2, 3]\n", ["seed"]),
        ("[[zip]]\nseed = [0, 1]\n[[zip]]\nseed = [2, 3]\n", ["seed"]),
        ('[grid]\nmethod = ["gradient-allreduce"]\n[[zip]]\nmethod.K = [1, 2]\n', ["method.K"]),
        (
            '[grid]\nmethod.K = [1, 2]\n[[zip]]\nmethod = ["periodic"]\n',
            ["method.K and method are swept"],
        ),
        ("[[zip]]\n", ["zip"]),
        ("[[grid]]\nseed = [0, 1]\n", ["grid"]),
        ("grid = 3\n", ["grid"]),
        ("zip = [1, 2]\n", ["zip"]),
    ],
)
def test_what_is_no_grid_is_refused_with_the_files_name(written, text, parts):
    # keys without a table must stand before any
    path = written("", base=text + BASE) if not text.startswith("[") else written(text)
    message = refused(path)
    assert str(path) in message
    for part in parts:
        assert part in message


def test_a_slip_in_the_toml_is_shown_with_its_line(written):
    path = written("", base="P = 4\nstep_size = = 1\n")
    assert str(path) in refused(path) and "line 2" in refused(path)


# --- --set -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "look", "value"),
    [
        ("P=8", lambda c: c.P, 8),
        (" P = 8 ", lambda c: c.P, 8),
        ("method.K=1", lambda c: c.method.K, 1),
        ("method.K=all", lambda c: c.method.K, "all"),
        ('method.K="all"', lambda c: c.method.K, "all"),
        ("barrier=true", lambda c: c.barrier, True),
        ("evaluate.at=[1, 2]", lambda c: c.evaluate.at, [1, 2]),
        ("step_size=1e-3", lambda c: c.step_size.value, 1e-3),
        ('step_size={name="inverse", alpha=2.0}', lambda c: c.step_size.alpha, 2.0),
        ("name=other", lambda c: c.name, "other"),
        ("stop.seconds=2.5", lambda c: c.stop.seconds, 2.5),
    ],
)
def test_set_changes_the_base(written, text, look, value):
    (cell,) = grid.cells(written(""), [text])
    assert look(cell) == value


def test_the_last_set_wins(written):
    assert grid.cells(written(""), ["P=8", "P=9"])[0].P == 9


def test_set_fixes_a_swept_key(written):
    path = written("[grid]\nseed = [0, 1]\nmethod.K = [1, 2, 3]\n")
    cells = grid.cells(path, ["method.K=7"])
    assert [(c.seed, c.method.K) for c in cells] == [(0, 7), (1, 7)]


def test_set_fixes_a_swept_key_in_quotes(written):
    cells = grid.cells(written('[grid]\n"method.K" = [1, 2, 3]\n'), ["method.K=7"])
    assert [c.method.K for c in cells] == [7]


def test_set_may_sweep(written):
    assert [c.seed for c in grid.cells(written(""), ['grid.seed="0:3"'])] == [0, 1, 2]


@pytest.mark.parametrize("text", ["P=2", "method.K=4"])
def test_set_of_a_coupled_key_is_refused(written, text):
    message = refused(written("[[zip]]\nP = [8, 1]\nmethod.K = [1, 2]\n"), [text])
    assert f"--set {text}" in message and "[[zip]]" in message


def test_set_beside_what_is_coupled_changes_the_base(written):
    path = written("[[zip]]\nP = [8, 1]\nmethod.K = [1, 2]\n")
    cells = grid.cells(path, ["seed=3", "method.warmup=4"])
    found = [(c.P, c.method.K, c.method.warmup, c.seed) for c in cells]
    assert found == [(8, 1, 4, 3), (1, 2, 4, 3)]


@pytest.mark.parametrize("text", ["P", "", "=3", " = 3"])
def test_set_wants_a_key_and_a_value(written, text):
    assert f"--set {text}: expected key=value" in refused(written(""), [text])


def test_set_below_what_is_no_table_is_refused(written):
    assert "P is not a table" in refused(written(""), ["P.x=3"])
    assert "problem is a name, not a table" in refused(written(""), ["problem.w0=0.5"])


def test_set_of_an_unknown_key_or_a_bad_value_is_refused_as_in_the_file(written):
    assert "methd: unknown key; did you mean 'method'?" in refused(written(""), ["methd.K=3"])
    assert 'P = "many": expected a valid integer' in refused(written(""), ["P=many"])


# --- paths of data -------------------------------------------------------------------------------


def test_relative_paths_are_from_the_files_folder(written, tmp_path, monkeypatch):
    monkeypatch.chdir("/")
    text = '[data]\npath = "a9a"\ntest_path = "sub/a9a.t"\n'
    (cell,) = grid.cells(written(text, WITH_DATA))
    assert (cell.data.path, cell.data.test_path) == (str(tmp_path / "a9a"), str(tmp_path / "sub/a9a.t"))


def test_a_relative_name_of_the_file_itself_makes_absolute_paths(written, tmp_path, monkeypatch):
    written('data.path = "a9a"\n', WITH_DATA)
    monkeypatch.chdir(tmp_path)
    assert grid.cells("sweep.toml")[0].data.path == str(tmp_path / "a9a")


@pytest.mark.parametrize("path", ["/data/a9a", "~/a9a", "$DATA/a9a"])
def test_absolute_paths_and_those_to_be_expanded_are_left_alone(written, path):
    assert grid.cells(written(f'data.path = "{path}"\n', WITH_DATA))[0].data.path == path


def test_swept_paths_are_from_the_files_folder_too(written, tmp_path):
    expected = [str(tmp_path / "a"), str(tmp_path / "b")]
    for text in (
        '[grid]\ndata.path = ["a", "b"]\n',
        '[[zip]]\ndata.path = ["a", "b"]\nP = [1, 2]\n',
        '[grid]\ndata = [{path = "a"}, {path = "b"}]\n',
        '[grid]\n"data.path" = ["a", "b"]\n',
    ):
        assert [c.data.path for c in grid.cells(written(text, WITH_DATA))] == expected


def test_a_path_that_is_set_is_from_where_one_stands(written, tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    path = written('data.path = "a9a"\n', WITH_DATA)
    assert grid.cells(path, ["data.path=b"])[0].data.path == str(tmp_path / "here" / "b")
    assert grid.cells(path, ["data.path=~/b"])[0].data.path == str(Path.home() / "b")
    assert grid.cells(path, ["data.test_path=t"])[0].data.test_path == str(tmp_path / "here" / "t")


def test_a_path_may_be_emptied_for_a_name(written):
    path = written('data.path = "a9a"\n', WITH_DATA)
    (cell,) = grid.cells(path, ["data.path=", "data.name=digits"])
    assert (cell.data.path, cell.data.name) == ("", "digits")


@pytest.mark.parametrize("value", ["5", "[1]", "true"])
def test_a_path_that_is_no_text_is_refused(written, value):
    assert "data.path" in refused(written('data.path = "a9a"\n', WITH_DATA), [f"data.path={value}"])
    assert "data.path" in refused(written(f"data.path = {value}\n", WITH_DATA))


# --- names -----------------------------------------------------------------------------------


def test_a_name_is_a_file_a_folders_files_or_a_benchmark(written, tmp_path):
    second, first = written("", name="b.toml"), written("", name="a.toml")
    (tmp_path / "notes.txt").write_text("")
    assert grid.sources(str(first)) == [first]
    assert grid.sources(tmp_path) == [first, second]
    for name in ("quickstart/convex", Path("quickstart/convex")):
        assert grid.sources(name) == [grid.packaged()["quickstart/convex"]]


def test_a_folder_of_benchmarks_stands_for_all_in_it():
    found = grid.sources("quickstart")
    assert found == [path for name, path in grid.packaged().items() if name.startswith("quickstart/")]
    assert len(found) >= 2


@pytest.mark.parametrize("name", ["quick", "quickstart/con", ""])
def test_the_beginning_of_a_name_is_no_name(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError):
        grid.sources(name)


def test_an_unknown_name_is_refused_with_the_benchmarks_there_are():
    with pytest.raises(
        InputError, match=r"quickstrat: no such file, folder or benchmark; .*quickstart/convex"
    ):
        grid.sources("quickstrat")


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(InputError, match="no such file, folder or benchmark"):
        grid.sources(tmp_path)


def test_the_packaged_benchmarks_are_those_of_the_checkout():
    root = Path(__file__).resolve().parents[2] / "benchmarks"
    assert set(grid.packaged().values()) == set(root.rglob("*.toml"))
    assert {"quickstart/convex", "quickstart/double_well"} <= set(grid.packaged())


@pytest.mark.parametrize("name", grid.packaged())
def test_every_packaged_benchmark_is_right(name):
    cells = grid.cells(grid.packaged()[name])
    assert cells
    runs = [(repr(c.settings()),) for c in cells]
    assert len(set(runs)) == len(runs), "a cell comes twice"


@pytest.mark.parametrize("name", grid.packaged())
def test_every_packaged_benchmark_says_what_it_is(name):
    assert "description" in grid.tables.read(grid.packaged()[name])


@pytest.mark.parametrize(
    "swept", ['[grid]\nmethod = [{name = "periodic", K = 7}]', '[[zip]]\nmethod = ["periodic"]']
)
def test_a_key_within_a_swept_table_cannot_be_set(tmp_path, swept):
    path = tmp_path / "run.toml"
    path.write_text(f"P = 2\n{swept}\n")
    with pytest.raises(InputError, match="method.K=99"):
        grid.expand(path, ["method.K=99"])


@pytest.mark.parametrize("text", ["zip=3", "grid=3", "seed=1\nfoo=3"])
def test_what_is_set_must_have_the_shape_of_a_sweep(tmp_path, text):
    path = tmp_path / "run.toml"
    path.write_text("P = 2\n")
    with pytest.raises(InputError, match="--set"):
        grid.expand(path, [text])


def test_a_folder_without_specifications_does_not_hide_a_benchmark(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "quickstart").mkdir()
    assert len(grid.sources("quickstart")) == 2
