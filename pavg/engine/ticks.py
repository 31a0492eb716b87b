"""Where a run ends and where it is evaluated, in ticks of its method."""

import itertools
import math

SCAN = 4096


def end_tick(spec, learners, n):
    """The last tick that steps, samples and epochs allow, or None if only seconds limit the run."""
    stop, limits = spec.stop, []
    if stop.steps is not None:
        limits.append(stop.steps)
    for samples in (stop.samples, stop.epochs and math.ceil(stop.epochs * n)):
        if samples is not None:
            limits.append(spec.method.ticks_for(learners, learners.schedule.steps_for(samples)))
    return min(limits, default=None)


def next_evaluation(spec, learners, t, end):
    """The first tick after t at which the specification asks for an evaluation (None: not before the end)."""
    wanted = spec.evaluate
    if wanted.rounds is not None:
        return _round_end(spec.method, learners, t, wanted.rounds - learners.rounds_done % wanted.rounds, end)
    if wanted.at is not None:
        return min((tick for tick in wanted.at if tick > t), default=None)
    ticks = (math.ceil(10 ** (j / wanted.decade)) for j in itertools.count())
    return next(tick for tick in ticks if tick > t)


def _round_end(method, learners, t, count, end):
    """The tick of the `count`-th average after t (None if there is none before the end)."""
    scanned, window = t, SCAN
    while end is None or scanned < end:
        ends = method.averages(learners, scanned, scanned + window)
        if ends.size >= count:
            return int(ends[count - 1])
        scanned, window, count = scanned + window, 2 * window, count - ends.size
        if end is None and window > 2**40:
            return None  # a method that never averages
    return None
