"""Partitions: each row once, sizes as promised, functions of (y, P, seed) alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from pavg import streams
from pavg.data.partition import IID, ByLabel, Contiguous, Dirichlet, Pool
from pavg.errors import InputError

EQUAL = (IID(), Contiguous(), ByLabel())
SHARDING = (*EQUAL, Dirichlet(), Dirichlet(beta=0.01), Dirichlet(beta=1e6))


def rows_of(shards):
    """The rows of each learner, a list of arrays."""
    rows = shards.rows if shards.rows.size else np.arange((shards.starts + shards.counts).max())
    return [rows[s : s + c] for s, c in zip(shards.starts, shards.counts, strict=True)]


@st.composite
def problems(draw):
    """(y, P, seed) that every partition accepts: at least two samples a label."""
    labels = draw(st.integers(1, 5))
    y = draw(st.lists(st.integers(0, labels - 1), min_size=2 * labels, max_size=60))
    return np.array(y, float), draw(st.integers(1, len(y))), draw(st.integers(0, 2**64))


@pytest.mark.parametrize("partition", SHARDING, ids=str)
@given(problems())
def test_every_row_goes_to_exactly_one_learner_and_every_learner_has_one(partition, problem):
    y, P, seed = problem
    rows = rows_of(partition.shards(y, P, seed))
    assert len(rows) == P
    assert min(map(len, rows)) >= 1
    np.testing.assert_array_equal(np.sort(np.concatenate(rows)), np.arange(len(y)))


@pytest.mark.parametrize("partition", EQUAL, ids=str)
@given(problems())
def test_sizes_differ_by_at_most_one(partition, problem):
    counts = partition.shards(*problem).counts
    assert counts.max() - counts.min() <= 1


@pytest.mark.parametrize("partition", (Pool(), *SHARDING), ids=str)
@given(problems())
def test_a_partition_is_a_function_of_its_arguments_and_its_types_are_fixed(partition, problem):
    first, second = partition.shards(*problem), partition.shards(*problem)
    for name in ("rows", "starts", "counts"):
        assert getattr(first, name).dtype == np.int64
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
    assert first.starts.shape == first.counts.shape == (problem[1],)


@given(problems(), st.integers(1, 100))
def test_in_a_pool_every_learner_has_all_rows_even_with_more_learners_than_rows(problem, P):
    y, _, seed = problem
    shards = Pool().shards(y, P, seed)
    assert shards.rows.size == 0
    for rows in rows_of(shards):
        np.testing.assert_array_equal(rows, np.arange(len(y)))


@pytest.mark.parametrize("partition", (Pool(), *SHARDING), ids=str)
@given(problems(), st.data())
def test_shards_of_some_learners_are_theirs_alone(partition, problem, data):
    P = problem[1]
    shards = partition.shards(*problem)
    begin = data.draw(st.integers(0, P - 1))
    end = data.draw(st.integers(begin + 1, P))
    some = shards.of(begin, end)
    assert not shards.rows.size or some.rows.size == some.counts.sum()
    for mine, whole in zip(rows_of(some), rows_of(shards)[begin:end], strict=True):
        np.testing.assert_array_equal(mine, whole)


@given(problems())
def test_contiguous_shards_follow_the_file_and_need_no_index(problem):
    shards = Contiguous().shards(*problem)
    assert shards.rows.size == 0
    np.testing.assert_array_equal(np.concatenate(rows_of(shards)), np.arange(len(problem[0])))


@given(problems())
def test_by_label_sorts_by_label_and_keeps_the_files_order_within_one(problem):
    y = problem[0]
    rows = ByLabel().shards(*problem).rows
    pairs = list(zip(y[rows], rows, strict=True))
    assert pairs == sorted(pairs)


def test_by_label_sorts_the_targets_of_a_regression():
    y = np.random.default_rng(0).standard_normal(101)
    highest = [y[rows].max() for rows in rows_of(ByLabel().shards(y, 7, 0))]
    assert highest == sorted(highest)


@pytest.mark.parametrize("partition", (IID(), Dirichlet()), ids=str)
def test_another_seed_gives_another_partition(partition):
    y = np.arange(100) % 4.0
    assert not np.array_equal(partition.shards(y, 4, 0).rows, partition.shards(y, 4, 1).rows)


def largest_shares(beta):
    """For each of 50 labels of 200 rows, the share of the learner that has most of it, P = 8."""
    y = np.repeat(np.arange(50.0), 200)
    rows = rows_of(Dirichlet(beta=beta).shards(y, 8, 0))
    table = np.array([np.bincount(y[r].astype(int), minlength=50) for r in rows])
    return table.max(axis=0) / 200


def test_small_beta_gives_a_label_to_few_learners_and_large_beta_to_all_alike():
    assert np.mean(largest_shares(0.001) > 0.99) > 0.9
    assert 0.2 < np.mean(largest_shares(0.5)) < 0.8
    assert np.max(largest_shares(1e6)) < 0.13  # an eighth, and the rounding


def test_shares_have_the_mean_and_variance_of_the_dirichlet_distribution():
    beta, P, labels, rows = 0.7, 4, 3000, 1000
    y = np.repeat(np.arange(float(labels)), rows)
    first = rows_of(Dirichlet(beta=beta).shards(y, P, 3))[0]
    shares = np.bincount(y[first].astype(int), minlength=labels) / rows
    variance = (1 / P) * (1 - 1 / P) / (P * beta + 1)
    assert abs(shares.mean() - 1 / P) < 5 * np.sqrt(variance / labels)
    assert abs(shares.var() - variance) < 0.1 * variance


def test_a_label_is_shuffled_before_it_is_shared_out():
    y = np.zeros(10_000)
    first = rows_of(Dirichlet(beta=1e6).shards(y, 2, 0))[0]
    assert abs(first.mean() - y.size / 2) < 5 * y.size / np.sqrt(12 * first.size)


def test_an_empty_shard_gets_the_last_row_of_the_largest():
    rows = rows_of(Dirichlet(beta=1e-6).shards(np.zeros(50), 8, 0))  # all to one learner, seven are empty
    largest = max(range(8), key=lambda learner: len(rows[learner]))
    order = streams.generator(0, "partition").permutation(50).tolist()
    assert rows[largest].tolist() == order[:43]
    assert [row for (row,) in rows[:largest] + rows[largest + 1 :]] == order[:42:-1]


@pytest.mark.parametrize("partition", SHARDING, ids=str)
def test_more_learners_than_samples_are_refused_with_both_numbers(partition):
    with pytest.raises(
        InputError, match="more learners than samples: found P = 9 .* n = 8 .*; expected P ≤ n"
    ):
        partition.shards(np.zeros(8), 9, 0)


def test_dirichlet_refuses_the_targets_of_a_regression():
    with pytest.raises(InputError, match="found 20 different labels in 20 samples; expected classes"):
        Dirichlet().shards(np.arange(20.0), 2, 0)
    assert Dirichlet().shards(np.arange(20.0) // 2, 2, 0).counts.sum() == 20  # two samples a label are enough
    with pytest.raises(InputError, match="found 11 different labels in 20 samples"):
        Dirichlet().shards(np.append(np.arange(20) // 2, 99.0)[1:], 2, 0)


@pytest.mark.parametrize("beta", ("0.0", "-1.0", "NaN", "Infinity", '"much"'))
def test_beta_must_be_a_positive_number_of_sane_size(beta):
    with pytest.raises(ValidationError, match="\nbeta\n"):
        TypeAdapter(Dirichlet).validate_json(f'{{"beta": {beta}}}')


@pytest.mark.parametrize("beta", (1e-6, 1e6))
def test_the_bounds_of_beta_are_safe(beta):
    for P in (1, 2, 100):
        shards = (
            TypeAdapter(Dirichlet).validate_json(f'{{"beta": {beta}}}').shards(np.arange(100) % 2.0, P, 0)
        )
        assert shards.counts.sum() == 100 and shards.counts.min() >= 1


@pytest.mark.timeout(20)
@pytest.mark.parametrize("partition", SHARDING, ids=str)
def test_a_million_rows_are_no_work(partition):
    y = np.random.default_rng(0).integers(0, 2, 1_000_000).astype(float)
    assert partition.shards(y, 64, 0).counts.sum() == y.size
