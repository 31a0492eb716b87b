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
    data, table, points = tables
    [problem] = told.data["problems"]
    parts = [float(re.search(r"([\d.e-]+) % of", text)[1]) / 100 for text in problem["targets"]]
    reached = [analysis.reach(table, points, part, x=axis)["at"] for part in parts]
    costs = [analysis.over_seeds(table, at, timed=timed) for at in reached]
    bands = analysis.bands(table, points, x=axis)
    _, groups = analysis.grouped(table, timed=timed)
    split = analysis.split_over_runs(table, analysis.time_split(data, table))
    for group, line in zip(groups.index, told.data[name], strict=True):
        keys = line["P"], told.data["rules"][line["K"]], told.data["steps"][line["step"]]
        P, rule, step = groups.loc[group, ["P", "rule", "step_size"]]
        assert keys == (P, {"one-shot": "all"}.get(rule, rule.removeprefix("K = ")), step)
        of, columns = bands[bands["group"] == group], ("middle", "low", "high", "finite", "seeds")
        assert line["x"].get(axis, []) == number(of["x"])
        assert line["y"].get("loss", [[]])[0] == number(of["middle"])
        expected = [number([cost.loc[group, key] for key in columns]) for cost in costs]
        assert list(map(list, line["cost"][axis])) == expected
        if timed:
            ranks = split[split["group"] == group].sort_values("rank")
            assert line["split"] == {phase: number(ranks[phase]) for phase in analysis.PHASES}
            said = data_clock(groups.loc[group])
            assert told.data["clocks"][line["clock"]]["text"].startswith(said)


def data_clock(group):
    if group["clock"] == "hosted":
        return f"hosted on {group['R']} rank"
    return {"learners": "P learners on P ranks", "lanes": "lanes"}[group["clock"]]


def test_lines_are_medians_and_bands_over_seeds_of_their_problem(two):
    data = two.data
    assert [problem["name"] for problem in data["problems"]] == [
        "logistic · a9a · problem_l2 = 0.0001", "logistic · a9a · problem_l2 = 0.1"
    ]  # fmt: skip
    assert (data["P"], data["rules"], data["steps"]) == ([1, 4], ["16", "all"], ["0.05", "0.1", "0.2"])
    lines = {(line["problem"], line["P"], data["steps"][line["step"]]): line for line in data["lines"]}
    assert len(lines) == 6
    for (problem, P, step), line in lines.items():
        seeds, lost = (1, 0) if problem else (3, (P, step) == (4, "0.2"))
        assert (line["runs"], line["seeds"], line["diverged"]) == (seeds, seeds, lost)
        one_shot = step == "0.05"
        assert data["rules"][line["K"]] == ("all" if one_shot else "16")
        assert line["best"] == (step != "0.2") and line["edge"] == ((problem, step) == (0, "0.1"))
        assert line["x"]["samples"] == [0, 64 * P, 128 * P] and line["x"]["local_steps"] == [0, 16, 32]
        assert line["x"]["rounds"] == ([0, 1, 1] if one_shot else [0, 1, 2])
    many, single = lines[0, 4, "0.1"], lines[1, 4, "0.05"]
    assert many["y"]["loss"] == [[0.7, 0.5, 0.41], [0.7, 0.5, 0.402], [0.7, 0.5, 0.418]]
    assert many["final"] == [0.41, 0.402, 0.418] and lines[0, 4, "0.2"]["final"] == [0.51, 0.502, "inf"]
    assert many["y"]["accuracy"] == [[0.5, None, 0.81], [0.5, None, 0.802], [0.5, None, 0.818]]
    assert single["y"]["loss"] == [[0.9, 0.8, 0.2]] and "accuracy" not in single["y"]
    assert data["problems"][0]["measures"] == ["loss", "normalised", "accuracy"]
    assert data["problems"][1]["measures"] == ["loss", "normalised"]
    assert {(row["problem"], row["P"]) for row in data["scaling"]} == {(0, 1), (0, 4), (1, 4)}


