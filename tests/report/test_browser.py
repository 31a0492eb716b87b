"""The page in a real browser: Debian's chromium, driven by playwright, opened from a file."""

import contextlib
import re
import shutil

import numpy as np
import pytest

from pavg.report import page

FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
CHARTS = ("convergence", "target-K", "best-step", "map", "split", "speedup", "efficiency", "drift")


@pytest.fixture(scope="module")
def browser():
    """Headless chromium; tests are skipped where it or playwright is not there."""
    playwright = pytest.importorskip("playwright.sync_api")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if not chromium:
        pytest.skip("no chromium on PATH (apt-get install chromium)")
    with playwright.sync_playwright() as started:
        made = started.chromium.launch(executable_path=chromium, args=list(FLAGS))
        yield made
        made.close()


@pytest.fixture(scope="module")
def report(rendered, tmp_path_factory):
    """The file of the page."""
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(rendered)
    return path


@pytest.fixture
def opened(browser, report):
    """A function that opens the page and waits for its first chart; no word on the console, no request."""
    with contextlib.ExitStack() as stack:
        said, asked = [], []

        def open_page(width=1280, theme="light", path=report):
            context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=theme)
            stack.callback(context.close)
            shown = context.new_page()
            shown.set_default_timeout(0)  # pytest has one
            shown.on("console", lambda message: said.append(message.text))
            shown.on("pageerror", lambda error: said.append(str(error)))
            shown.on("request", lambda request: asked.append(request.url))
            shown.goto(path.as_uri())
            shown.wait_for_selector("#convergence .chart[data-drawn]")
            return shown

        yield open_page
    assert said == []
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []


def scroll_through(shown):
    """Bring every chart near the screen, and wait until all are drawn."""
    for chart in CHARTS:
        shown.locator(f"#{chart}").scroll_into_view_if_needed()
        shown.wait_for_selector(f"#{chart} .chart.empty, #{chart} .chart[data-drawn]")


@pytest.mark.parametrize("width, theme", [(1280, "light"), (390, "dark")])
def test_it_opens_from_a_file_and_a_picture_can_be_taken(opened, width, theme, tmp_path):
    shown = opened(width, theme)
    scroll_through(shown)
    assert shown.evaluate("document.documentElement.scrollWidth") <= width
    assert shown.locator("html").get_attribute("data-theme") == theme
    light = shown.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert light == (theme == "light")
    assert len(shown.screenshot(path=tmp_path / "page.png")) > 10_000
    for chart in CHARTS:
        assert shown.locator(f"#{chart} .plotly .cartesianlayer, #{chart} .chart.empty").count() == 1


def test_a_filter_that_is_clicked_leaves_its_runs_in_charts_and_table(opened):
    shown = opened()
    lines = "document.querySelector('#convergence .js-plotly-plot').data.map(trace => trace.name)"
    assert "K = 1" in shown.evaluate(lines)
    before = shown.locator("#count").inner_text()
    shown.locator("#choose-K label", has_text="1").first.click()
    assert "K = 1" not in shown.evaluate(lines)
    assert "K = 4" in shown.evaluate(lines)
    assert shown.locator("#count").inner_text() != before
    assert "1" not in shown.locator("#table tbody tr td:nth-child(5)").all_inner_texts()
    shown.locator("#everything").click()
    assert shown.locator("#count").inner_text() == before


def test_every_axis_and_unit_can_be_chosen(opened):
    shown = opened()
    for name in ("x", "scale", "cost", "kind", "unit"):
        for value in shown.locator(f"input[name={name}]").all():
            value.check()
    for select in ("step", "measure", "target", "clock", "of"):
        for k in range(shown.locator(f"#{select} option").count()):
            shown.locator(f"#{select}").select_option(index=k)
    scroll_through(shown)
    for box in shown.locator("#choose-P input").all():
        box.uncheck()
    assert "No run fits" in shown.locator("#convergence .chart").inner_text() or (
        "No seconds" in shown.locator("#convergence .chart").inner_text()
    )


