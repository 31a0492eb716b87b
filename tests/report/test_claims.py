"""Verdicts: right numbers agree, wrong ones differ, and what cannot be told is not told."""

import numpy as np
import pytest

from pavg.report.claims import (
    AGREES,
    CANNOT,
    DIFFERS,
    LEVEL,
    UNDECIDED,
    Claim,
    Finding,
    below,
    equal,
    equivalent,
    interval,
    number,
    ratio,
)


def draws(seed, shape, mean=0.0):
    return np.random.default_rng(seed).normal(mean, 1.0, shape)


def test_an_interval_misses_the_mean_as_often_as_it_says():
    missed = [not low <= 0 <= high for _, low, high in map(interval, draws(0, (4000, 10)))]
    assert np.mean(missed) == pytest.approx(1 - LEVEL, abs=3 * np.sqrt(LEVEL * (1 - LEVEL) / 4000))


def test_a_single_value_has_no_interval():
    assert interval([3.0]) == (3.0, -np.inf, np.inf)


@pytest.mark.parametrize("printed, verdict", [(0.5, AGREES), (3.0, AGREES), (4.5, DIFFERS), (-3.5, DIFFERS)])
def test_a_printed_number_may_lie_three_spreads_of_one_run_away(printed, verdict):
    found = number(draws(1, 2000, mean=0.5), printed, 0.01)
    assert found.verdict == verdict and "2,000 runs" in found.measured


@pytest.mark.parametrize(
    "paired, shift, verdict",
    [(True, 3, AGREES), (True, -3, DIFFERS), (False, 3, AGREES), (False, 0, UNDECIDED)],
)
def test_which_of_two_is_smaller(paired, shift, verdict):
    a = draws(2, 40)
    assert below(a, a + shift + 0.1 * draws(3, 40), paired).verdict == verdict


def test_pairs_tell_what_others_cannot():
    a, b = 100 * draws(4, 20), 100 * draws(4, 20) + 1 + 0.1 * draws(5, 20)
    assert below(a, b, paired=True).verdict == AGREES
    assert below(a, b, paired=False).verdict == UNDECIDED


def test_two_that_are_the_same_are_told_apart_no_more_often_than_allowed():
    told = [below(a, b, paired=False).verdict != UNDECIDED for a, b in draws(6, (2000, 2, 10))]
    assert np.mean(told) < 0.02


@pytest.mark.parametrize(
    "options, verdict",
    [({}, AGREES), ({"more_than": 3.0}, DIFFERS), ({"more_than": 2.0}, UNDECIDED), ({"printed": 2.0}, AGREES),
     ({"printed": 2.5}, DIFFERS)],
)  # fmt: skip
def test_a_ratio_is_compared_with_what_is_printed(options, verdict):
    b = np.exp(0.05 * draws(7, 12))
    assert ratio(2.0 * np.exp(0.05 * draws(8, 12)), b, **options).verdict == verdict


def test_a_ratio_with_a_run_that_never_got_there_is_undecided():
    found = ratio([1.0, np.inf], [1.0, 1.0])
    assert found.verdict == UNDECIDED and "1 of 2 runs" in found.why


@pytest.mark.parametrize(
    "mean, spread, verdict",
    [
        (0.0, 0.1, AGREES),
        (0.95, 0.1, UNDECIDED),
        (1.0, 0.001, UNDECIDED),
        (0.0, 5.0, UNDECIDED),
        (-2.0, 0.1, DIFFERS),
    ],
)
def test_a_mean_is_equivalent_only_where_its_whole_interval_is_within_the_margins(mean, spread, verdict):
    values = mean + spread * draws(9, 20)
    found = equivalent(values, (-1.0, 1.0), "{} steps apart")
    middle, low, high = interval(values)
    assert found.verdict == verdict
    assert found.measured == f"{middle:.3g} ({low:.3g} … {high:.3g}) steps apart"


def test_two_that_differ_by_the_margin_are_equivalent_no_more_often_than_allowed():
    told = [equivalent(1 + a, (-1.0, 1.0), "{}").verdict for a in draws(10, (2000, 10)) / 10]
    assert told.count(AGREES) < 0.02 * 2000


@pytest.mark.parametrize(
    "ratio, verdict", [(1.0, AGREES), (1 / 1.02, AGREES), (1.2, DIFFERS), (1 / 1.2, DIFFERS)]
)
def test_ratios_are_equivalent_by_their_logarithms(ratio, verdict):
    found = equivalent(ratio * np.exp(0.01 * draws(11, 12)), (1 / 1.1, 1.1), "{} times", times=True)
    assert found.verdict == verdict and float(found.measured.split()[0]) == pytest.approx(ratio, rel=0.01)


@pytest.mark.parametrize("most, verdict", [(1e-13, AGREES), (1e-11, DIFFERS)])
def test_equal_up_to_rounding(most, verdict):
    assert equal([0.0, -most], 1e-12, "models").verdict == verdict


class Results(dict):
    missing = {"wells": "its file is not there"}


def test_a_claim_about_runs_that_are_missing_names_them():
    claim = Claim("2.4", "It is so.", "", ("pca", "wells"), lambda pca, wells: Finding("1", AGREES))
    assert claim.judged(Results()) == Finding("", CANNOT, "wells: its file is not there")


def test_a_claim_is_tested_on_the_results_that_it_needs():
    claim = Claim("2.4", "It is so.", "", ("pca",), lambda runs: Finding(runs, DIFFERS))
    assert claim.judged(Results(pca="all of them")) == Finding("all of them", DIFFERS)
