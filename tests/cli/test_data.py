"""pavg data: what users type and see."""

import pytest
from click.testing import CliRunner

from pavg.cli import data
from pavg.errors import InputError

ROWS = "+1 1:0.5 3:1\n-1 2:0.25\n+1 1:1 2:1\n-1 3:2\n+1 2:1\n"


@pytest.fixture
def pavg_data(tmp_path, monkeypatch):
    """A function that runs `pavg data …` with an empty folder of stores, and returns what it prints."""
    monkeypatch.setenv("PAVG_DATA", str(tmp_path / "stores"))
    monkeypatch.delenv("PAVG_CATALOGUE", raising=False)
    (tmp_path / "rows.svm").write_text(ROWS)

    def run(*arguments):
        done = CliRunner().invoke(data.command, [str(a) for a in arguments])
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        assert done.exit_code == 0, done.output
        return done.output

    return run


def line(output, key):
    return next(text for text in output.splitlines() if text.startswith(key))


def test_list_shows_what_is_here(pavg_data, tmp_path):
    assert line(pavg_data("list"), "a9a").split()[1:5] == ["32,561", "+", "16,281", "123"]
    assert "bundled" in line(pavg_data("list"), "digits")
    place = tmp_path / "stores" / "files" / "a9a"
    place.mkdir(parents=True)
    for name in ("a9a", "a9a.t"):
        (place / name).write_text(ROWS)
    assert "downloaded" in line(pavg_data("list"), "a9a")
    (tmp_path / "stores" / "a9a-0123456789ab.h5").write_text("")
    assert "converted" in line(pavg_data("list"), "a9a")


def test_convert_makes_a_store_and_shows_it(pavg_data, tmp_path):
    shown = pavg_data("convert", tmp_path / "rows.svm", "--set", "scale=unit_rows", "--set", "layout=csr")
    assert line(shown, "rows ").split() == ["rows", "5"]
    assert line(shown, "labels").split() == ["labels", "-1:", "2", "(40.0%),", "1:", "3", "(60.0%)"]
    assert line(shown, "scale").split() == ["scale", "unit_rows"]
    # 7 of 40 elements are no padding; 12 bytes each
    assert "396 bytes: 82.5% of X" in line(shown, "padding")
    assert "unit_rows" in pavg_data("info", line(shown, "store").split()[1])


@pytest.mark.parametrize("dtype, padding", (("float64", "200 bytes: 62.5%"), ("float32", "260 bytes: 81.2%")))
def test_type_and_padding_of_a_dense_store(pavg_data, tmp_path, dtype, padding):
    shown = pavg_data("info", tmp_path / "rows.svm", "--set", "layout=dense", "--set", f"dtype={dtype}")
    assert f"dense {dtype}" in line(shown, "layout")
    assert f"{padding} of X" in line(shown, "padding")


def test_synthetic_samples_are_called_so(pavg_data):
    shown = pavg_data("convert", "--set", "synthetic.like=year", "--set", "synthetic.n=100")
    assert "synthetic: made up, no measurement" in line(shown, "name")
    assert line(shown, "synthetic rho")
    assert "100 values" in line(shown, "labels")


def test_info_of_a_set_that_is_not_here_says_what_it_is_and_how_to_get_it(pavg_data):
    shown = pavg_data("info", "E2006-tfidf")
    assert "150,360" in shown and "exchanges its number of features" in shown
    assert "not here yet: pavg data get E2006-tfidf" in shown


def test_info_of_a_bundled_set_makes_its_store(pavg_data):
    assert "scikit-learn" in line(pavg_data("info", "digits"), "source")


def test_info_draws_what_each_learner_gets(pavg_data):
    shown = pavg_data("info", "breast_cancer", "--partition", "by-label", "-P", 4)
    lines = shown.splitlines()[-4:]
    assert [text.split()[:4] for text in lines] == [
        ["0", "143", "143", "0"],
        ["1", "142", "69", "73"],
        ["2", "142", "0", "142"],
        ["3", "142", "0", "142"],
    ]
    assert lines[0].split()[4] == "█" * 40 and set(lines[3].split()[4]) == {"░"}


def test_info_of_a_partition_takes_its_parameters_and_seed(pavg_data):
    def drawn(*options):
        return pavg_data("info", "digits", "--partition", "dirichlet", "-P", 3, *options).splitlines()[-3:]

    assert drawn("--set", "partition.beta=0.05") != drawn() != drawn("--seed", 1)
    assert drawn() == drawn("--set", "partition.beta=0.5")


def test_of_a_regression_a_partition_shows_means(pavg_data):
    shown = pavg_data("info", "diabetes", "--partition", "contiguous", "-P", 2)
    assert "mean" in shown and shown.splitlines()[-1].split()[:2] == ["1", "221"]


def test_get_downloads_verifies_and_converts(pavg_data, server, tmp_path, monkeypatch):
    server.body, server.name = ROWS.encode(), "rows.svm"
    text = '[mine]\ntitle = "Mine"\nproblem = "logistic"\nn = 5\nd = 3\ndata.path = "rows.svm"\n'
    (tmp_path / "own.toml").write_text(f'{text}[[mine.files]]\nurl = "{server.url}"\n')
    monkeypatch.setenv("PAVG_CATALOGUE", str(tmp_path / "own.toml"))
    shown = pavg_data("get", "mine", "--set", "layout=dense")
    assert "downloading" in shown and "dense" in line(shown, "layout")
    assert "converted" in line(pavg_data("list"), "mine")


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["get", "a9"], "data.name = 'a9': no such set; did you mean 'a9a'"),
        (["info", "nowhere.svm"], "nowhere.svm: no such file or set; pavg data list lists them"),
        (["convert"], "expected a name, a path or synthetic"),
        (["convert", "--set", "scal=none"], "data.scal: unknown key; did you mean 'scale'"),
        (["convert", "--set", "scale"], "--set data.scale: expected key=value"),
        (["info", "digits", "--set", "layout=blocks"], "data.layout = \"blocks\": expected 'auto'"),
        (["info", "digits", "--partition", "odd"], "'odd' is none of the partitions"),
        (
            ["info", "digits", "--partition", "iid", "--set", "partition.beta=1"],
            "partition.beta: unknown key",
        ),
        (["info", "digits", "--set", "partition.beta=1.0"], "expected --partition too"),
        (["info", "digits", "--partition", "iid", "-P", "5000"], "more learners than samples"),
    ],
)
def test_bad_input_gives_one_message(pavg_data, arguments, words):
    with pytest.raises(InputError) as caught:
        pavg_data(*arguments)
    assert words in str(caught.value)
