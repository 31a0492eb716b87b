"""Step sizes and batch sizes over time, and the windows of them that kernels read."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pavg.methods.periodic import Periodic
from pavg.methods.varying import Varying
from pavg.schedules import (
    AHEAD,
    MOST,
    Constant,
    ConstantBatch,
    Decay,
    GrowingBatch,
    Inverse,
    InverseSqrt,
    Power,
    Schedule,
    SideBySide,
)

STEPS = np.arange(1, 200)
NONE = np.zeros(STEPS.shape)


def one(step_size, t, epochs=0.0):
    return step_size.at(np.array([t]), np.array([epochs]))[0]


# --- formulas --------------------------------------------------------------------------------


def test_constant_inverse_and_inverse_sqrt_are_their_formulas():
    for t in (1, 2, 17, 10**9):
        assert one(Constant(0.3), t) == 0.3
        assert one(Inverse(2.0, 5.0), t) == pytest.approx(2.0 / (t + 5.0), rel=1e-15)
        assert one(Inverse(2.0), t) == pytest.approx(2.0 / t, rel=1e-15)
        assert one(InverseSqrt(0.7), t) == 0.7 / math.sqrt(t) == one(Power(0.7, 0.5), t)
        assert one(Power(0.7, 0.8), t) == pytest.approx(0.7 / t**0.8, rel=1e-14)


@pytest.mark.parametrize("N", [1, 2, 3, 8])
def test_power_in_rounds_is_constant_within_each_round_of_the_method(N):
    """Yu's Algorithm 2: γ^s = γ0·N / s^{2/3} in all ⌈s^{1/3} / N⌉ steps of round s."""
    step_size = Power(0.1 * N, 2 / 3, "rounds").within(Varying(start=1 / N, power=1 / 3))
    gammas, batches = Schedule(step_size, ConstantBatch(1), 0, N).window(1, 0, 5000)[0][:2]
    expected = []
    for s in range(1, 8 * N**3 + 10):
        steps = next(k for k in range(1, s + 1) if (k * N) ** 3 >= s)  # ⌈s^{1/3} / N⌉, in whole numbers
        expected += [0.1 * N / s ** (2 / 3)] * steps
    np.testing.assert_allclose(gammas[: len(expected)], expected[: gammas.size], rtol=1e-14)
    assert steps == 3  # past 8N³ rounds


def test_side_by_side_step_sizes_count_each_its_own():
    side = SideBySide([Power(1.0, 1.0, "rounds"), Power(1.0, 1.0)]).within(Periodic(2))
    np.testing.assert_array_equal(side.at(STEPS, NONE)[:4, 0], [1, 1, 1 / 2, 1 / 2])
    np.testing.assert_array_equal(side.at(STEPS, NONE)[:, 1], 1 / STEPS)


@pytest.mark.parametrize("every", [1, 3, 2.5])
def test_decay_by_steps_happens_after_so_many_steps(every):
    found = Decay(1.0, 0.5, every=every, unit="steps").at(STEPS, NONE)
    expected = [0.5 ** sum(k * every <= t - 1 for k in range(1, 200)) for t in STEPS]
    np.testing.assert_array_equal(found, expected)


def test_the_first_step_after_a_point_is_the_first_with_the_smaller_size():
    found = Decay(8.0, 0.25, at_points=[4.0], unit="steps").at(np.arange(1, 8), np.zeros(7))
    np.testing.assert_array_equal(found, [8, 8, 8, 8, 2, 2, 2])


@given(st.lists(st.integers(1, 150), min_size=1, max_size=6), st.sampled_from(["steps", "epochs"]))
def test_decay_at_points_multiplies_once_for_each_point_passed_in_any_order(points, unit):
    decay, clock = Decay(3.0, 0.5, at_points=[float(p) for p in points], unit=unit), STEPS - 1.0
    found = decay.at(STEPS, clock if unit == "epochs" else NONE)
    np.testing.assert_array_equal(found, [3.0 * 0.5 ** sum(p <= c for p in points) for c in clock])


def test_decay_by_epochs_does_not_look_at_steps_nor_the_other_way_round():
    epochs = Decay(1.0, 0.5, every=1.0)
    assert one(epochs, 10**6, 0.99) == 1.0 and one(epochs, 1, 2.0) == 0.25
    assert one(Decay(1.0, 0.5, every=1.0, unit="steps"), 1, 100.0) == 1.0