DRAWN = """id => charts.get(id).made.traces.filter(trace => trace.name).map(({name, x, y, xaxis, error_y}) =>
    ({name, x, y, panel: xaxis, above: error_y?.array, below: error_y?.arrayminus}))"""


def test_lines_of_curves_are_the_medians_of_the_best_step_sizes_a_panel_for_each_P(opened, told):
    shown, data = opened(), told.data
    best = [line for line in data["lines"] if line["best"] and line["problem"] == 0]
    Ps = sorted({line["P"] for line in best})
    for axis, scale in (("samples", "log"), ("rounds", "linear")):
        for name, value in (("x", axis), ("scale", scale)):
            shown.locator(f"input[name={name}][value={value}]").check()

        def there(values, log=scale == "log"):
            return [v if isinstance(v, int | float) and (v > 0 or not log) else None for v in values]

        expected = {
            (f"K = {data['rules'][line['K']]}", f"x{Ps.index(line['P']) + 1}".removesuffix("1")): (
                there(line["x"][axis]),
                there(line["y"]["loss"][0]),
            )
            for line in best
        }
        drawn = shown.evaluate(DRAWN, "convergence")
        assert {(one["name"], one["panel"]): (one["x"], one["y"]) for one in drawn} == expected
        layout = shown.evaluate("charts.get('convergence').made.layout")
        assert {layout[name]["type"] for name in layout if "axis" in name} == {scale}


@pytest.mark.parametrize("kind", ["strong", "weak"])
def test_speed_up_and_efficiency_are_drawn_over_P(opened, told, kind):
    shown, data = opened(), told.data
    shown.locator(f"input[name=kind][value={kind}]").check()
    rows = [row for row in data["scaling"] if (row["problem"], row["clock"], row["kind"]) == (0, 0, kind)]
    for chart in ("speedup", "efficiency"):
        ideal, *lines = shown.evaluate(DRAWN, chart)
        assert ideal["y"] == (ideal["x"] if chart == "speedup" else [1] * len(ideal["x"]))
        for K, line in zip(sorted({row["K"] for row in rows}), lines, strict=True):
            of = sorted((row["P"], *row[chart]) for row in rows if row["K"] == K)
            P, middle, low, high = map(list, zip(*of, strict=True))
            assert (line["name"], line["x"], line["y"]) == (f"K = {data['rules'][K]}", P, middle)
            assert np.subtract(middle, line["below"]) == pytest.approx(low)
            assert np.add(middle, line["above"]) == pytest.approx(high)


def test_what_a_target_takes_is_the_least_that_any_step_size_takes(opened, told):
    shown, data = opened(), told.data
    costs = {}
    for line in data["lines"]:
        middle = line["cost"]["samples"][data["problems"][0]["first"]][0]
        if line["problem"] == 0 and middle not in (None, "inf"):
            costs.setdefault((line["P"], line["K"]), []).append(middle)
    drawn = shown.evaluate(DRAWN, "target-K")[::2]  # a line of what is reached, then triangles of what is not
    assert {(one["name"], K, cost) for one in drawn for K, cost in zip(one["x"], one["y"], strict=True)} == {
        (f"P = {P}", data["rules"][K], min(found)) for (P, K), found in costs.items()
    }


def test_bars_are_the_seconds_of_each_rank_and_the_sentence_names_where_most_are_communication(opened, told):
    shown, data = opened(), told.data
    shown.locator("input[name=unit][value=seconds]").check()
    of = int(shown.locator("#of option:checked").inner_text().removeprefix("P = "))
    rows = [row for row in data["timed"] if (row["problem"], row["clock"], row["P"]) == (0, 0, of)]
    bars, shares = shown.evaluate(DRAWN, "split"), {}
    names, ranks = bars[0]["x"]
    for name in dict.fromkeys(names):
        at = [k for k, one in enumerate(names) if one == name]
        assert [ranks[k] for k in at] == [str(rank) for rank in range(of)]
        seconds = [[bar["y"][k] for k in at] for bar in bars]
        known = [list(row["split"].values()) for row in rows if f"K = {data['rules'][row['K']]}" == name]
        assert seconds in known and list(rows[0]["split"]) == ["compute", "comm", "wait"]
        shares[name] = sum(comm / sum(all_) for comm, *all_ in zip(seconds[1], *seconds, strict=True)) / of
    most = max(shares, key=shares.get)
    said = re.search(r"communication with (K = \w+): ([\d.]+) %", shown.locator("#split .says").inner_text())
    assert said[1] == most and float(said[2]) == pytest.approx(100 * shares[most], rel=0.01)


