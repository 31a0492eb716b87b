"""A paper's page: its claims beside what was measured, its figures, and what could not be run."""

import json
from pathlib import Path

import pytest

from pavg.report import paper as papers
from pavg.report.claims import AGREES, CANNOT, Claim, below
from pavg.report.paper import Experiment, Paper, Picture
from pavg.report.papers import yu2019, zhang2016, zhou2018
from pavg.sweep import grid
from tests.report import made
from tests.report.made import HOSTILE


def drawn(runs):
    from matplotlib.figure import Figure

    figure = Figure()
    figure.subplots().plot(runs.points["loss"])
    return figure


def lower(runs):
    return below(runs.final("loss", "K == 16"), runs.final("loss", "K == 'all'"), paired=True)


PAPER = Paper(
    name="made",
    title="When does it help?",
    source="Nobody, 2026",
    experiments=(Experiment("here", "a", "What is here."), Experiment("gone", "b", "What is not.")),
    sections=(
        (
            "1 Results",
            (Picture("Losses", "All.", ("here",), drawn), Picture("More", "None.", ("gone",), drawn)),
            (Claim("1", HOSTILE, "", ("here",), lower), Claim("1", "Also.", "2", ("gone",), lower)),
        ),
    ),
)


@pytest.fixture
def written(tmp_path):
    """(folder, [(claim, finding)]) of a page of one experiment that was run and one that was not."""
    (tmp_path / "here").mkdir()
    for seed in range(6):
        for K, end in ((16, 0.3), ("all", 0.4)):
            losses = [0.7, 0.5, end + 0.001 * seed]
            made.write_run(
                tmp_path / "here", [0, 64, 1024], losses, seed=seed, method={"name": "periodic", "K": K}
            )
    found = papers.write(PAPER, papers.read(PAPER, tmp_path, {"gone": "no file"}), tmp_path, full=False)
    return tmp_path, found


def test_each_claim_has_a_verdict_on_the_page_and_in_a_file(written):
    folder, found = written
    kept = json.loads((folder / "claims.json").read_text())
    text = (folder / "index.html").read_text()
    assert [row["verdict"] for row in kept] == [finding.verdict for _, finding in found]
    assert kept[0]["verdict"] == AGREES and kept[0]["measured"].startswith("difference -0.1 ")
    assert kept[1]["verdict"] == CANNOT and kept[1]["why"] == "gone: no file"
    for row in kept:
        assert f">{row['verdict']}</td>" in text and row["measured"] in text
    assert HOSTILE not in text


def test_figures_are_on_the_page_and_beside_it_where_there_are_runs(written):
    folder, _ = written
    text = (folder / "index.html").read_text()
    assert (folder / "losses.svg").exists() and not (folder / "more.svg").exists()
    assert text.count("data:image/svg+xml;base64,") == 1
    assert "for want of runs" in text


def test_files_of_runs_are_found_from_any_folder(written, monkeypatch):
    monkeypatch.chdir(written[0].parent)
    runs = papers.Runs.read(Path(written[0].name) / "here")
    monkeypatch.chdir("/")
    assert all(Path(file).exists() for file in runs.table["file"])


def test_nothing_is_asked_of_a_network(written):
    policy = (written[0] / "index.html").read_text().split('Content-Security-Policy" content="')[1]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")


@pytest.mark.parametrize("paper", [one.PAPER for one in (zhang2016, zhou2018, yu2019)], ids=lambda p: p.name)
def test_every_experiment_of_a_paper_has_its_benchmark_and_every_claim_its_experiments(paper):
    names = {one.name for one in paper.experiments}
    names |= {one.name + papers.TUNED for one in paper.experiments if one.tuned}
    for one in paper.experiments:
        for settings in ((), one.reduced):
            (path,) = grid.sources(f"{paper.name}/{one.spec}")
            assert grid.cells(path, settings)
    for _, pictures, claims in paper.sections:
        for needs in [*(p.needs for p in pictures), *(c.needs for c in claims)]:
            assert set(needs) <= names


def test_where_a_sweep_was_interrupted_its_claims_are_open_and_the_page_is_written(tmp_path):
    def of_all(runs):
        return runs.table.set_index("K").loc["all"]

    made.write_run(tmp_path / "here", [0, 64], [0.7, 0.5])  # K = 16 alone
    sections = (
        ("1", (Picture("Losses", "All.", ("here",), of_all),), (Claim("1", "x", "", ("here",), of_all),)),
    )
    paper = Paper("made", "When?", "Nobody", (Experiment("here", "a", "Here."),), sections)
    [(_, found)] = papers.write(paper, papers.read(paper, tmp_path, {}), tmp_path, full=False)
    assert found.verdict == CANNOT and found.why.startswith("runs are missing: ")
    assert (tmp_path / "index.html").exists()
