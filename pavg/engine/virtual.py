"""Virtual time: a clock that books given seconds, and synchronous learners under it.

Losses are those of real runs, to the bit. A round takes the seconds of its slowest learner, then those of a
combination; a run of one learner combines nothing.
"""

import time

import numpy as np

from pavg import delays, streams
from pavg.comm.averaging import total
from pavg.comm.clocks import COMM, COMPUTE, PHASES, WAIT
from pavg.kernels import delays as kernel
from pavg.learners import Learners
from pavg.records import traces

NUMBERS = 3  # of the open round in a clock's state


class Given:
    """Seconds of a `pavg.delays.Delay`: those of some streams, draw by draw, added to sums.

    keys : one a stream; factors : by which its seconds are longer; trace : what was read; streams have its
    columns by turns.
    """

    def __init__(self, delay, keys, factors=1.0, trace=None):
        self.rule = kernel.EXPONENTIAL if delay.law == "exponential" else kernel.CONSTANT
        self.keys, self.unit = keys, delay.mean * np.broadcast_to(factors, keys.shape)
        self.trace = np.empty((0, keys.size))
        if trace is not None:
            self.rule, self.unit = kernel.TRACE, np.broadcast_to(factors, keys.shape)
            self.trace = np.ascontiguousarray(trace[:, np.arange(keys.size) % trace.shape[1]])

    def add(self, first, n, sums, streams=slice(None)):
        """Add n draws from number `first` on to sums (in units, see `seconds`) of some streams."""
        kernel.add(self.rule, self.keys[streams], self.trace[:, streams], first, n, sums)

    def seconds(self, sums):
        """What sums of all streams mean in seconds."""
        return sums * self.unit

    def one(self, stream, first, n=1):
        """Seconds of n draws of one stream."""
        if self.rule == kernel.CONSTANT:  # the usual case, at each event
            return n * float(self.unit[stream])
        sums = np.zeros(1)
        self.add(first, n, sums, slice(stream, stream + 1))
        return float(sums[0] * self.unit[stream])


def compute_of(spec):
    """Seconds of local steps, a stream a learner. InputError for a trace that is none."""
    slow = np.ones(spec.P)
    slow[: len(spec.clock.slow or ())] = spec.clock.slow or ()
    keys = streams.keys(spec.seed, "compute", range(spec.P))
    return Given(spec.clock.compute, keys, slow, _trace(spec, "compute"))


def messages_of(spec):
    """Seconds of messages, a stream a learner."""
    return Given(spec.clock.comm, streams.keys(spec.seed, "comm", range(spec.P)), trace=_trace(spec, "comm"))


def combinations_of(spec):
    """Seconds of combinations, one stream."""
    trace = _trace(spec, "comm")
    trace = None if trace is None else trace.mean(axis=1, keepdims=True)
    return Given(spec.clock.comm, streams.keys(spec.seed, "comm", [spec.P]), trace=trace)


def check(spec):
    """InputError unless the traces of a specification, if there are any, can be read."""
    for what in delays.of(spec):
        _trace(spec, what)


def _trace(spec, what):
    """Seconds (draws, columns) of the trace of a delay; None without one."""
    path = getattr(spec.clock, what).trace
    return traces.read(path, what) if path else None


class VirtualClock:
    """What `pavg.comm.clocks.Clock` is to observers, in virtual seconds; `real` counts this machine's."""

    def __init__(self):
        self.total = self.real = 0.0
        self.seconds, self.least, self.most = np.zeros((3, len(PHASES)))
        self.clear()

    def clear(self):
        self.seconds[:] = 0.0
        self.least[:] = self.most[:] = np.nan

    def round_was(self, *spent):
        """A round is over that took so many seconds, by phase."""
        for phase, seconds in enumerate(spent):
            if not self.least[phase] <= seconds:  # NaN before the first
                self.least[phase] = seconds
            if not self.most[phase] >= seconds:
                self.most[phase] = seconds

    def start(self):
        self._mark = time.monotonic()

    def lap(self, phase):
        """What this machine spends is booked nowhere."""

    def stop(self, comm):
        self.real += time.monotonic() - self._mark

    def state(self):
        return np.concatenate([[self.total, self.real], self.seconds, self.least, self.most])

    def restore(self, state):
        self.total, self.real = state[:2].tolist()
        self.seconds[:], self.least[:], self.most[:] = state[2:].reshape(3, -1)