@pytest.mark.parametrize("points", [{}, {"at_points": [1.0], "every": 2.0}])
def test_decay_wants_points_or_a_distance_between_them(points):
    (complaint,) = Decay(1.0, 0.5, **points).conflicts(None)
    assert "at_points" in complaint and "every" in complaint
    assert (
        Decay(1.0, 0.5, every=2.0).conflicts(None) == Decay(1.0, 0.5, at_points=[1.0]).conflicts(None) == []
    )


@given(st.floats(0.01, 50), st.floats(0.01, 3), st.integers(1, 1000))
def test_growing_batches_are_the_power_rounded_up_and_at_most_the_limit(start, power, most):
    found = GrowingBatch(start, power, most).at(STEPS)
    expected = [min(math.ceil(start * float(t) ** power), most) for t in STEPS]
    assert found.dtype == np.int64
    # powers may differ in the last digit, and so by one sample at a whole number
    assert np.abs(found - expected).max() <= 1 and np.mean(found != expected) < 0.05
    assert found.min() >= 1 and found.max() <= most


def test_batches_stay_as_they_are_told():
    np.testing.assert_array_equal(ConstantBatch(7).at(STEPS), 7)
    np.testing.assert_array_equal(GrowingBatch(2.0, 1.0).at(np.arange(1, 5)), [2, 4, 6, 8])
    np.testing.assert_array_equal(GrowingBatch(1.0, 0.5).at(np.array([1, 2, 4, 5, 9])), [1, 2, 2, 3, 3])
    assert GrowingBatch(1e200, 3.0).at(np.array([10**6]))[0] == 1_000_000


# --- windows ---------------------------------------------------------------------------------

STEP_SIZES = (
    Constant(0.1),
    Inverse(1.0, 3.0),
    InverseSqrt(0.4),
    Power(0.4, 0.7),
    Power(0.4, 0.7, "rounds").within(Varying(K=[3, 1, 200, 7])),
    Decay(1.0, 0.5, every=0.75),
    Decay(1.0, 0.5, at_points=[2.0, 0.5]),
    Decay(1.0, 0.9, every=7.0, unit="steps"),
)
BATCH_SIZES = (ConstantBatch(1), ConstantBatch(5), GrowingBatch(1.5, 0.6), GrowingBatch(3.0, 0.5, 20))


def walked(schedule, lengths):
    """(step sizes, batch sizes) that are used when so many steps are asked for, time and again."""
    gammas, batches, step, samples = [], [], 1, 0
    for n in lengths:
        while n > 0:
            (g, b, first), now = schedule.window(step, samples, n)
            assert 0 < now <= n
            gammas += g[first : first + now].tolist()
            batches += b[first : first + now].tolist()
            samples += int(b[first : first + now].sum())
            step, n = step + now, n - now
    return gammas, batches


def defined(step_size, batch_size, n, P, steps):
    """The same, step by step from the definition."""
    gammas, batches, samples = [], [], 0
    for t in range(1, steps + 1):
        gammas.append(one(step_size, t, samples * P / n if n else 0.0))
        batches.append(int(batch_size.at(np.array([t]))[0]))
        samples += batches[-1]
    return gammas, batches


@settings(max_examples=60)
@given(
    st.sampled_from(STEP_SIZES),
    st.sampled_from(BATCH_SIZES),
    st.sampled_from([0, 1, 49, 64, 1000]),
    st.integers(1, 9),
    st.lists(st.integers(0, 200), max_size=5),
)
def test_windows_are_the_definition_however_they_are_walked(step_size, batch_size, n, P, lengths):
    found = walked(Schedule(step_size, batch_size, n, P), lengths)
    assert found == defined(step_size, batch_size, n, P, sum(lengths))


@settings(max_examples=10)
@given(st.lists(st.integers(0, 3 * AHEAD), min_size=1, max_size=4))
def test_windows_are_the_same_across_their_edges(lengths):
    cut = walked(Schedule(STEP_SIZES[3], BATCH_SIZES[2], 10_000, 3), lengths)
    whole = walked(Schedule(STEP_SIZES[3], BATCH_SIZES[2], 10_000, 3), [sum(lengths)])
    assert cut == whole


@pytest.mark.parametrize(
    "lengths", [[AHEAD, 1, 1], [AHEAD - 1, 1, 1, 1], [AHEAD - 1, 2, 1], [AHEAD, AHEAD, 1]]
)
def test_a_step_just_past_a_windows_edge_is_there(lengths):
    found = walked(Schedule(Inverse(1.0), ConstantBatch(1), 0, 1), lengths)
    np.testing.assert_array_equal(found[0], 1 / np.arange(1.0, sum(lengths) + 1))


