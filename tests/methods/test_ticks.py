"""When each method averages, and where the engine may stop: against loops over every tick."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pavg.methods.base import BLOCK
from pavg.methods.gradient_allreduce import GradientAllreduce
from pavg.methods.heterogeneous import Heterogeneous
from pavg.methods.periodic import Periodic
from pavg.methods.prsgd import PRSGD
from pavg.methods.slow_momentum import SlowMomentum
from pavg.methods.stochastic import Stochastic
from pavg.methods.varying import Varying
from pavg.schedules import Power


class Stand:
    """What a method sees of learners: `since`, `coin`, and verbs that only count."""

    def __init__(self, seed=0):
        self.tosses = np.random.default_rng(seed).random(200_000)
        self.since = self.steps = 0
        self.G = object()
        self.log = []  # local steps done at each average
        self.dirty = False

    def coin(self, t, stop):
        """Of the ticks t + 1 … stop."""
        return self.tosses[t + 1 : stop + 1]

    def step(self, n):
        assert n >= 0
        self.steps, self.since, self.dirty = self.steps + n, self.since + n, self.dirty or n > 0

    def average(self, *buffers):
        assert not buffers or buffers == (self.G,)
        self.log.append(self.steps)
        self.since = 0
        self.dirty = self.dirty and bool(buffers)

    def rounds(self, lengths, rest):
        for n in lengths:
            self.step(int(n))
            self.average()
        self.step(rest)

    def gradient(self):
        self.log.append("gradient")

    def apply(self):
        assert self.log[-2] == "gradient"
        self.steps, self.since = self.steps + 1, self.since + 1

    def finish(self):
        if self.dirty:
            self.average()


def named(*methods):
    return pytest.mark.parametrize("method", methods, ids=lambda m: f"{m.__class__.__name__}-{m.label}")


PERIODIC = tuple(Periodic(K, warmup) for K in (1, 2, 7, 64, 100, 1000) for warmup in (0, 1, 30, 65))
ALL = Periodic("all")
VARYING = (
    Varying(K=[5]),
    Varying(K=[1, 2, 30, 7]),
    Varying(K=[100, 3]),
    Varying(K=[200, 65, 64, 63]),
    Varying(start=1.0, power=0.5),
    Varying(start=0.3, power=1 / 3),
    Varying(start=90.0, power=-1.0),
    Varying(start=3.0),
)
STOCHASTIC = tuple(Stochastic(zeta) for zeta in (0.0, 0.001, 0.02, 0.3, 0.9))
ROUNDS = (*PERIODIC, ALL, *VARYING)
PRSGDS = tuple(PRSGD(I) for I in (1, 2, 7, 64, 65, 66, 200))
EVERY = (*ROUNDS, *STOCHASTIC, *PRSGDS, GradientAllreduce())
END = 700


def averages_of(method, end=END, seed=0):
    """The ticks after which a method averages, one tick at a time and from its definition."""
    if isinstance(method, GradientAllreduce):
        return list(range(1, end + 1))
    if isinstance(method, PRSGD):
        return [t for t in range(1, end + 1) if t % method.I == 0]
    if isinstance(method, Stochastic):
        tosses = Stand(seed).tosses
        return [t for t in range(1, end + 1) if tosses[t] < method.zeta]
    found, r, left = [], 1, _length(method, 1)
    for t in range(1, end + 1):
        left -= 1
        if left == 0:
            found.append(t)
            r += 1
            left = _length(method, r)
    return found


def _length(method, r):
    """Local steps in round r."""
    if isinstance(method, Periodic):
        return math.inf if method.K == "all" else method.K + (method.warmup if r == 1 else 0)
    if method.K is not None:
        return method.K[min(r, len(method.K)) - 1]
    return max(math.ceil(method.start * r**method.power), 1)


@named(*EVERY)
def test_averages_come_where_a_loop_over_all_ticks_says(method):
    assert method.averages(Stand(), 0, END).tolist() == averages_of(method)


@settings(max_examples=300)
@given(st.sampled_from(EVERY), st.integers(0, END), st.integers(0, END))
def test_averages_are_those_after_t_up_to_stop(method, t, stop):
    t, stop = sorted((t, stop))
    found = method.averages(Stand(), t, stop)
    assert found.dtype == np.int64 and found.tolist() == [a for a in averages_of(method) if t < a <= stop]


@settings(max_examples=200)
@given(st.sampled_from(ROUNDS), st.lists(st.integers(1, END), min_size=1, max_size=9))
def test_the_round_of_a_step_is_one_more_than_averages_before_it(method, steps):
    ends = averages_of(method)
    expected = [1 + sum(end < t for end in ends) for t in steps]
    assert method.foreseen and method.round_of(np.array(steps)).tolist() == expected


@settings(max_examples=200)
@given(st.integers(1, 50), st.integers(0, 60), st.integers(1, 400))
def test_periodic_averages_every_K_steps_once_it_is_warm(K, warmup, end):
    expected = [t for t in range(1, end + 1) if t > warmup and (t - warmup) % K == 0]
    assert Periodic(K, warmup).averages(Stand(), 0, end).tolist() == expected


@settings(max_examples=200)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=10))
def test_varying_with_one_period_is_periodic(cuts):
    K, end = cuts[0], sum(cuts)
    assert Varying(K=[K]).averages(Stand(), 0, end).tolist() == Periodic(K).averages(Stand(), 0, end).tolist()


@pytest.mark.parametrize(
    "method", [Varying(start=1e19), Varying(start=1.0, power=70.0), Varying(K=[2**62])], ids=str
)
def test_rounds_longer_than_any_run_are_as_one_shot(method):
    expected = [1] if method.start == 1.0 else []
    assert method.averages(Stand(), 0, END).tolist() == expected


# --- advance ---------------------------------------------------------------------------------


@settings(max_examples=200)
@given(st.sampled_from((*ROUNDS, *STOCHASTIC)), st.lists(st.integers(0, 200), min_size=1, max_size=5))
def test_a_run_cut_anywhere_steps_and_averages_as_a_loop_over_all_ticks(method, lengths):
    learners, t = Stand(), 0
    for n in lengths:
        method.advance(learners, t, t + n)
        t += n
    ends, steps, log, since = set(averages_of(method, t)), 0, [], 0
    for tick in range(1, t + 1):
        if not (isinstance(method, Stochastic) and tick in ends):  # there a tick is one or the other
            steps, since = steps + 1, since + 1
        if tick in ends:
            log.append(steps)
            since = 0
    assert (learners.log, learners.steps, learners.since) == (log, steps, since)


@settings(max_examples=100)
@given(st.integers(1, 60), st.integers(1, 500))
def test_periodic_combines_as_often_as_rounds_begin(K, T):
    learners = Stand()
    Periodic(K).advance(learners, 0, T)
    learners.finish()
    assert len(learners.log) == math.ceil(T / K) and learners.steps == T


@pytest.mark.parametrize("T", [1, 17, 500])
def test_one_shot_combines_once(T):
    learners = Stand()
    ALL.advance(learners, 0, T)
    learners.finish()
    assert learners.log == [T]


@pytest.mark.parametrize("T", [1, 17, 500])
def test_gradient_allreduce_averages_the_gradient_before_every_step(T):
    learners = Stand()
    GradientAllreduce().advance(learners, 0, T)
    learners.finish()
    assert learners.steps == T and learners.log == [x for t in range(T) for x in ("gradient", t)]


def test_a_time_step_of_stochastic_averaging_is_an_averaging_or_a_local_step():
    learners, T = Stand(), 5000
    Stochastic(0.2).advance(learners, 0, T)
    assert learners.steps + len(learners.log) == T
    assert abs(len(learners.log) - 0.2 * T) < 4.5 * math.sqrt(0.2 * 0.8 * T)


@settings(max_examples=100)
@given(st.sampled_from(PRSGDS), st.lists(st.integers(0, 200), min_size=1, max_size=5))
def test_pr_sgd_averages_between_gradient_and_step_where_t_is_a_multiple_of_I(method, lengths):
    """Cut anywhere; so the first average comes after I − 1 local steps."""
    learners, t = Stand(), 0
    for n in lengths:
        method.advance(learners, t, t + n)
        t += n
    expected = [x for tick in range(method.I, t + 1, method.I) for x in ("gradient", tick - 1)]
    assert (learners.log, learners.steps) == (expected, t)


# --- where the engine may stop ---------------------------------------------------------------


def whole_blocks(method, t, seen):
    """Whether tick t is an average, or a multiple of 64 ticks after the last average before it."""
    begin = max((a for a in seen if a < t), default=0)
    return t in seen or (t - begin) % BLOCK == 0


@settings(max_examples=300)
@given(st.sampled_from((*ROUNDS, *STOCHASTIC)), st.lists(st.integers(1, 150), min_size=1, max_size=5))
def test_a_stop_is_the_first_average_or_whole_block_from_the_tick_asked_for(method, gaps):
    learners, t, seen = Stand(), 0, set(averages_of(method, 2000))
    for gap in gaps:
        stop = t + gap
        found = method.allowed(learners, t, stop)
        expected = next(tick for tick in range(stop, stop + BLOCK + 1) if whole_blocks(method, tick, seen))
        assert found == expected
        method.advance(learners, t, found)
        t = found


@settings(max_examples=200)
@given(st.sampled_from((*ROUNDS, *STOCHASTIC)), st.integers(0, 300), st.integers(1, 150))
def test_a_stop_that_was_not_allowed_moves_no_later_one(method, t, gap):
    """An end or an evaluation in mid-block: later stops are where they would have been."""
    learners, seen = Stand(), set(averages_of(method, 2000))
    method.advance(learners, 0, t)
    found = method.allowed(learners, t, t + gap)
    assert found == next(
        tick for tick in range(t + gap, t + gap + BLOCK + 1) if whole_blocks(method, tick, seen)
    )


@settings(max_examples=200)
@given(st.sampled_from(PRSGDS), st.integers(0, 300), st.integers(1, 150))
def test_in_pr_sgd_blocks_begin_after_a_step_from_the_average_and_end_before_the_next(method, t, gap):
    def whole(tick):
        passed = tick % method.I
        return passed % BLOCK == 0 or passed == method.I - 1

    found = method.allowed(Stand(), t, t + gap)
    assert found == next(tick for tick in range(t + gap, t + gap + BLOCK + 1) if whole(tick))


@pytest.mark.parametrize("t", [0, 1, 100])
@pytest.mark.parametrize("gap", [1, 63, 64, 65])
def test_where_every_step_is_combined_every_tick_is_allowed(t, gap):
    for method in (GradientAllreduce(), Periodic(1)):
        learners = Stand()
        method.advance(learners, 0, t)
        assert method.allowed(learners, t, t + gap) == t + gap


# --- ticks for so many local steps -----------------------------------------------------------


@named(*ROUNDS, GradientAllreduce())
def test_a_tick_is_a_local_step(method):
    assert [method.ticks_for(Stand(), n) for n in (1, 10, 1000)] == [1, 10, 1000]


@pytest.mark.parametrize("zeta", [0.0, 0.1, 0.7])
@pytest.mark.parametrize("steps", [1, 2, 100, 4095, 4096, 4097, 20_000])
def test_stochastic_averaging_takes_the_ticks_until_so_many_are_local_steps(zeta, steps):
    learners, method = Stand(), Stochastic(zeta)
    found = method.ticks_for(learners, steps)
    assert np.sum(learners.tosses[1 : found + 1] >= zeta) == steps
    assert learners.tosses[found] >= zeta  # the tick of the last of them
    method.advance(learners, 0, found)
    assert learners.steps == steps


# --- names and conflicts ---------------------------------------------------------------------


def test_unequal_rounds_are_ticks_and_every_tick_is_a_stop():
    spec = SimpleNamespace(P=5)
    method, learners = Heterogeneous(I=[3, 1]), SimpleNamespace(since=0, ids=range(1, 4), spec=spec)
    assert method.averages(learners, 2, 5).tolist() == [3, 4, 5]
    assert [method.allowed(learners, 2, stop) for stop in (3, 50, 100)] == [3, 50, 100]
    learners.rounds_of_each = lambda lengths: done.append(lengths.tolist())
    done = []
    method.advance(learners, 2, 4)
    assert done == [[[1, 3, 1]] * 2]  # of learners 1, 2 and 3


def test_labels_tell_methods_apart():
    assert [Periodic(K).label for K in (1, 128, 12_345, "all")] == ["K0001", "K0128", "K12345", "Kall"]
    assert Stochastic(0.001).label == "zeta0.001" and Varying(K=[1]).label == "Kvar"
    assert GradientAllreduce().label == "gradient"
    assert PRSGD(16).label == "I0016" and Heterogeneous(I=[1]).label == "Ivar"


def test_step_sizes_that_count_rounds_want_rounds_that_are_known_beforehand():
    spec = SimpleNamespace(method=Stochastic(0.1))
    assert "counts none beforehand" in Power(1.0, 1.0, "rounds").conflicts(spec)[0]
    assert not Power(1.0, 1.0).conflicts(spec)
    assert not Power(1.0, 1.0, "rounds").conflicts(SimpleNamespace(method=ALL))


def test_slow_momentum_averages_as_periodic_averaging_does_and_says_its_momentum():
    slow = SlowMomentum(7, 3, beta=0.25)
    assert slow.averages(Stand(), 0, END).tolist() == averages_of(Periodic(7, 3))
    assert slow.label == "K0007beta0.25"
    assert "expected a number" in SlowMomentum("all").conflicts(SimpleNamespace(averaging="auto"))[0]


def test_conflicting_parameters_are_named():
    assert ALL.conflicts(None) == Periodic(3, 5).conflicts(None) == Varying(K=[2]).conflicts(None) == []
    assert "warmup" in Periodic("all", 5).conflicts(None)[0]
    spec = SimpleNamespace(P=2, averaging="auto")
    assert not Heterogeneous(I=[1, 2]).conflicts(spec)
    for method in (Heterogeneous(I=[]), Heterogeneous(I=[1, 2, 3])):
        assert "expected 1 to P = 2" in method.conflicts(spec)[0]
    for method in (Varying(), Varying(K=[1], start=1.0), Varying(K=[])):
        assert len(method.conflicts(None)) == 1


@pytest.mark.parametrize("ends", [[15], [5, 5], [7, 6], [0, 4], [3, 20], [5.0], 5, None])
def test_averages_that_a_method_of_ones_own_puts_elsewhere_are_refused(ends):
    class Mine(Periodic):
        name = "mine"

        def averages(self, learners, t, stop):
            return np.array(ends)

    with pytest.raises(ValueError, match="mine: averages: expected ticks from 1 to 10, ascending"):
        Mine(K=1).advance(Stand(), 0, 10)
