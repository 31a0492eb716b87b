"""The page in a real browser: Debian's chromium, driven by playwright, opened from a file."""

import contextlib
import shutil

import pytest

from pavg.report import page
from pavg.report.contents import contents
from tests.report import made
from tests.report.made import HOSTILE

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
def report(tmp_path_factory):
    """The page of 60 runs and one with texts that would do harm."""
    folder = tmp_path_factory.mktemp("results")
    made.with_harm(folder)
    page.write(folder / "report.html", contents(made.opened(folder)[0], HOSTILE))
    return folder / "report.html"


@pytest.fixture
def opened(browser, report):
    """A function that opens the page and waits for its first chart; no word on the console, no request."""
    with contextlib.ExitStack() as stack:
        said, asked = [], []

        def open_page(width=1280, theme="light"):
            context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=theme)
            stack.callback(context.close)
            shown = context.new_page()
            shown.set_default_timeout(0)  # pytest has one
            shown.on("console", lambda message: said.append(message.text))
            shown.on("pageerror", lambda error: said.append(str(error)))
            shown.on("request", lambda request: asked.append(request.url))
            shown.goto(report.as_uri())
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


def test_each_chart_has_a_sentence_and_the_table_of_its_numbers(opened):
    shown = opened()
    for chart in CHARTS:
        figure = shown.locator(f"#{chart}")
        told = figure.locator(".chart").get_attribute("aria-label")
        assert figure.locator("h3").inner_text() in told and len(told) > 60
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


def test_runs_that_diverged_are_found_with_their_reason(opened):
    shown = opened()
    shown.locator("#status").select_option("diverged")
    rows = shown.locator("#table tbody tr").all_inner_texts()
    assert rows and all("above 1e6" in row for row in rows)


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


def test_the_switch_turns_the_theme_and_charts_with_it(opened):
    shown = opened()
    shown.locator("#theme").click()
    assert shown.locator("html").get_attribute("data-theme") == "dark"
    text = "document.querySelector('#convergence .js-plotly-plot').layout.font.color"
    assert shown.evaluate(text) == "#e6eaf0"
    shown.reload()
    shown.wait_for_selector("#convergence .chart[data-drawn]")
    assert shown.locator("html").get_attribute("data-theme") == "dark"
