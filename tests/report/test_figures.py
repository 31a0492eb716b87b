"""Figures: legible in a column, their lines the numbers of the analysis, nothing left out without a word."""

import re
import sys

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.text import Text

from pavg.errors import InputError
from pavg.report import analysis, figures
from tests.conftest import run_to_end
from tests.report.made import opened, sweep, write_run

TICKS = np.append(0, 2 ** np.arange(13))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("figures") / "made"
    sweep(path, 130)
    return path


@pytest.fixture(scope="module")
def results(folder):
    return opened(folder)


def plot(folder, kind, output, *options):
    return run_to_end(
        [sys.executable, "-m", "pavg", "plot", kind, str(folder), "-o", str(output), *options], {}, 120
    )


@pytest.mark.parametrize("kind", sorted(figures.KINDS))
def test_a_figure_is_a_column_wide_and_no_text_is_small(results, kind, tmp_path):
    figure, caption = figures.KINDS[kind](*results)
    figures.save(figure, tmp_path / "figure.pdf", caption)
    assert (tmp_path / "figure.pdf").read_bytes().startswith(b"%PDF")
    assert figure.get_figwidth() == 3.3 and figure.get_figheight() < 8
    sizes = [text.get_fontsize() for text in figure.findobj(Text) if text.get_text()]
    assert min(sizes) >= 7
    assert all(ax.get_ylabel() for ax in figure.axes) and figure.axes[-1].get_xlabel()
    assert caption.endswith(".") and "nan" not in caption and len(figure.legends) == 1


@pytest.mark.parametrize("kind", sorted(figures.KINDS))
def test_nothing_is_drawn_over_the_edge_or_over_other_text(results, kind):
    figure, _ = figures.KINDS[kind](*results)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    boxes = [(text.get_text(), text.get_window_extent(renderer)) for text in _drawn(figure)]
    for k, (one, box) in enumerate(boxes):
        assert box.x0 >= -1 and box.x1 <= figure.bbox.x1 + 1, one
        for other, beside in boxes[k + 1 :]:
            assert not box.shrunk(0.8, 0.8).overlaps(beside.shrunk(0.8, 0.8)), (one, other)


def _drawn(figure):
    """Texts that are seen: of ticks outside their axis, matplotlib keeps the labels, but never draws them."""
    unseen = set()
    for axis in (axis for ax in figure.axes for axis in (ax.xaxis, ax.yaxis)):
        low, high = sorted(axis.get_view_interval())
        ticks = [*axis.get_major_ticks(), *axis.get_minor_ticks()]
        unseen |= {tick.label1 for tick in ticks if not low <= tick.get_loc() <= high}
    texts = [text for text in figure.findobj(Text) if text.get_text() and text.get_visible()]
    return [text for text in texts if text not in unseen]


def test_lines_are_told_apart_by_lightness_too(results):
    figure, _ = figures.KINDS["k-sweep"](*results)
    light = [np.dot(to_rgb(line.get_color()), (0.2126, 0.7152, 0.0722)) for line in figure.axes[0].lines]
    light = np.unique(np.round(light, 3))
    assert len(light) == 4 and np.diff(light).min() > 0.08


def test_the_lines_of_a_k_sweep_are_what_the_target_costs(tmp_path):
    for P in (1, 4):
        for K in (1, 16, "all"):
            rate = 300 * (1 if K == "all" else 1 + np.log2(K) / 8)
            method = {"name": "periodic", "K": K}
            write_run(tmp_path, TICKS, np.exp(-TICKS / rate), P=P, method=method, evaluate={"optimum": 0.0})
    figure, caption = figures.KINDS["k-sweep"](*opened(tmp_path), x="steps", target=0.1)
    lines = {line.get_label(): line for line in figure.axes[0].lines}
    for P in (1, 4):
        np.testing.assert_allclose(lines[f"P = {P}"].get_xdata(), [1, 16, 64])
        np.testing.assert_allclose(
            lines[f"P = {P}"].get_ydata(), np.log(10) * np.array([300, 450, 300]), rtol=1e-6
        )
    assert "f*, as given" in caption and "1 seed" in caption


