"""pavg show: what is printed and exported is what the files hold; bad names are refused with one message."""

import csv
import io
import json
import subprocess
import sys

import pandas
import pytest

import pavg
from pavg import cli
from pavg.cli.show import _cell as cell_of
from pavg.cli.show import _sparkline as sparkline
from pavg.records.merging import merge
from tests.building import a_result

ROWS = {
    "a": {"K": 4, "label": "K0004", "seed": 10, "step_size": 0.1},
    "b": {"K": 128, "label": "K0128", "seed": 9, "step_size": 0.5},
    "c": {"K": "all", "label": "Kall", "seed": 9, "step_size": None, "method_zeta": 0.5},
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Three runs, one with an accuracy, one that diverged with a reason that looks like markup."""
    more = {"a": {"rows": 5}, "b": {"accuracy": 0.75}, "c": {"status": "diverged", "reason": "[red]1e9[/] ü"}}
    for name, facts in ROWS.items():
        settings = {key: facts[key] for key in ("K", "seed", "step_size")}
        a_result(tmp_path / "runs" / f"{name}.h5", facts | {"config": settings, "lanes": 1}, **more[name])
    monkeypatch.chdir(tmp_path)
    return tmp_path / "runs"


@pytest.fixture
def show(monkeypatch, capsys):
    """A function that runs `pavg show` in this process."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["pavg", "show", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return subprocess.CompletedProcess(arguments, ended.value.code, *capsys.readouterr())

    return run


def names(show, *arguments):
    """Of the runs that are shown, in order."""
    shown = show("runs", "--columns", "run_id", *arguments)
    assert shown.returncode == 0, shown.stderr
    return "".join(line.strip() for line in shown.stdout.splitlines()[1:])


def test_the_usual_columns_are_those_in_which_something_stands(folder, show):
    shown = show("runs")
    head, *lines = shown.stdout.splitlines()
    usual = "problem label P R seed step_size local_steps rounds loss curve accuracy compute comm wait status"
    assert head.split() == usual.split()
    assert lines[0].split()[:5] == ["double-well", "K0004", "4", "2*", "10"] and "█" in lines[0]
    assert lines[2].rstrip().endswith("diverged: [red]1e9[/] ü")
    assert "* hosted: fewer ranks than learners" in shown.stdout and "lanes" not in shown.stdout


@pytest.mark.parametrize(
    "options, expected",
    [
        (["--sort", "K"], "abc"),
        (["--sort", "-method.K"], "cba"),
        (["--sort", "seed,-loss"], "bca"),
        (["--sort", "-step_size"], "bac"),  # what has none comes last, whichever way
        (["--sort", "step_size"], "abc"),
        (["--where", "K < 64"], "a"),
        (["--where", "method.K in (128, 'all') and loss < 0.5"], "bc"),
        (["--where", "status == 'diverged' or step_size == 0.1", "--sort", "-K"], "ca"),
        (["--where", "method.zeta == None"], "ab"),
    ],
    ids=str,
)
def test_runs_are_chosen_and_sorted(folder, show, options, expected):
    assert names(show, *options) == expected


def test_without_a_wish_runs_are_in_the_order_of_their_settings(folder, show):
    a_result(folder / "0.h5", {"K": 2, "seed": 3, "step_size": 0.5, "config": {"step_size": 0.5, "seed": 3}})
    assert names(show) == "a0bc"


def test_times_of_hosted_learners_and_of_lanes_are_marked_whatever_is_shown(folder, show):
    a_result(folder / "d.h5", {"hosted": False, "lanes": 8})
    shown = show("runs", "--columns", "run_id,comm")
    cells = dict(line.split() for line in shown.stdout.splitlines()[1:5])
    assert cells["a"].endswith("*") and cells["d"].endswith("†") and "*" not in cells["d"]
    assert "not the times of P learners" in shown.stdout and "models side by side" in shown.stdout
    assert "*" not in show("runs", "--columns", "run_id,loss").stdout


def test_a_merged_file_is_shown_as_its_files_are(folder, show):
    merge([folder], "all.h5")
    assert show("all.h5").stdout == show("runs").stdout
    options = ["--where", "K < 200", "--sort", "-K", "--columns", "K,loss,method.zeta", "--csv"]
    assert (
        show("all.h5", *options).stdout
        == show("runs", *options).stdout
        == "K,loss,method_zeta\n" + ("128,0.3333333333333333,\n4,0.2,\n")
    )


def test_exports_hold_every_parameter_and_every_final_value(folder, show):
    told = json.loads(show("runs", "--json").stdout)
    lines = list(csv.DictReader(io.StringIO(show("runs", "--csv").stdout)))
    assert show("runs", "--parquet", "runs.parquet").stdout == "3 runs: runs.parquet\n"
    table = pandas.read_parquet("runs.parquet")
    with pavg.open_results("runs") as runs:
        final = runs.isel(evaluation=runs.ticks.count("evaluation") - 1).drop_dims("rank").drop_vars("run")
        assert {*final} | {"compute", "comm", "wait", "elapsed"} == {*told[0]} == {*lines[0]} == {*table}
        for name in final:
            for k, value in enumerate(final[name].values.tolist()):
                there = [told[k][name], lines[k][name] or None, table[name][k]]
                if value == "" or value != value:
                    assert all(pandas.isna(cell) for cell in there), name
                else:
                    assert all(type(value)(cell) == value for cell in there), name
    assert told[0]["comm"] == 10.0 and told[1]["K"] == 128 and table.K.tolist() == ["4", "128", "all"]
    assert str(table.seed.dtype) == "Int64" and table.reason[2] == "[red]1e9[/] ü"


def test_what_is_no_number_is_null_in_json_and_never_zero(folder, show):
    from pavg.records.writing import write
    from tests.building import a_record

    record = a_record(status="diverged", reason="loss inf at tick 2")
    record.rows[-1] |= {"loss": float("inf"), "drift": float("nan")}
    least = {"problem": "x", "label": "l", "P": 1, "R": 1, "hosted": False, "config": {}, "run_id": "d"}
    write(folder / "d.h5", record, least, {})
    chosen = ["runs", "--where", "run_id == 'd'", "--columns", "loss,drift,K"]
    assert json.loads(show(*chosen, "--json").stdout) == [{"loss": None, "drift": None, "K": None}]
    assert show(*chosen, "--csv").stdout == "loss,drift,K\ninf,nan,\n"
    assert "×" in show("runs").stdout


@pytest.mark.parametrize(
    "options, words",
    [
        (["--columns", "label,los"], ["--columns: 'los' is no column", "did you mean 'loss'?"]),
        (["--columns", "curve", "--csv"], ["--columns: 'curve' is no column"]),
        (["--sort", "-sed"], ["--sort: 'sed' is no column", "did you mean 'seed'?"]),
        (["--where", "K <"], ["--where 'K <'", "no expression"]),
        (["--where", "stop.step > 1"], ["'stop_step' is no setting"]),
        (["--where", "open('x')"], ["a call"]),
        (["--where", "K == 5"], ["true for none of 3 runs"]),
        (["--csv", "--parquet", "x"], ["expected one of them"]),
        (["--parquet", "none/x.parquet"], ["none/x.parquet", "cannot be written"]),
    ],
    ids=str,
)
def test_what_cannot_be_shown_is_refused_with_one_message(folder, show, options, words):
    refused = show("runs", *options)
    assert refused.returncode == 2 and not refused.stdout and "Traceback" not in refused.stderr
    assert all(word in refused.stderr for word in words) and len(refused.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "name, value, beside, facts, shown",
    [
        ("local_steps", 12345, [], {}, "12,345"),
        ("bytes", 10**9, [], {}, "1,000,000,000"),
        ("seed", 12345, [], {}, "12345"),  # a number of its own, not a count
        ("R", 2, [], {"hosted": True}, "2*"),
        ("R", 2, [], {"hosted": False}, "2"),
        ("comm", 0.123456, [], {"hosted": True}, "0.123*"),
        ("comm", 0.123456, ["R"], {"hosted": True}, "0.123"),  # there it stands already
        ("elapsed", 12.0, [], {"hosted": True, "lanes": 8}, "12*†"),
        ("elapsed", 12.0, ["lanes"], {"hosted": False, "lanes": 8}, "12"),
        ("time_wall", 0.0, [], {"hosted": False, "lanes": 1}, "0"),
        ("wait", 2.0, [], {"hosted": False, "lanes": ""}, "2"),
        ("test_accuracy", 0.98765, [], {}, "0.9877"),
        ("accuracy", 1.0, [], {}, "1.0000"),
        ("loss", 0.123456789, [], {}, "0.123457"),
        ("loss", 0.0, [], {}, "0"),
        ("loss", float("nan"), [], {}, "nan"),
        ("K", "all", [], {}, "all"),
        ("K", None, [], {}, ""),
        ("curve", [], [], {}, ""),
        ("curve", [2.0, 1.0], [], {}, "█▁"),
        ("status", "ok", [], {"reason": "all steps done"}, "ok"),
        ("status", "timeout", [], {"reason": "60 s"}, "timeout: 60 s"),
    ],
    ids=str,
)
def test_what_stands_in_a_column(name, value, beside, facts, shown):
    assert cell_of(name, {name: value} | facts, [name, *beside]) == shown


@pytest.mark.parametrize(
    "columns, notes",
    [
        ("run_id,loss", []),
        ("run_id,R", ["hosted"]),
        ("run_id,comm", ["clock", "hosted", "side"]),
        ("run_id,elapsed", ["hosted", "side"]),
        ("run_id,elapsed,lanes", ["hosted", "lanes"]),
        ("run_id,lanes", ["lanes"]),
        ("run_id,curve", ["curve"]),
    ],
)
def test_a_note_stands_where_there_is_something_to_note(folder, show, columns, notes):
    a_result(folder / "d.h5", {"hosted": False, "lanes": 8})
    said = {
        "clock": "compute, comm, wait: seconds",
        "hosted": "* hosted",
        "lanes": "lanes: so many",
        "side": "† models",
        "curve": "curve: the loss",
    }
    shown = show("runs", "--columns", columns).stdout
    assert [name for name, words in said.items() if words in shown] == notes


def test_runs_without_hosted_learners_have_no_note_of_them(folder, show):
    assert "hosted" in show("runs").stdout
    for name, facts in ROWS.items():
        a_result(folder / f"{name}.h5", facts | {"hosted": False})
    assert "hosted" not in show("runs").stdout and "lanes" not in show("runs").stdout
    a_result(folder / "d.h5", {"hosted": False, "lanes": 8})
    head = show("runs").stdout.splitlines()[0].split()
    assert head[:5] == ["problem", "label", "P", "R", "lanes"]


def test_only_settings_that_tell_runs_of_one_problem_apart_have_a_column(folder, show):
    for path in folder.glob("*.h5"):
        path.unlink()
    stop = {"steps": 5}
    for k, (problem, l2) in enumerate((("logistic", 0.1), ("logistic", 0.1), ("pca", 0.5))):
        config = {"momentum": l2, "barrier": k == 1, "stop": stop | {"samples": k}, "seed": 0}
        a_result(
            folder / f"{k}.h5", {"problem": problem, "momentum": l2, "barrier": k == 1, "config": config}
        )
    head = show("runs").stdout.splitlines()[0].split()
    assert "barrier" in head and not {"momentum", "seed", "stop_samples"} & {*head}


def test_what_is_merged_is_counted_and_what_is_left_out_is_said(folder, monkeypatch, capsys):
    def merged(*options):
        monkeypatch.setattr(sys, "argv", ["pavg", "merge", "runs", "-o", "all.h5", *options])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert not ended.value.code
        out, err = capsys.readouterr()
        return out, err.removeprefix("merging\n")

    assert merged() == ("3 runs: all.h5\n", "")
    a_result(folder / "e.partial.h5", {}, status="interrupted")
    (folder / "f.h5").write_bytes(b"cut short")
    out, err = merged()
    assert out == "3 runs: all.h5\n" and len(err.splitlines()) == 2
    assert "left out: runs/f.h5: not a whole" in err and "left out: 1 runs that are not over" in err
    out, err = merged("--all")
    assert out == "4 runs: all.h5\n" and len(err.splitlines()) == 1 and "f.h5" in err


@pytest.mark.parametrize(
    "package, command",
    [
        ("pyarrow", ["show", "runs", "--parquet", "x.parquet"]),
        ("pandas", ["report", "runs"]),
        ("xarray", ["report", "runs"]),
        ("matplotlib", ["plot", "convergence", "runs", "-o", "x.pdf"]),
    ],
)
def test_without_an_optional_package_the_message_says_what_to_install(folder, package, command):
    code = f"import sys; sys.modules[{package!r}] = None; from pavg.cli import main; main()"
    command = [sys.executable, "-c", code, *command]
    refused = subprocess.run(command, capture_output=True, text=True)
    assert refused.returncode == 2 and "pip install 'pavg[report]'" in refused.stderr


def test_a_sparkline_goes_from_the_smallest_to_the_largest():
    assert sparkline([100.0, 10.0, 1.0]) == "█▅▁" and sparkline([1.0, 0.5, 0.0]) == "█▅▁"
    assert sparkline([2.0, 2.0]) == "▁▁" and sparkline([1.0, float("inf"), float("nan")]) == "▁××"
    assert sparkline([float("nan")]) == "×" and sparkline([-1.0, 1.0]) == "▁█"