def test_each_chart_has_a_sentence_and_the_table_of_its_numbers(opened):
    shown = opened()
    for chart in CHARTS:
        figure = shown.locator(f"#{chart}")
        sentence = figure.locator(".chart").get_attribute("aria-label")
        assert figure.locator("h3").inner_text() in sentence and len(sentence) > 60
        if figure.locator(".chart.empty").count() == 0:
            figure.locator("summary").click()
            figure.locator("details tbody tr").first.wait_for()


def test_texts_that_would_do_harm_are_read_as_text(opened):
    shown = opened()
    assert shown.evaluate("window.harm") is None
    assert shown.locator("h1").inner_text().startswith("</script><script>")
    shown.locator("#search").fill("onerror")
    assert shown.locator("#table tbody tr").count() == 1
    assert "<img src=x" in shown.locator("#table tbody").inner_text()
    shown.locator("#table tbody button.open").click()
    assert "<img src=x" in shown.locator("#table tr.details").inner_text()
    assert shown.evaluate("window.harm") is None


def test_runs_that_diverged_are_among_all_and_found_with_their_reason(opened, told):
    shown = opened()
    assert shown.locator("#count").inner_text() == "61 of 61 runs"
    shown.locator("#status").select_option("diverged")
    rows = shown.locator("#table tbody tr").all_inner_texts()
    assert len(rows) == sum(run["status"] == "diverged" for run in told.data["runs"]) > 0
    assert all("above 1e6" in row for row in rows)


def test_the_keyboard_sorts_the_table_and_switches_choices(opened):
    shown = opened()
    shown.locator("#table th button", has_text="loss").first.focus()
    shown.keyboard.press("Enter")
    losses = shown.evaluate(
        "[...document.querySelectorAll('#table tbody tr')].map(row => row.cells["
        "[...document.querySelectorAll('#table th')].findIndex(head => head.ariaSort)].textContent)"
    )
    numbers = [float(text.replace(",", "")) for text in losses if text]
    assert numbers == sorted(numbers) and len(numbers) > 10
    shown.locator("#problem").focus()
    shown.keyboard.press("Tab")
    assert shown.evaluate("document.activeElement.closest('fieldset').id") == "choose-P"
    shown.keyboard.press("Space")
    assert not shown.evaluate("document.activeElement.checked")


TOLD = {
    "[0.32236, 65120, 1.2e-5, 1e-4, 1234567.5, -0.5, null, '', 'inf', 0].map(value => number(value))": [
        "0.3224", "65,120", "1.2e-5", "0.0001", "1.235e+6", "-0.5", "", "", "inf", "0"
    ],
    "[plural(1, 'run'), plural(1200, 'run')]": ["1 run", "1,200 runs"],
    "unique([10, 9, 2, 10])": [2, 9, 10],
    "bounds([1, 100, 'inf', null, -5, 0], true)": [-0.1, 2.1],
    "bounds([3, 3], false)": [2.85, 3.15],
    "[bounds([null, 'inf'], false), bounds([-1, 0], true)].map(one => one === undefined)": [True, True],
    "[ticks(undefined, true), ticks([0, 1], false), ticks([0, 3], true)]": [{}, {}, {"dtick": 1}],
    "ticks([0, 0.9], true).tickvals": [1, 1.5, 2, 3, 5, 7],
    "ticks([0, 1.5], true).ticktext": ["1", "2", "5", "10", "20"],
    "[[4, 1280], [4, 900], [4, 500], [5, 1280], [2, 1280]].map(([n, w]) => panels(Array(n), w).columns)":
        [4, 2, 1, 3, 2],
    "[[null, 1], [1, ''], [10, 9], ['K 10', 'K 9']].map(([a, b]) => compare(a, b))": [1, -1, 1, 1],
    "listed.down = true, [[null, 1], [1, ''], [10, 9], ['a', 'a']].map(([a, b]) => compare(a, b))":
        [1, -1, -1, 0],
}  # fmt: skip