class RoundsClock(VirtualClock):
    """Rounds of all P learners; seconds by phase are means over those of this rank, `ids`.

    A learner computes, waits for the slowest of all, and combines. Waiting is booked where a round ends.
    """

    def __init__(self, spec, ids):
        super().__init__()
        self._own, self._compute = slice(ids.start, ids.stop), compute_of(spec)
        self._comm = combinations_of(spec)
        self._alone = spec.P == 1
        self._sums = np.zeros(spec.P)  # of the open round
        self._begun = self._booked = 0.0  # when it began; seconds of it that are in `seconds`
        self._steps, self._rounds = np.zeros(spec.P, np.int64), 0

    def steps(self, n):
        """Every learner has made n local steps more; or learner l n[l] of them."""
        if np.ndim(n) == 0 and self._steps.min() == self._steps.max():
            self._compute.add(int(self._steps[0]), n, self._sums)
        else:
            for l, each in enumerate(np.broadcast_to(n, self._steps.shape).tolist()):
                one = slice(l, l + 1)
                self._compute.add(int(self._steps[l]), each, self._sums[one], one)
        self._steps += n
        own, slowest = self._open()
        self.total = self._begun + slowest
        self.seconds[COMPUTE] += own - self._booked
        self._booked = own

    def combine(self):
        """The learners have combined: the round is over."""
        own, slowest = self._open()
        comm = 0.0 if self._alone else self._comm.one(0, self._rounds)
        self.seconds[COMM] += comm
        self.seconds[WAIT] += slowest - own
        self.round_was(own, comm, slowest - own)
        self.total = self._begun = self._begun + slowest + comm
        self._sums[:], self._booked = 0.0, 0.0
        self._rounds += 1

    def _open(self):
        spent = self._compute.seconds(self._sums)
        return float(spent[self._own].mean()), float(spent.max())

    def state(self):
        counts = [self._begun, self._booked, self._rounds]
        return np.concatenate([super().state(), counts, self._steps, self._sums])

    def restore(self, state):
        head, learners = state.size - 2 * self._sums.size, state[-2 * self._sums.size :].reshape(2, -1)
        super().restore(state[: head - NUMBERS])
        self._begun, self._booked, rounds = state[head - NUMBERS : head].tolist()
        self._rounds = int(rounds)
        self._steps[:], self._sums[:] = learners


class InVirtualTime(Learners):
    """Learners of a synchronous method whose verbs are booked with given seconds."""

    def __init__(self, comm, spec, objective, shards, step_size=None):
        super().__init__(comm, spec, objective, shards, step_size)
        self.clock = RoundsClock(spec, self.ids)

    def _many(self, lengths, last=-1):
        done = super()._many(lengths, last)
        for n in lengths[:done].tolist():
            self.clock.steps(n)
            self.clock.combine()
        return done

    def step(self, n):
        super().step(n)
        self.clock.steps(n)

    def rounds_of_each(self, lengths):
        everyone = np.zeros((len(lengths), self.spec.P), np.int64)
        everyone[:, self.ids.start : self.ids.stop] = lengths
        total(self.comm, everyone)
        for own, each in zip(lengths, everyone, strict=True):
            self.clock.steps(each)
            super().rounds_of_each(own[None])

    def apply(self):
        super().apply()
        self.clock.steps(1)

    def average(self, *buffers):
        super().average(*buffers)
        if buffers:
            self.clock.combine()

    def warm_up(self):
        super().warm_up()
        self.clock.steps(0)

    def restore(self, states, own):
        super().restore(states, states[0])
        if own is None:  # made on other ranks: what this one did in the open interval is unknown
            self.clock.seconds[:] = np.nan