def test_the_lines_and_bands_of_curves_are_the_losses_that_were_written(tmp_path):
    for P in (1, 4):
        for seed in range(3):
            write_run(tmp_path, TICKS, np.exp(-TICKS * P / 1000) + seed, P=P, seed=seed)
    figure, caption = figures.KINDS["convergence"](*opened(tmp_path), x="steps")
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["P = 1", "P = 4"] and "3 seeds" in caption
    assert figure.axes[-1].get_xlabel() == "local steps of each learner"
    for ax, P in zip(figure.axes, (1, 4), strict=True):
        [line] = (line for line in ax.lines if line.get_label() == "K = 16")
        assert ax.get_xscale() == "log" and ax.get_ylabel() == "training objective"
        np.testing.assert_allclose(line.get_xdata(), TICKS[1:])  # such an axis has no 0
        np.testing.assert_allclose(line.get_ydata(), np.exp(-TICKS[1:] * P / 1000) + 1)
        [band] = ax.collections
        x, y = band.get_paths()[0].vertices.T
        for at, value in ((64, 0.2), (64, 1.8)):  # a tenth and nine tenths of 0, 1, 2
            assert np.isclose(y[x == at], np.exp(-at * P / 1000) + value).any()


def test_speed_up_and_efficiency_are_lines_over_P(tmp_path):
    for P in (1, 2, 4):
        times = {"step": 1e-6, "average": 16e-6 * np.log2(P)}
        write_run(tmp_path, TICKS, np.exp(-TICKS * P / 300), P=P, evaluate={"optimum": 0.0}, **times)
    expected = {1: 1, 2: 1, 4: 4 / 3}  # P over 1 + log2 P
    results = opened(tmp_path)
    strong, weak = figures.KINDS["scaling"](*results)[0].axes
    [target] = figures.KINDS["speed-up"](*results)[0].axes
    for ax, divided in ((strong, False), (weak, True), (target, False)):
        [line] = (made.lines[0] for made in ax.containers)
        heights = [value / (P if divided else 1) for P, value in expected.items()]
        assert line.get_xdata().tolist() == [1, 2, 4] and line.get_ydata().tolist() == pytest.approx(heights)
    assert [ax.get_ylabel() for ax in (strong, weak, target)] == ["speed-up", "efficiency", "speed-up"]


def test_what_is_not_reached_is_a_cross_and_said(tmp_path):
    for K, last in ((1, 0.01), (16, 0.5)):
        write_run(tmp_path, [0, 64], [0.7, last], method={"name": "periodic", "K": K})
    figure, caption = figures.KINDS["k-sweep"](*opened(tmp_path), y="loss", target=0.1)
    crosses = [line for line in figure.axes[0].lines if line.get_marker() == "x"]
    assert [list(line.get_xdata()) for line in crosses] == [[16]] and "×" in caption
    with pytest.raises(InputError, match="no run gets there; the smallest is 0.01"):
        figures.KINDS["k-sweep"](*opened(tmp_path), y="loss", target=0.001)


def test_divergence_is_in_the_picture_and_in_the_caption(tmp_path):
    for seed in range(3):
        lost = seed > 0
        loss = [0.7, 0.5, 1e9] if lost else [0.7, 0.5, 0.4]
        write_run(tmp_path, [0, 8, 64], loss, seed=seed, status="diverged" if lost else "ok")
        write_run(tmp_path, [0, 8, 64], [0.7, 0.5, 0.4], seed=seed, step_size=0.01)
        write_run(tmp_path, [0, 8], [0.7, 1e9], seed=seed, P=8, status="diverged")
    data, table, points = opened(tmp_path)
    _, caption = figures.KINDS["convergence"](data, table, points)
    assert "Diverged, or did not get there, with every step size: P = 8." in caption
    assert "Of 9 runs, 5 diverged." in caption and "best of up to 2" in caption
    only = analysis.chosen(table, "P == 4 and step_size == 0.1")
    with pytest.raises(InputError, match="no line to draw"):
        figures.KINDS["convergence"](data, only, points)


