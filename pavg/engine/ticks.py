"""Where the engine takes over, in ticks of the method: evaluations, polls of signals, the end."""

import itertools
import math

POLL = 1.0  # seconds between two looks at signals, about
FASTER = 8  # a stretch is at most so many times longer than the one before
SCAN, HORIZON = 4096, 2**22  # ticks searched for averages at a time at first, and at most in all


class Stops:
    """The ticks to stop at, decided from what all ranks know alike.

    Parameters
    ----------
    spec : pavg.spec.Spec
    learners : pavg.learners.Learners
    n : rows of the training set (0 if there are none)
    rounds : keep a checkpoint each time so many rounds are over (None: not for this reason)
    poll : seconds between two polls, about
    pace : ticks from stop to stop at most, one after the other, of runs that take turns: whoever comes
        first to a turn adds its own, and the other keeps to it (None: nobody else)
    """

    def __init__(self, spec, learners, n, rounds=None, poll=POLL, pace=None):
        self.spec, self.learners, self.rounds, self.poll = spec, learners, rounds, poll
        self.pace, self._turns = pace, 0
        self.end = end_tick(spec, learners, n)
        self._wanted = self._evaluation = self._checkpoint = None
        self._last, self._stretch = None, FASTER if spec.method.alike else 1 / FASTER  # one round

    def after(self, t, seconds, real=None):
        """The next stop: the end, an evaluation, or a poll.

        t : this tick; seconds : of the training clock until now, the largest over ranks; real : of this
        machine while that ran, where they are others.
        """
        real = seconds if real is None else real
        if self._wanted is None or self._wanted <= t:
            self._wanted = next_evaluation(self.spec, self.learners, t, self.end)
        if self.rounds and (self._checkpoint is None or self._checkpoint <= t):
            left = self.rounds - self.learners.rounds_done % self.rounds
            self._checkpoint = _round_end(self.spec.method, self.learners, t, left, self.end)
        stretch = FASTER * self._stretch
        last_t, last_seconds, last_real = self._last or (t, seconds, real)
        if real > last_real:
            stretch = int(min(stretch, (t - last_t) / (real - last_real) * self.poll))
        if self.spec.stop.seconds is not None and seconds > last_seconds:
            left = self.spec.stop.seconds - seconds
            stretch = int(min(stretch, (t - last_t) / (seconds - last_seconds) * left))
        poll = self._allowed(t, t + self._shared(int(min(max(stretch, 1), HORIZON))))
        stop = min(tick for tick in (poll, self._checkpoint, self.end) if tick is not None)
        self._evaluation = None
        if self._wanted is not None and self._wanted <= stop:  # one far ahead would ask for many averages
            stop = self._evaluation = self._allowed(t, self._wanted)
        self._last, self._stretch = (t, seconds, real), stop - t
        return stop

    def evaluates(self, t):
        """Whether an evaluation falls on this stop."""
        return t == self._evaluation

    def keeps(self, t):
        """Whether a checkpoint falls on this stop, by rounds."""
        return t == self._checkpoint

    def _shared(self, stretch):
        """The ticks of this turn: those of the other run, where it has had it already."""
        if self.pace is None:
            return stretch
        if self._turns == len(self.pace):
            self.pace.append(stretch)
        self._turns += 1
        return self.pace[self._turns - 1]

    def _allowed(self, t, stop):
        """The first tick from `stop` on where no compiled block is cut; at most the end."""
        if self.end is not None and stop >= self.end:
            return self.end
        stop = self.spec.method.allowed(self.learners, t, stop)
        return stop if self.end is None else min(stop, self.end)


def end_tick(spec, learners, n):
    """The last tick that steps, samples and epochs allow, or None if only seconds limit the run."""
    stop, limits = spec.stop, []
    if stop.steps is not None:
        limits.append(stop.steps)
    for samples in (stop.samples, stop.epochs and math.ceil(round(stop.epochs * n, 6))):
        if samples is not None:
            limits.append(spec.method.ticks_seeing(learners, samples))
    return min(limits, default=None)


def next_evaluation(spec, learners, t, end):
    """The first tick after t at which the specification asks for an evaluation (None: not before the end)."""
    wanted = spec.evaluate
    if wanted.rounds is not None:
        left = wanted.rounds - learners.rounds_done % wanted.rounds
        return _round_end(spec.method, learners, t, left, end)
    if wanted.every is not None:
        return (t // wanted.every + 1) * wanted.every
    if wanted.at is not None:
        return min((tick for tick in wanted.at if tick > t), default=None)
    ticks = (math.ceil(10 ** (j / wanted.decade)) for j in itertools.count())
    return next(tick for tick in ticks if tick > t)


def _round_end(method, learners, t, count, end):
    """The tick of the `count`-th average after t; None if there is none before the end, or the horizon."""
    scanned, window = t, SCAN
    last = t + HORIZON if end is None else min(end, t + HORIZON)  # a method may never average
    while scanned < last:
        ends = method.averages(learners, scanned, scanned + window)
        if ends.size >= count:
            return int(ends[count - 1])
        scanned, window, count = scanned + window, min(2 * window, 2**20), count - ends.size
    return None