def test_a_window_holds_at_most_so_many_steps_and_says_how_many():
    schedule = Schedule(Inverse(1.0), ConstantBatch(2), 10, 1)
    (gammas, batches, first), now = schedule.window(5, 8, 10 * MOST)
    assert now == gammas.size - first == batches.size - first == MOST
    np.testing.assert_array_equal(gammas[first:], 1 / np.arange(5.0, 5 + MOST))


def test_steps_can_be_asked_for_again():
    schedule = Schedule(Inverse(1.0), ConstantBatch(1), 10, 1)
    schedule.window(10_000, 9_999, 5)
    (gammas, _, first), _ = schedule.window(3, 2, 1)
    assert gammas[first] == 1 / 3


@pytest.mark.parametrize("n", [3, 10, 49, 98, 103, 1000, 23_749])
@pytest.mark.parametrize("P", [1, 7])
def test_an_epoch_is_over_exactly_when_all_samples_have_been_seen_once(n, P):
    """With batches of n samples in all, every step is P epochs: the sizes halve exactly then."""
    found, _ = walked(Schedule(Decay(1.0, 0.5, every=float(P)), ConstantBatch(n), n, P), [8])
    assert found == [0.5**k for k in range(8)]


@pytest.mark.parametrize("n", [3, 10, 49, 98, 103])
def test_the_step_size_falls_after_the_last_sample_of_an_epoch(n):
    found, _ = walked(Schedule(Decay(1.0, 0.5, at_points=[1.0]), ConstantBatch(1), n, 1), [2 * n])
    assert found == [1.0] * n + [0.5] * n


def test_without_a_training_set_no_epoch_passes():
    found, _ = walked(Schedule(Decay(1.0, 0.5, every=1.0), ConstantBatch(1), 0, 1), [1000])
    assert set(found) == {1.0}


def test_a_lane_that_is_frozen_stands_still_from_the_next_step_on():
    schedule = Schedule(SideBySide([Constant(0.1), Inverse(1.0)]), ConstantBatch(1), 0, 1)
    for step, expected in ((1, [0.1, 1.0]), (2, [0.0, 1 / 2]), (3, [0.0, 1 / 3])):
        (gammas, _, first), _ = schedule.window(step, step - 1, 1)
        np.testing.assert_array_equal(gammas[first], expected + [0.0] * 6)
        schedule.freeze(0)


def test_a_window_of_no_steps_has_all_lanes():
    schedule = Schedule(SideBySide([Constant(0.1), Inverse(1.0)]), ConstantBatch(1), 0, 1)
    for _ in range(2):
        (gammas, _, first), n = schedule.window(1, 0, 0)
        assert n == 0 and gammas[first].shape == (8,)
        schedule.freeze(0)


@settings(max_examples=60)
@given(st.sampled_from(BATCH_SIZES), st.sampled_from([0, 1, 2, 70, 2000]))
def test_seen_is_the_sum_of_batches(batch_size, steps):
    batches = sum(int(batch_size.at(np.array([t]))[0]) for t in range(1, steps + 1))
    assert Schedule(Constant(1.0), batch_size, 0, 3).seen(steps) == batches


# --- how many steps see so many samples ------------------------------------------------------


@settings(max_examples=60)
@given(st.sampled_from(BATCH_SIZES), st.integers(1, 9), st.integers(1, 2000))
def test_steps_for_is_the_first_step_at_which_all_together_have_seen_enough(batch_size, P, samples):
    seen = steps = 0
    while seen < samples:
        steps += 1
        seen += P * int(batch_size.at(np.array([steps]))[0])
    assert Schedule(Constant(1.0), batch_size, 0, P).steps_for(samples) == steps


@pytest.mark.parametrize("more", [-1, 0, 1])
@pytest.mark.parametrize("batch_size", [ConstantBatch(1), GrowingBatch(most=1)], ids=str)
def test_steps_for_looks_past_its_window(batch_size, more):
    schedule = Schedule(Constant(1.0), batch_size, 0, 3)
    assert schedule.steps_for(3 * (2 * MOST) + more) == 2 * MOST + (more > 0)


def test_constant_schedules_are_computed_once_however_many_steps_are_wanted():
    schedule = Schedule(Constant(0.1), ConstantBatch(2), 100, 1)
    (gammas, batches, _), n = schedule.window(1, 0, 10**6)
    assert n == MOST
    for step, wanted in ((n + 1, 10**6), (2 * n + 1, 3), (3 * n + 1, n)):
        (again, same, first), there = schedule.window(step, 2 * (step - 1), wanted)
        assert again is gammas and same is batches and first == 0 and there == min(wanted, MOST)
