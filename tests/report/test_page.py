"""What the page is made of: numbers of the analysis, texts that do no harm, nothing of a network."""

import json
import re
import subprocess
import sys

import numpy as np

from pavg.report import analysis
from pavg.report.families import number
from tests.report.made import HOSTILE


def test_texts_that_would_do_harm_are_text(told, rendered):
    assert "<img" not in rendered and "window.harm = 1</script>" not in rendered
    assert "&lt;/script&gt;&lt;script&gt;window.harm" in rendered
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', rendered, re.S)[1]
    assert json.loads(found) == json.loads(json.dumps(told.data))


def test_only_scripts_of_ours_may_run_and_none_may_ask_a_network(rendered):
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', rendered)[1]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert not re.search(r"unsafe-(inline|eval)", policy.split("style-src")[0])
    without = rendered.replace(re.search(r'id="plotly">(.*?)</script>', rendered, re.S)[1], "")
    assert not re.search(r"(src|href)=[\"']?(https?:)?//", without)


def test_numbers_are_short_and_say_what_is_missing():
    assert number([0.123456789, 3.0, np.nan, np.inf, -np.inf, 0.0, 1234567.4, 1e-9]) == [
        0.123457, 3, None, "inf", "inf", 0, 1234567, 1e-9,
    ]  # fmt: skip


def test_lines_are_the_bands_of_the_analysis(tables, told):
    _, table, points = tables
    bands = analysis.bands(table, points)
    group, groups = analysis.grouped(table)
    rules, steps = told.data["rules"], told.data["steps"]
    line = next(line for line in told.data["lines"] if line["P"] == 4 and line["y"]["loss"][0])
    name = rules[line["K"]]
    of = groups[
        (groups["P"] == 4) & (groups["rule"].str.removeprefix("K = ").replace("one-shot", "all") == name)
    ]
    of = of[of["step_size"] == steps[line["step"]]].index[0]
    assert line["y"]["loss"][0] == number(bands.loc[bands["group"] == of, "middle"])
    assert line["x"]["samples"] == number(bands.loc[bands["group"] == of, "x"])


def test_hosted_times_are_named_so_and_no_speed_up_comes_from_them(tables, told):
    _, table, _ = tables
    data = told.data
    hosted = {k for k, clock in enumerate(data["clocks"]) if not clock["learners"]}
    assert all("not the times of P learners" in data["clocks"][k]["text"] for k in hosted) and hosted
    assert {row["clock"] for row in data["timed"]} & hosted
    assert data["scaling"] and not {row["clock"] for row in data["scaling"]} & hosted
    assert any("kept apart" in sentence for sentence in told.findings)


def test_every_run_is_in_the_table_with_its_status_and_reason(tables, told):
    _, table, _ = tables
    headings = [column["name"] for column in told.data["columns"]]
    runs = [dict(zip(headings, run["cells"], strict=True)) for run in told.data["runs"]]
    assert [run["status"] for run in runs] == list(table["status"])
    assert [run["reason"] for run in runs] == list(table["reason"])
    assert HOSTILE in {run["reason"] for run in runs}
    split = analysis.time_split(tables[0], table).groupby("run")[["compute", "comm", "wait"]].mean()
    for name, heading in {"compute": "compute", "comm": "comm.", "wait": "wait"}.items():
        assert [run[heading] for run in runs] == number(split[name].reindex(table.index))


def test_each_run_tells_how_it_was_made(tables, told):
    data = told.data
    facts = [
        {name: values[place] for (name, values), place in zip(data["facts"].items(), made, strict=True)}
        for made in data["made"]
    ]
    for name in ("Command", "Commit", "pavg", "MPI", "CPU", "Hosts and ranks", "Cores a rank may use"):
        assert all(fact[name] for fact in facts)
    four = next(fact for fact, run in zip(facts, data["runs"], strict=True) if run["P"] == 4)
    assert four["Hosts and ranks"] in ("node0: 4 ranks", "node0: 2 ranks")
    assert four["Commit"].endswith("(clean)")


def test_the_command_writes_a_page_and_names_what_it_left_out(harmful, tmp_path):
    (harmful / "broken.h5").write_text("no HDF5")
    try:
        done = _report(harmful, "-o", tmp_path / "page.html", "--title", "Sixty")
    finally:
        (harmful / "broken.h5").unlink()
    assert done.returncode == 0 and "61 runs" in done.stdout
    assert "broken.h5" in done.stderr
    text = (tmp_path / "page.html").read_text()
    assert "<h1>Sixty</h1>" in text and "broken.h5" in text


def test_what_cannot_be_reported_is_refused_in_one_line(harmful, tmp_path):
    (tmp_path / "empty").mkdir()
    single = next(harmful.glob("*-r0-*.h5"))
    for path in (tmp_path / "nowhere", tmp_path / "empty", single):
        done = _report(path, "-o", tmp_path / "page.html")
        assert done.returncode == 2 and str(path) in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "page.html").exists()


def _report(*arguments):
    command = [sys.executable, "-m", "pavg", "report", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)
