"""What the page is made of: numbers of the analysis, texts that do no harm, nothing of a network."""

import json
import re
import subprocess
import sys

import numpy as np
import pytest

from pavg.report import analysis
from pavg.report.contents import contents
from pavg.report.families import number
from tests.report import made
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


@pytest.mark.parametrize(
    "name, axis, timed",
    [("lines", "samples", False), ("lines", "rounds", False), ("timed", "time_wall", True)],
)
def test_lines_and_what_targets_cost_them_are_those_of_the_analysis(tables, told, name, axis, timed):
    _, table, points = tables
    [problem] = told.data["problems"]
    parts = [float(re.search(r"([\d.e-]+) % of", text)[1]) / 100 for text in problem["targets"]]
    reached = [analysis.reach(table, points, part, x=axis)["at"] for part in parts]
    costs = [analysis.over_seeds(table, at, timed=timed) for at in reached]
    bands = analysis.bands(table, points, x=axis)
    _, groups = analysis.grouped(table, timed=timed)
    for group, line in zip(groups.index, told.data[name], strict=True):
        keys = line["P"], told.data["rules"][line["K"]], told.data["steps"][line["step"]]
        P, rule, step = groups.loc[group, ["P", "rule", "step_size"]]
        assert keys == (P, {"one-shot": "all"}.get(rule, rule.removeprefix("K = ")), step)
        of, columns = bands[bands["group"] == group], ("middle", "low", "high", "finite", "seeds")
        assert line["x"].get(axis, []) == number(of["x"])
        assert line["y"].get("loss", [[]])[0] == number(of["middle"])
        expected = [number([cost.loc[group, key] for key in columns]) for cost in costs]
        assert list(map(list, line["cost"][axis])) == expected


@pytest.mark.parametrize("kind", ["strong", "weak"])
def test_speed_ups_are_those_of_the_analysis(tables, told, kind):
    _, table, points = tables
    rows = analysis.speedups(table, points, kind)
    rows = rows[rows["seconds"].notna()].to_dict("records")
    for row, one in zip(rows, [one for one in told.data["scaling"] if one["kind"] == kind], strict=True):
        assert one["P"] == row["P"] and [one["seconds"]] == number([row["seconds"]])
        assert one["base"] == number([row["base_P"], row["base_seconds"]])
        assert one["speedup"] == number([row[f"speedup{end}"] for end in ("", "_low", "_high")])
        assert one["efficiency"][0] == pytest.approx(row["efficiency"], rel=1e-5)


def test_the_page_says_in_short_what_had_the_lowest_loss_and_what_was_soonest(tmp_path):
    ticks = np.append(0, 2 ** np.arange(11))
    for P in (1, 4):
        for seed in (0, 1, 2):
            loss = np.exp(-P * ticks / 100) * (1 + seed)
            for given in ({"step": 1e-6}, {"step": 1e-9, "lanes": 8, "repetition": 1}):
                made.write_run(tmp_path, ticks, loss, P=P, seed=seed, evaluate={"optimum": 0.0}, **given)
    lowest, soonest, apart = contents(made.opened(tmp_path)[0], "made").findings
    best = "P = 4, K = 16, step size 0.1"
    assert f"the lowest final loss, {2 * np.exp(-40.96):.5g}, came with {best} (median of 3 seeds)." in lowest
    slow, fast = (f"{100 * np.log(1e4) / P * 1e-6:.3g} s" for P in (1, 4))  # the last ten-thousandth
    assert f"0.01 % of the way left was reached soonest with {best}: {fast}." in soonest
    assert f"The slowest that got there, P = 1, K = 16, took {slow}." in soonest
    assert "come from 6 runs" in apart and "the other 6 (hosted, lanes" in apart


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