def test_the_tally_counts_and_the_table_has_what_tells_runs_apart(two):
    assert two.tally == [
        ("14", "runs"), ("13", "ok"), ("1", "diverged"), ("2", "values of P"), ("2", "values of K"),
        ("3", "step sizes"), ("3", "seeds"), ("2", "problems"),
    ]  # fmt: skip
    headings = [column["name"] for column in two.data["columns"]]
    assert "problem l2" in headings and "rep." not in headings and "test acc." not in headings
    for run in two.data["runs"]:
        cells = dict(zip(headings, run["cells"], strict=True))
        assert cells["problem l2"] == (0.1 if run["problem"] else 0.0001)
        assert (cells["K"], cells["step size"]) == (
            two.data["rules"][run["K"]],
            two.data["steps"][run["step"]],
        )
        assert cells["P"] == run["P"] and cells["times of"] == "P learners"


def test_clocks_are_those_of_learners_first_of_the_machine_that_tells_most(tmp_path):
    there = {"cpu": "z CPU", "mpi_library": "MPI"}
    for seed, given in enumerate((
        {"P": 1}, {"P": 1}, {"P": 1}, {"P": 1, "environment": there}, {"environment": there},
        {"R": 2}, {"R": 1, "repetition": 1}, {"lanes": 8}, {"measure": "losses"},
    )):  # fmt: skip
        made.write_run(tmp_path, [0, 16], [0.7, 0.5], seed=seed, **given)
    data = contents(made.opened(tmp_path)[0], "clocks").data
    a, b = "(a CPU, MPICH 5.0.2)", "(z CPU, MPI)"
    hosted = "hosted on {}: not the times of P learners " + a
    assert [(clock["text"], clock["learners"]) for clock in data["clocks"]] == [
        (f"P learners on P ranks {b}", True),
        (f"P learners on P ranks {a}", True),
        (hosted.format("1 rank"), False),
        (hosted.format("2 ranks"), False),
        (f"lanes: several step sizes at once {a}", False),
        (f'measure = "losses": not run for times {a}', False),
    ]
    assert {(row["clock"], row["P"]) for row in data["scaling"]} == {(0, 1), (0, 4), (1, 1)}
    assert [column["name"] for column in data["columns"]].count("rep.") == 1


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


def test_commits_hosts_cores_and_packages_are_those_of_each_run(tmp_path):
    newer = {"git_sha": "", "version_numpy": "2.1"}
    for seed, given in enumerate(
        ({"P": 20}, {"git_dirty": 1, "barrier": True}, {"git_dirty": -1, "R": 1}, newer)
    ):
        made.write_run(tmp_path, [0, 16], [0.7, 0.5], seed=seed, **given)
    data = contents(made.opened(tmp_path)[0], "made").data
    seeds = [column["name"] for column in data["columns"]].index("seed")
    told = {
        run["cells"][seeds]: {name: data["facts"][name][k] for name, k in zip(data["facts"], of, strict=True)}
        for run, of in zip(data["runs"], data["made"], strict=True)
    }
    assert [told[seed]["Commit"].partition(" ")[2] for seed in range(4)] == [
        "(clean)", "(changed since: dirty)", "(unknown whether changed)", "checkout"
    ]  # fmt: skip
    hosts = [told[seed]["Hosts and ranks"] for seed in range(4)]
    assert hosts == ["node0: 16 ranks, node1: 4 ranks", "node0: 4 ranks", "node0: 1 rank", "node0: 4 ranks"]
    assert told[1]["Cores a rank may use"] == "rank 0: 0; rank 1: 1; rank 2: 2; rank 3: 3"
    assert told[2]["Cores a rank may use"] == "0"
    assert [told[seed]["Barrier before averages"] for seed in range(4)] == ["no", "yes", "no", "no"]
    assert [sorted(told[seed]["Packages"].split(", ")) for seed in (2, 3)] == [
        ["numpy 2.0", "scikit-learn 1.7"], ["numpy 2.1", "scikit-learn 1.7"]
    ]  # fmt: skip
    counted = dict(contents(made.opened(tmp_path)[0], "made").made)
    assert [count for _, count in counted["Packages"]] == [3, 1] and "File" not in counted
    assert counted["Barrier before averages"] == [("no", 3), ("yes", 1)]


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
