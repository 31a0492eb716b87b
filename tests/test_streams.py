"""Random streams: functions of (seed, purpose, learner) alone, and all different."""

import itertools
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pavg import streams

seeds = st.integers(0, 2**128)
purposes = st.sampled_from(sorted(streams.PURPOSES))
learners = st.integers(0, 2**20)


@given(seeds, purposes, st.none() | learners)
def test_a_stream_is_a_function_of_its_arguments(seed, purpose, learner):
    first, second = (streams.generator(seed, purpose, learner).random(4) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert streams.key(seed, purpose, learner) == streams.key(seed, purpose, learner)


def test_seeds_purposes_and_learners_all_have_streams_of_their_own():
    grid = list(itertools.product(range(5), streams.PURPOSES, (None, *range(50))))
    assert len({int(streams.key(*arguments)) for arguments in grid}) == len(grid)
    assert len({streams.generator(*arguments).random() for arguments in grid}) == len(grid)


@given(seeds, purposes, st.lists(learners, min_size=1, max_size=8))
def test_the_keys_of_several_learners_are_the_keys_of_each(seed, purpose, several):
    keys = streams.keys(seed, purpose, several)
    assert keys.dtype == np.uint64 and keys.shape == (len(several),)
    assert [int(key) for key in keys] == [int(streams.key(seed, purpose, learner)) for learner in several]


def test_keys_and_generators_are_what_their_documentation_says():
    sequence = np.random.SeedSequence(9, spawn_key=(streams.PURPOSES["order"], 4))
    assert streams.key(9, "order", 4) == sequence.generate_state(1, np.uint64)[0]
    assert streams.generator(9, "order", 4).random() == np.random.default_rng(sequence).random()


def test_the_purposes_have_the_numbers_that_are_written_down():
    """Another number would give all published seeds another meaning."""
    page = Path(__file__).resolve().parent.parent.joinpath("docs", "streams.md").read_text()
    table = page.split("| purpose |")[1].split("\n\n")[0]
    written = {name: int(number) for name, number in re.findall(r"^\| (\w+) \| (\d+) \|", table, re.M)}
    assert written == streams.PURPOSES


def test_an_unknown_purpose_is_a_bug_and_says_so():
    with pytest.raises(KeyError, match="coffee"):
        streams.key(0, "coffee")
