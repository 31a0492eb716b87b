"""The learners that this rank hosts: the few verbs that methods use; what is kept: `pavg.learners.state`."""

import zlib
from collections.abc import Sequence

import numpy as np
from mpi4py.MPI import Intracomm
from numpy.typing import NDArray

from pavg.comm.agreement import check
from pavg.comm.averaging import total
from pavg.comm.clocks import COMM, slowly
from pavg.kernels.combine import models, settle
from pavg.kernels.streams import uniforms
from pavg.learners.state import Hosted
from pavg.rounds import average
from pavg.rounds.reference import rows
from pavg.schedules import MOST

NOW = np.zeros(1, np.int64)  # a round of no local steps: an average


class Learners(Hosted):
    """L of P learners, on this rank: what `Hosted` keeps of them, and the verbs of methods.

    Its parameters are those of `Hosted`. `step`, `average` and the other verbs that end in a collective are
    called on all ranks alike.
    """

    @property
    def bytes(self) -> int:
        """Bytes of what ranks have combined so far, for each lane."""
        return self._sent // self.lanes

    @property
    def bytes_of_average(self) -> int:
        """What a virtual average, just made, would add to them if it were real: models of lanes alone."""
        return self._touched.bytes if self._by_columns else 8 * self.objective.dimension

    # --- verbs -------------------------------------------------------------------------------

    def rounds(self, lengths: Sequence[int] | NDArray[np.int64], rest: int) -> None:
        """Many rounds: for each length, so many local steps and an average; then `rest` steps more."""
        left, k = np.array(lengths, np.int64), 0
        last = left.size - 1 if rest == 0 else -1  # the round that ends on the stop
        while k < left.size:
            done = self._many(left[k:], last - k)
            if done == 0:  # longer than a window of the schedule
                self.step(int(left[k]))
                left[k] = 0
            k += done
        self.step(rest)

    def _many(self, lengths, last=-1):
        """As many of these rounds as a window of the schedule reaches: their number.

        last : the round before whose average the models are kept for drift; none if it is negative.
        """
        wanted = min(int(lengths[:MOST].sum()), MOST)
        schedule, available = self.schedule.window(self.steps + 1, self.samples, wanted)
        check(self.comm, f"rounds {zlib.crc32(lengths.tobytes())} {self.objective.dimension}")
        last = last if self._looked_at else -1
        before = np.empty_like(self.W) if last >= 0 else None
        done, steps, sent = self._rounds.run(schedule, available, lengths, last, before)
        self._count(schedule, steps)
        self.rounds_done += done
        self._sent += sent
        if done:
            self.since, self.apart = 0, False
        if done > last >= 0:
            self._before, self._mean = before, None
        return done

    def step(self, n: int) -> None:
        """n local steps of every learner."""
        while n > 0:
            schedule, now = self.schedule.window(self.steps + 1, self.samples, n)
            self._rounds.step(schedule, now)
            self._count(schedule, now)
            n -= now

    def rounds_of_each(self, lengths: NDArray[np.int64]) -> None:
        """Rounds in which each learner of this rank does steps of its own: lengths (rounds, L).

        For methods with `alike = False`, which let learners step by this verb alone.
        """
        for left, each in zip(range(len(lengths) - 1, -1, -1), lengths, strict=True):
            self._singly.step(each)
            self._average_unequal(left == 0)

    def rounds_within(self, seconds: float, count: int) -> None:
        """Rounds in which each learner steps for so long: for methods that are `clocked`."""
        for left in range(count - 1, -1, -1):
            self._singly.step_within(seconds)
            self._average_unequal(left == 0)

    def _average_unequal(self, last):
        self._touched.lose()
        self.apart, self._before, self.loop = True, None, self._by_hand.loop
        self._many(NOW, 0 if last else -1)

    def _count(self, schedule, steps):
        """So many local steps have been made."""
        if steps:
            _, batches, first = schedule
            self.samples += int(batches[first : first + steps].sum())
            self.steps += steps
            self.since += steps
            self.apart, self._before = True, None

    def gradient(self) -> None:
        """G ← a mini-batch gradient of each learner at its own model, from its next draws.

        For methods with `gradients = True`: elsewhere it would be compiled on the clock.
        """
        (_, batches, first), _ = self.schedule.window(self.steps + 1, self.samples, 1)
        settle(rows(self.W), self.S)
        what = self._model, self._order, self._noise, int(batches[first]), self.G
        slowly(self.slow, self.objective.gradients, *what)
        self.samples += int(batches[first])
        self._own, self.loop = True, self._by_hand.loop
        self._touched.lose()

    def apply(self) -> None:
        """The local step w ← w − γG that ends `gradient` (with momentum: v ← μv + G, w ← w − γv)."""
        (gammas, _, first), _ = self.schedule.window(self.steps + 1, self.samples, 1)
        self._by_hand.apply(self.G, gammas[first])
        self.steps += 1
        self.since += 1
        self.apart |= self._own
        self._touched.lose()

    def average(self, *buffers: NDArray[np.float64]) -> None:
        """Replace each buffer (L, width) by its weighted average over all P learners.

        Without arguments: the models, and the momentum as `momentum_at_average` says.
        """
        if not buffers:
            self._many(NOW)
            return
        self._sent += self._by_hand.average(*buffers)
        self.rounds_done += 1
        self.since, self.loop = 0, self._by_hand.loop
        self._touched.lose()
        if buffers[0] is self.G:
            self._own = False

    def common(self) -> NDArray[np.float64]:
        """The model of all learners, right after an average: (width,), or (width, lanes)."""
        settle(rows(self.W), self.S)
        return self.W[0]

    def restart(self, w: NDArray[np.float64]) -> None:
        """All learners go on from w, made of `common()` and alike on all ranks: a part of combining."""
        self._mean = self.W[0, : self.objective.dimension].copy()
        self.W[:], self.loop = w, self._by_hand.loop
        self._touched.lose()
        self.clock.lap(COMM)

    def finish(self) -> None:
        """The last average, if the models may differ; then the clock stops."""
        if self.apart:
            self._many(NOW, 0)
        self.clock.stop(self.comm)

    # --- what methods and the engine look at -----------------------------------------------------

    def counts(self, comm: Intracomm) -> NDArray[np.int64]:
        """(2, P): local steps that each learner has done, and samples that it has seen.

        Collective over `comm`, of evaluations.
        """
        if self._singly is None:
            return np.repeat([[self.steps], [self.samples]], self.spec.P, axis=1)
        found = np.zeros((self.spec.P, 2), np.int64)
        found[self.ids.start : self.ids.stop] = self._singly.counts
        total(comm, found)
        return found.T

    def coin(self, t: int, stop: int) -> NDArray[np.float64]:
        """Uniform draws in (0, 1) for the ticks t + 1 … stop, the same for all learners."""
        return uniforms(self._coin, t + 1, stop - t)

    def course(self, comm: Intracomm) -> dict[str, NDArray]:
        """What came true in the run as a whole, for the record: name → array.

        Where it hangs on the clock, `round_steps` (rounds, P), local steps of each learner in each round.
        Collective over `comm`, of evaluations.
        """
        if not self.spec.method.clocked:
            return {}
        own = self._made()
        found = np.zeros((len(own), self.spec.P), np.int64)
        found[:, self.ids.start : self.ids.stop] = own
        total(comm, found)
        return {"round_steps": found}

    def last_step_size(self) -> NDArray[np.float64]:
        """γ of the local step that was done last: a number, or of each lane."""
        batch = int(self.spec.batch_size.at(np.array([self.steps]))[0])
        (gammas, _, first), _ = self.schedule.window(self.steps, self.samples - batch, 1)
        return gammas[first]

    def own(self) -> NDArray[np.float64] | None:
        """The learners' models, S·W, or before an average that was just made; None if all are one."""
        return models(self.W, self.S) if self.apart else self._before

    def virtual_average(self, comm: Intracomm) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
        """(w̄, drift): the average that would be made now, and 1/P Σ ‖w_i − w̄‖². Models stay as they are.

        (d,) and a number, None unless `evaluate.drift`; with lanes (d, lanes) and (lanes,). Where an average
        has just been made, drift is that of the models before it. Collective over `comm`, of evaluations.
        """
        d, seen = self.objective.dimension, (self._before, np.ones_like(self.S))
        if self.apart:  # on all ranks alike
            w, seen = self._weighted_average(comm), (self.W, self.S)
        else:
            w = models(self.W[:1, :d], self.S[:1])[0]
        if not self.spec.evaluate.drift:
            return w, None
        mean = w if self.apart or self._mean is None else self._mean
        return w, average.drift(comm, seen, mean, self.ids, self.spec.P).reshape(w.shape[1:])

    def _weighted_average(self, comm):
        """The average of the models S·W of all ranks' learners, added up as a real one is."""
        d, combination = self.objective.dimension, (self.weights, self.total_weight)
        if not self._by_columns:
            return average.weighted(comm, (self.W, self.S), combination, self.reduction, d)
        w = models(self.W[:1, :d], self.S[:1])[0]
        sums = (lambda flat: self.reduction.reduce(comm, flat)), self._model, self._order
        self._touched.virtual(*sums, *combination, w)
        return w