def test_numbers_bounds_ticks_and_orders_are_those_of_the_page_and_more_than_fifty_runs_are_asked_for(opened):
    shown = opened()
    assert shown.locator("#shown").inner_text() == "61 runs, the first 50 shown"
    assert shown.locator("#table tbody tr").count() == 50
    shown.locator("#more").click()
    assert shown.locator("#table tbody tr").count() == 61 and not shown.locator("#more").is_visible()
    shown.locator("#search").fill("diverged  1E6")
    rows = shown.locator("#table tbody tr").all_inner_texts()
    assert rows and all("diverged" in row and "1e6" in row for row in rows)
    shown.locator("#search").fill("diverged nowhere")
    assert shown.locator("#shown").inner_text() == "0 runs"
    for expression, expected in TOLD.items():
        found = shown.evaluate(expression)
        numbers = isinstance(expected[0], float)
        assert found == (pytest.approx(expected) if numbers else expected), expression


def test_sentences_and_tables_are_of_the_problem_step_size_and_measure_that_are_chosen(opened, two, tmp_path):
    path = tmp_path / "two.html"
    path.write_text(page.render(two))
    shown = opened(path=path)

    def made(chart):
        return shown.evaluate("id => (({says, rows}) => [says, rows])(charts.get(id).made)", chart)

    says, rows = made("convergence")
    bands = [0.41, 0.402, 0.418]
    assert rows == [[P, "16", "0.1", 3, 3, 128 * P, *bands, 0] for P in (1, 4)]
    assert says.startswith("2 lines of loss") and "lowest ends at 0.41: P = 1, K = 16, step size 0.1." in says
    says, rows = made("best-step")
    assert says.startswith("2 step sizes were tried, from 0.1 to 0.2. 2 of 2 best values (*)")
    assert rows == [[P, "16", "0.1", *bands, "yes"] for P in (1, 4)]
    says, rows = made("efficiency")
    assert [row[1] for row in rows] == [1, 4] and "against the fastest single learner" in says
    shown.locator("#step").select_option(label="0.2")
    says, rows = made("convergence")
    assert [row[2] for row in rows] == ["0.2"] * 2 and rows[1][6:] == [0.51, 0.502, "inf", 1]
    assert "In 1 line, seeds diverged." in says and shown.locator("#count").inner_text() == "6 of 14 runs"
    shown.locator("#step").select_option(label="all")
    assert len(made("convergence")[1]) == 4
    shown.locator("#measure").select_option(index=2)
    assert "The highest ends at 0.81: " in made("convergence")[0]
    shown.locator("#problem").select_option(index=1)
    says, rows = made("convergence")
    assert rows == [
        [4, "16", "0.1", 1, 1, 512, 0.3, "", "", 0], [4, "all", "0.05", 1, 1, 512, 0.2, "", "", 0]
    ]  # fmt: skip
    assert "The lowest ends at 0.2: P = 4, K = all, step size 0.05." in says
    assert shown.locator("#count").inner_text() == "2 of 14 runs"
    steps = shown.locator("#step option").all_inner_texts()
    assert steps == ["the best for each P and K", "all", "0.05", "0.1"]
    assert made("best-step")[0].endswith("All best values lie inside that range.")
    assert "two or more P" in shown.evaluate("charts.get('speedup').made.empty")


def test_the_switch_turns_the_theme_and_charts_with_it(opened):
    shown = opened()
    shown.locator("#theme").click()
    assert shown.locator("html").get_attribute("data-theme") == "dark"
    text = "document.querySelector('#convergence .js-plotly-plot').layout.font.color"
    assert shown.evaluate(text) == "#e6eaf0"
    shown.reload()
    shown.wait_for_selector("#convergence .chart[data-drawn]")
    assert shown.locator("html").get_attribute("data-theme") == "dark"
