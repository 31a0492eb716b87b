"""Draws inside kernels: splitmix64 by the book, and what is made of its bits."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

from pavg import streams
from pavg.kernels.streams import (
    ORDER,
    REPLACEMENT,
    RESHUFFLE,
    RULES,
    below,
    bits,
    draw,
    mix,
    normal,
    shuffled,
    uniform,
    uniforms,
)

WORD = 2**64
GOLDEN, FIRST, SECOND = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
words = st.integers(0, WORD - 1)
counters = st.integers(0, 2**40)
KEYS = streams.keys(2024, "order", range(5))
UNLIKELY = 1e-4  # of a fixed key to fail a test of randomness


class SplitMix64:
    """The generator of Steele, Lea & Flood 2014 (figure 17), with Python's integers: a state and `next`."""

    def __init__(self, seed):
        self.state = seed

    def next(self):
        self.state = (self.state + GOLDEN) % WORD
        z = self.state
        z = (z ^ (z >> 30)) * FIRST % WORD
        z = (z ^ (z >> 27)) * SECOND % WORD
        return z ^ (z >> 31)


def key_of(word):
    """The key whose draw number 0 is `word`: splitmix64 backwards."""

    def unshift(z, by):
        found = z
        for _ in range(64 // by):
            found = z ^ (found >> by)
        return found

    z = unshift(word, 31) * pow(SECOND, -1, WORD) % WORD
    z = unshift(z, 27) * pow(FIRST, -1, WORD) % WORD
    return np.uint64((unshift(z, 30) - GOLDEN) % WORD)


def python_bits(key, m):
    generator = SplitMix64((int(key) + m * GOLDEN) % WORD)
    return generator.next()


def likely(counts, expected=None):
    """Whether counts agree with equal (or expected) chances, by χ²."""
    return stats.chisquare(counts, expected).pvalue > UNLIKELY


# --- bits ------------------------------------------------------------------------------------


def test_the_reference_gives_the_published_numbers():
    generator = SplitMix64(1234567)
    published = (6457827717110365317, 3203168211198807973, 9817491932198370423)
    assert tuple(generator.next() for _ in published) == published


@given(words)
def test_successive_draws_are_splitmix64_started_at_the_key(key):
    generator = SplitMix64(key)
    assert [int(bits(np.uint64(key), m)) for m in range(5)] == [generator.next() for _ in range(5)]


@given(words, counters)
def test_any_draw_can_be_had_without_those_before_it(key, m):
    assert int(bits(np.uint64(key), m)) == python_bits(key, m)


@given(words)
def test_mix_loses_nothing(word):
    assert int(bits(key_of(word), 0)) == word
    assert int(mix(np.uint64(word))) == python_bits((word - GOLDEN) % WORD, 0)


def test_streams_of_seeds_purposes_and_learners_share_no_draws():
    keys = [
        streams.key(*which) for which in itertools.product(range(3), ("order", "noise", "coin"), range(4))
    ]
    drawn = {int(bits(key, m)) for key in keys for m in range(500)}
    assert len(drawn) == 500 * len(keys)


def test_streams_of_neighbouring_learners_are_uncorrelated():
    drawn = np.array([uniforms(key, 0, 20_000) for key in KEYS])
    correlations = np.corrcoef(drawn)[np.triu_indices(len(KEYS), 1)]
    assert np.abs(correlations).max() < 5 / np.sqrt(20_000)
    assert np.abs(np.corrcoef(drawn[0][1:], drawn[0][:-1])[0, 1]) < 5 / np.sqrt(20_000)


# --- uniform ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "word", [0, 1, 2**11 - 1, 2**11, 2**63 - 1, 2**63, WORD - 2**12, WORD - 2**11, WORD - 1]
)
def test_uniform_lies_strictly_between_0_and_1_whatever_the_bits(word):
    key = key_of(word)
    assert 0.0 < uniform(key, 0) < 1.0
    assert np.isfinite(normal(key, 0))


@given(words, counters)
def test_uniform_is_the_bits_as_a_fraction_to_its_grid(key, m):
    u = uniform(np.uint64(key), m)
    assert 0.0 < u < 1.0
    assert abs(u - python_bits(key, m) / WORD) <= 2.0**-52


@pytest.mark.parametrize("key", KEYS)
def test_uniform_is_uniform(key):
    assert stats.kstest(uniforms(key, 0, 50_000), "uniform").pvalue > UNLIKELY


