"""The intervals of a table of ratios: what they are, how often they are wrong, what their verdicts say."""

import numpy as np
import pytest
from scipy import stats

from pavg.report import intervals
from pavg.report.intervals import BETTER, SAME, UNKNOWN, WORSE, Interval, apart, paired

MARGIN = 0.05


def test_of_a_few_pairs_it_is_student_s_interval_of_the_log_ratios():
    rng = np.random.default_rng(0)
    a, b = rng.lognormal(0, 0.1, (2, 8))
    found = paired(a, b, cells=1)
    theirs = stats.ttest_1samp(np.log(b / a), 0).confidence_interval(intervals.LEVEL)
    assert np.log([found.low, found.high]) == pytest.approx([theirs.low, theirs.high])
    assert found.ratio == pytest.approx(stats.gmean(b / a)) and found.n == 8


def test_apart_it_is_the_trimmed_test_of_yuen_and_welch():
    rng = np.random.default_rng(1)
    a, b = rng.lognormal(0, 0.1, 30), rng.lognormal(0.1, 0.2, 20)
    found = apart(a, b, cells=1)
    theirs = stats.ttest_ind(np.log(b), np.log(a), equal_var=False, trim=0.1)
    half = stats.t.isf((1 - intervals.LEVEL) / 2, theirs.df) * np.log(found.ratio) / theirs.statistic
    assert np.log(found.high / found.ratio) == pytest.approx(half)


def test_a_burst_in_one_of_ten_pairs_changes_little():
    rng = np.random.default_rng(2)
    a, b = rng.lognormal(0, 0.02, (2, 10))
    calm = paired(a, 1.1 * b, cells=4)
    b[3] *= 3
    hit = paired(a, 1.1 * b, cells=4)
    assert calm.verdict(MARGIN) == hit.verdict(MARGIN) == WORSE
    assert hit.ratio == pytest.approx(1.1, rel=0.03) and hit.high / hit.low < 1.2


def noise(kind, rng, shape):
    """Logarithms of times of runs that do the same."""
    normal = rng.normal(0, 0.03, shape)
    return {
        "normal": lambda: normal,
        "heavy tails": lambda: 0.03 * rng.standard_t(2, shape),
        "bursts": lambda: normal + (rng.random(shape) < 0.1) * rng.exponential(0.3, shape),
        "two speeds": lambda: normal + (rng.random(shape) < 0.3) * 0.5,
        "drift": lambda: normal + 0.05 * np.cumsum(rng.normal(size=shape), axis=0),
    }[kind]()


@pytest.mark.parametrize("cells", [4, 12])
@pytest.mark.parametrize("kind", ["normal", "heavy tails", "bursts", "two speeds", "drift"])
def test_few_tables_of_runs_that_do_the_same_hold_a_better_or_worse(kind, cells):
    rng, tables, wrong = np.random.default_rng(3), 400, 0
    for _ in range(tables):
        times = noise(
            kind, rng, (20, cells)
        )  # in the order of their making: the first of a pair is A or B by turns
        turned = (np.arange(10)[:, None] + np.arange(cells)) % 2
        first, second = np.exp(times[::2]), np.exp(times[1::2])
        a, b = np.where(turned, second, first), np.where(turned, first, second)
        verdicts = {paired(a[:, k], b[:, k], cells).verdict(MARGIN) for k in range(cells)}
        wrong += bool(verdicts & {BETTER, WORSE})
    assert wrong <= stats.binom.isf(1e-3, tables, 0.02)  # as few as 2 of 100 give, but for chance


def test_a_table_of_many_cells_is_wrong_no_more_often_than_one_of_few():
    rng, count = np.random.default_rng(6), 1_000_000
    logs = np.sort(rng.normal(size=(count, 10)), axis=1)
    middle = np.abs(logs[:, 1:9].mean(axis=1))
    deviation = logs.clip(logs[:, [1]], logs[:, [8]]).std(axis=1, ddof=1)
    one = paired(np.ones(10), np.exp(logs[0]), 60)
    half = deviation * np.log(one.high / one.ratio) / deviation[0]
    assert np.sum(middle > half) <= stats.binom.isf(1e-3, count, -np.expm1(np.log(0.98) / 60))


def test_with_fewer_pairs_than_six_nothing_is_told():
    a = np.array([1.0, 1.001, 0.999, 1.0, 1.0])
    assert paired(a, 2 * a[::-1], cells=1).verdict(MARGIN) == UNKNOWN
    assert paired([*a, 1.0], [*(2 * a[::-1]), 2.0], cells=1).verdict(MARGIN) == WORSE


@pytest.mark.parametrize(
    "low, high, verdict",
    [
        (0.97, 1.03, SAME),
        (1.01, 1.04, SAME),  # there is a difference, but none worth the name
        (1.01, 1.2, WORSE),
        (1.06, 1.2, WORSE),
        (0.8, 0.99, BETTER),
        (0.9, 1.02, UNKNOWN),
        (0.0, float("inf"), UNKNOWN),
    ],
)
def test_a_verdict_is_read_off_the_interval(low, high, verdict):
    assert Interval(1.0, low, high, 10, 0.1).verdict(MARGIN) == verdict


def test_as_many_repetitions_as_it_says_do_tell():
    rng = np.random.default_rng(4)
    found = paired(*rng.lognormal(0, 0.1, (2, 10)), cells=4)
    assert found.verdict(MARGIN) == UNKNOWN
    n = found.enough(4, MARGIN)
    assert 100 < n < 1000
    noise = rng.normal(size=n)
    noise *= 0.999 * found.spread / paired(np.ones(n), np.exp(noise), 4).spread
    for shift in (0.0, 0.025, 0.05, 0.1):
        assert paired(np.ones(n), np.exp(shift + noise), 4).verdict(MARGIN) != UNKNOWN


def test_a_single_pair_tells_nothing_and_not_how_many_would():
    found = paired([1.0], [1.2], cells=2)
    assert (found.low, found.high) == (0.0, float("inf")) and found.ratio == pytest.approx(1.2)
    assert found.verdict(MARGIN) == UNKNOWN and found.enough(2, MARGIN) is None
    assert apart([1.0], [1.2, 1.3], cells=2).verdict(MARGIN) == UNKNOWN