def test_the_bars_of_the_time_split_are_shares_of_the_clock(tmp_path):
    write_run(tmp_path, TICKS, np.ones(14), step=1e-6, average=16e-6, wait=32e-6, barrier=True)
    figure, caption = figures.KINDS["time-split"](*opened(tmp_path))
    heights = [bar.get_height() for bar in figure.axes[0].patches]
    np.testing.assert_allclose(heights, [1 / 4, 1 / 4, 2 / 4])
    assert [text.get_text() for text in figure.axes[0].texts] == ["4"] and "includes waiting" not in caption


def test_hosted_runs_are_left_out_of_times_and_counted(tmp_path):
    for P in (1, 2, 4):
        write_run(tmp_path, TICKS, np.ones(14), P=P)
        write_run(tmp_path, TICKS, np.ones(14), P=P, seed=1, R=1)
    for kind in ("scaling", "time-split"):
        _, caption = figures.KINDS[kind](*opened(tmp_path))
        assert "Left out: 2 (hosted" in caption
    data, table, points = opened(tmp_path)
    with pytest.raises(InputError, match="no run has a rank for each learner.*2 .hosted"):
        figures.KINDS["scaling"](data, table[table.clock == "hosted"], points)


def test_too_many_panels_are_refused_with_a_way_out(tmp_path):
    for P in range(1, 9):
        write_run(tmp_path, [0, 64], [0.7, 0.5], P=P)
    with pytest.raises(InputError, match="8 panels.*--where"):
        figures.KINDS["convergence"](*opened(tmp_path))


def test_the_command_draws_and_prints_the_caption(folder, tmp_path):
    done = plot(folder, "convergence", tmp_path / "a.svg", "--where", "P == 8 and K > 1", "--envelope")
    assert done.returncode == 0, done.stderr
    assert "smallest mean over" in done.stdout
    text = (tmp_path / "a.svg").read_text()
    assert "P = 8" in text and "K = 256" in text and "P = 4" not in text  # text stays text
    assert re.search(r"<dc:title>convergence of made: ", text)


def test_the_best_of_all_runs_normalises_those_that_are_chosen(tmp_path, monkeypatch):
    """What a curve shows does not depend on which others are drawn."""
    from pavg.cli.plot import command

    for P, last in ((2, 0.5), (4, 0.1)):
        write_run(tmp_path, [0, 64], [1.1, last], P=P)
    drawn = []
    monkeypatch.setitem(figures.KINDS, "convergence", lambda *given, **_: drawn.append(given) or (None, "."))
    monkeypatch.setattr(figures, "save", lambda *_: None)
    options = {"expression": "P == 2", "x": "samples", "y": "normalised", "target": 0.1, "envelope": False}
    command.callback("convergence", tmp_path, tmp_path / "a.svg", **options)
    [(_, table, points)] = drawn
    assert list(table.P) == [2]
    assert points[points.run.isin(table.index)].normalised.tolist() == pytest.approx([1, 0.4])


@pytest.mark.parametrize(
    "options, message",
    [
        (("-o", "figure.jpg"), "expected a name that ends in .pdf, .png or .svg"),
        (("-o", "a.pdf", "--where", "Q == 1"), "Q"),
        (("-o", "a.pdf", "--where", "P == 77"), "true for none of 130 runs"),
        (("-o", "a.pdf", "--y", "grad_norm"), "none of these runs has it"),
        (("-o", "none/a.pdf"), "cannot be written"),
    ],
)
def test_bad_input_is_one_message(folder, tmp_path, monkeypatch, options, message):
    from pavg import cli

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["pavg", "plot", "convergence", str(folder), *options])
    printed = []
    monkeypatch.setattr("builtins.print", lambda *told, **_: printed.append(" ".join(map(str, told))))
    monkeypatch.setattr(sys.stdout, "reconfigure", lambda **_: None, raising=False)
    monkeypatch.setattr(sys.stderr, "reconfigure", lambda **_: None, raising=False)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2 and message in printed[-1] and len(printed) == 1


def test_the_command_knows_every_kind_and_curve():
    from pavg.cli.plot import CURVES, KINDS
    from pavg.report.figures.words import Y

    assert set(KINDS) == set(figures.KINDS) and set(CURVES) == set(Y)