@given(words, counters, st.integers(0, 20))
def test_uniforms_are_successive_draws_of_uniform(key, first, n):
    key = np.uint64(key)
    np.testing.assert_array_equal(uniforms(key, first, n), [uniform(key, first + k) for k in range(n)])


# --- below -----------------------------------------------------------------------------------


@given(words, counters, st.integers(1, 2**32 - 1) | st.sampled_from([1, 2, 2**31, 2**32 - 1]))
def test_below_is_the_high_word_of_bits_times_n(key, m, n):
    found = int(below(np.uint64(key), m, n))
    assert found == python_bits(key, m) * n // WORD
    assert 0 <= found < n


@pytest.mark.parametrize("n", [3, 1000, 2**31 - 1, 2**32 - 1])
@pytest.mark.parametrize("key", KEYS)
def test_below_is_exact_for_n_however_large(key, n):
    assert [below(key, m, n) for m in range(200)] == [python_bits(key, m) * n // WORD for m in range(200)]


@pytest.mark.parametrize("n", [1, 2, 1000, 2**31 + 1, 2**32 - 1])
def test_below_reaches_both_ends_of_its_range(n):
    assert below(key_of(0), 0, n) == 0
    assert below(key_of(WORD - 1), 0, n) == n - 1


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("n", [2, 7, 100])
def test_below_is_uniform(key, n):
    assert likely(np.bincount([below(key, m, n) for m in range(20_000)], minlength=n))


@pytest.mark.parametrize("key", KEYS[:2])
@pytest.mark.parametrize("n", [2**32 - 1, 3 * 2**30 + 1])
def test_below_is_uniform_for_large_n(key, n):
    drawn = np.array([below(key, m, n) for m in range(20_000)], float)
    assert likely(np.histogram(drawn, 64, (0, n))[0])
    assert stats.kstest(drawn / n, "uniform").pvalue > UNLIKELY


# --- shuffled --------------------------------------------------------------------------------


def a_pass(key, turn, n):
    return [int(shuffled(key, turn, position, n)) for position in range(n)]


@settings(max_examples=60)
@given(
    words,
    counters,
    st.integers(1, 1100) | st.sampled_from([1, 2, 3, 4, 5, 16, 17, 64, 65, 256, 257, 1024, 1025]),
)
def test_a_pass_visits_every_place_once(key, turn, n):
    assert sorted(a_pass(np.uint64(key), turn, n)) == list(range(n))


def plainly_shuffled(key, turn, position, n):
    """The place, as docs/streams.md says it, with Python's integers."""
    a = max(math.isqrt(n - 1) + 1, 8)
    b, k = max(-(-n // a), 8), python_bits(key, turn)
    place, walked = position, False
    while place >= n or not walked:
        walked, (left, right) = True, divmod(place, b)
        for r in range(6):
            if r % 2 == 0:
                left = (left + (python_bits(k ^ right, r) >> 32) * a // 2**32) % a
            else:
                right = (right + (python_bits(k ^ left, r) >> 32) * b // 2**32) % b
        place = left * b + right
    return place


@given(words, counters, st.integers(1, 100) | st.integers(1, 2**32 - 1), st.data())
def test_places_are_those_that_are_written_down(key, turn, n, data):
    position = data.draw(st.integers(0, n - 1))
    assert shuffled(np.uint64(key), turn, position, n) == plainly_shuffled(key, turn, position, n)


@given(
    words,
    st.integers(2**20, 2**32 - 1),
    st.lists(st.integers(0, 2**20 - 1), unique=True, min_size=2, max_size=20),
)
def test_places_of_a_large_pass_lie_in_range_and_differ(key, n, positions):
    places = {int(shuffled(np.uint64(key), 0, position, n)) for position in positions}
    assert len(places) == len(positions) and min(places) >= 0 and max(places) < n


def test_passes_differ_and_so_do_learners():
    orders = [tuple(a_pass(key, turn, 30)) for key in KEYS for turn in range(50)]
    assert len(set(orders)) == len(orders)


@pytest.mark.parametrize("n", [5, 12, 17])
@pytest.mark.parametrize("key", KEYS[:3])
def test_every_position_takes_every_place_equally_often(key, n):
    passes = np.array([a_pass(key, turn, n) for turn in range(3000)])
    for position in range(n):
        assert likely(np.bincount(passes[:, position], minlength=n))


@pytest.mark.parametrize("n", [2, 3, 4])
@pytest.mark.parametrize("key", KEYS[:3])
def test_all_orders_of_a_few_places_are_equally_likely(key, n):
    found = [tuple(a_pass(key, turn, n)) for turn in range(6000)]
    assert likely([found.count(order) for order in itertools.permutations(range(n))])


@pytest.mark.parametrize("key", KEYS[:3])
def test_neighbours_in_a_pass_are_any_two_places_equally_often(key):
    n, passes = 9, 3000
    pairs = [(o[3], o[4]) for o in (a_pass(key, turn, n) for turn in range(passes))]
    assert likely([pairs.count(pair) for pair in itertools.permutations(range(n), 2)])


# --- draw ------------------------------------------------------------------------------------

NO_ROWS = np.empty(0, np.int64)


def test_the_rules_have_the_names_of_the_specification():
    assert RULES == {"replacement": REPLACEMENT, "reshuffle": RESHUFFLE, "order": ORDER}


@given(words, counters, st.integers(0, 1000), st.integers(1, 500))
def test_with_replacement_a_row_is_drawn_from_the_learners_own(key, m, start, count):
    key = np.uint64(key)
    assert draw(REPLACEMENT, key, m, NO_ROWS, start, count) == start + python_bits(key, m) * count // WORD


@settings(max_examples=30)
@given(words, st.integers(0, 1000), st.integers(1, 60))
def test_reshuffled_every_pass_draws_each_of_the_learners_rows_once(key, start, count):
    key = np.uint64(key)
    passes = [
        [int(draw(RESHUFFLE, key, turn * count + k, NO_ROWS, start, count)) for k in range(count)]
        for turn in range(4)
    ]
    assert all(sorted(p) == list(range(start, start + count)) for p in passes)
    assert count < 10 or len(set(map(tuple, passes))) == 4


@given(counters, st.integers(0, 1000), st.integers(1, 60))
def test_in_order_the_rows_are_drawn_as_they_lie_pass_after_pass(m, start, count):
    assert draw(ORDER, np.uint64(0), m, NO_ROWS, start, count) == start + m % count


@given(
    words,
    counters,
    st.sampled_from([REPLACEMENT, RESHUFFLE, ORDER]),
    st.integers(0, 20),
    st.integers(1, 30),
    st.randoms(),
)
def test_an_array_of_rows_is_looked_up_at_the_drawn_position(key, m, rule, start, count, random):
    rows = np.array(random.sample(range(1000), 50), np.int64)
    position = draw(rule, np.uint64(key), m, NO_ROWS, start, count)
    assert draw(rule, np.uint64(key), m, rows, start, count) == rows[position]


# --- normal ----------------------------------------------------------------------------------


@given(words, counters)
def test_normal_is_the_inverse_of_the_normal_distribution_at_uniform(key, m):
    key = np.uint64(key)
    np.testing.assert_allclose(normal(key, m), special.ndtri(uniform(key, m)), rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("exponent", range(1, 53))
@pytest.mark.parametrize("upper", [False, True])
def test_normal_is_exact_in_both_tails(exponent, upper):
    word = WORD - 2 ** (64 - exponent) if upper else 2 ** (64 - exponent)
    key = key_of(word)
    np.testing.assert_allclose(normal(key, 0), special.ndtri(uniform(key, 0)), rtol=1e-13)


@pytest.mark.parametrize("key", KEYS)
def test_normal_has_the_moments_of_the_normal_distribution(key):
    n = 50_000
    x = np.array([normal(key, m) for m in range(n)])
    for power, moment in enumerate((0, 1, 0, 3), start=1):
        error = np.sqrt((special.factorial2(2 * power - 1) - moment**2) / n)  # E x²ᵖ = (2p − 1)!!
        assert abs(np.mean(x**power) - moment) < 4.5 * error
    assert stats.kstest(x, "norm").pvalue > UNLIKELY


@pytest.mark.parametrize("n", range(2, 17))
def test_places_of_few_rows_are_uniform_over_passes(n):
    passes, key = 20_000, np.uint64(0x1234_5678_9ABC_DEF0)
    counts = np.zeros((n, n))
    for turn in range(passes):
        for position in range(n):
            counts[position, shuffled(key, turn, position, n)] += 1
    expected = passes / n
    chi2, freedom = ((counts - expected) ** 2 / expected).sum(), (n - 1) ** 2
    assert chi2 < freedom + 5 * np.sqrt(2 * freedom)
