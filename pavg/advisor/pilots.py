"""Short runs of some K, on whatever ranks there are: losses hang on no clock."""

import dataclasses
import math
import time
from dataclasses import dataclass

import numpy as np

from pavg.engine import synchronous
from pavg.engine.checkpoint import InMemory
from pavg.engine.observation import Care
from pavg.errors import InputError
from pavg.spec import Evaluate, Stop

FIRST = 0.25  # of the steps, at least, that K = 1 makes alone, from the beginning
APART, OTHERS = 4, 3  # factor from one K to the next; how many there are beside K = 1
ROUNDS = 2  # of the largest K
LOOKS, DECADE = 8, 12  # evaluations of a pilot; of K = 1 for each factor 10 of steps


@dataclass(frozen=True)
class Pilot:
    """What a short run with one K has seen, but for its start. Arrays over evaluations, at ends of rounds.

    steps : of each learner, from the beginning; loss; drift : mean ‖w_i − w̄‖² before the average; gradient :
    ‖∇F(w̄)‖ where it was asked for, else NaN; whole : false of one that diverged
    """

    K: int
    steps: np.ndarray
    loss: np.ndarray
    drift: np.ndarray
    gradient: np.ndarray
    whole: bool = True


@dataclass(frozen=True)
class Plan:
    """Pilots: K = 1 from the beginning to `begin` + `length`, others go on from where it was at `begin`.

    begin, length : local steps; periods : K of the others; step : samples of all learners in a local step;
    whole : samples of the run that advice is asked for.
    """

    begin: int
    length: int
    periods: tuple[int, ...]
    step: int
    whole: int

    @property
    def share(self):
        """Samples of the pilots over those of the whole run."""
        return self.step * (self.begin + (1 + len(self.periods)) * self.length) / self.whole

    def looks(self, K):
        """The steps after which a pilot is evaluated: K = 1 also wherever another one is."""
        if K > 1:
            rounds = np.geomspace(1, self.length / K, LOOKS)
            return sorted({self.begin + K * round(count) for count in rounds})
        early = np.geomspace(1, self.begin, int(DECADE * math.log10(self.begin)) + 1)
        late = self.begin + np.linspace(0, self.length, LOOKS + 1)
        others = (step for other in self.periods for step in self.looks(other))
        return sorted({*(round(step) for step in (*early, *late)), *others})


def plan(spec, n, share):
    """The `Plan` of pilots that draw `share` of the samples of the whole run.

    n : rows of the training set. InputError for a run that advice cannot be given for.
    """
    if spec.method.name != "periodic":
        raise InputError(f"method: {spec.method.name}; advice is about the K of 'periodic'")
    if spec.P == 1:
        raise InputError("P = 1: one learner averages nothing; expected P of at least 2")
    if spec.batch_size.name != "constant":
        raise InputError(f"batch_size: {spec.batch_size.name}; expected a number")
    step = spec.P * spec.batch_size.value
    whole = _whole(spec.stop, step, n)
    steps = share * whole / step
    length = (1 - FIRST) * steps / (1 + OTHERS)
    if length < 2 * APART:
        raise InputError(
            f"{whole / step:,.0f} local steps are too few for pilots of {share:.0%} of them; expected at "
            f"least {math.ceil(2 * APART * (1 + OTHERS) / (1 - FIRST) / share):,}"
        )
    longest = 2 ** int(math.log2(length / ROUNDS))
    periods = tuple(longest // APART**j for j in reversed(range(OTHERS)) if longest > APART**j)
    rounds = int(length / longest)
    begin = int(steps / longest) - (1 + len(periods)) * rounds  # what the others leave
    return Plan(longest * begin, longest * rounds, periods, step, whole)


def _whole(stop, step, n):
    """Samples of the whole run."""
    limits = [stop.samples, None if stop.steps is None else stop.steps * step]
    limits.append(None if stop.epochs is None else round(stop.epochs * n))
    known = [limit for limit in limits if limit is not None]
    if not known:
        raise InputError("stop: expected samples, epochs or steps, which pilots are a part of")
    return min(known)


def run(comm, task, planned, told=None, gradient=False):
    """([`Pilot`] of a `Plan`, K = 1 first, seconds that they took). Collective.

    task : of the run that advice is asked for, whose samples and shards are those of all pilots. All draw
    the same samples, so that chance is the same for all. told : called with (K, done, total); gradient :
    look at ‖∇F‖, too. InputError if K = 1 diverges.
    """
    found, began, kept = [], time.monotonic(), InMemory(planned.begin)
    for done, K in enumerate((1, *planned.periods)):
        if told is not None:
            told(K, done, 1 + len(planned.periods))
        found.append(_pilot(comm, task, K, planned, kept, gradient))
    return found, time.monotonic() - began


def _pilot(comm, task, K, planned, kept, gradient):
    spec = task.spec
    looks = {"at": planned.looks(K), "grad_norm": gradient, "diverged": spec.evaluate.diverged}
    short = dataclasses.replace(
        spec,
        method=dataclasses.replace(spec.method, K=K),
        measure="losses",
        stop=Stop(steps=planned.begin + planned.length),
        evaluate=Evaluate(**looks),
        network=None,
        R=None,
    )
    (record,) = synchronous.run(comm, dataclasses.replace(task, specs=(short,)), Care(checkpoints=kept))
    if record.status == "diverged" and K == 1:
        raise InputError("the pilot with K = 1 diverged; expected a smaller step size")
    seen = record.arrays()
    of = seen["ticks"] > (0 if K == 1 else planned.begin)
    norms = seen["grad_norm"] if gradient and "grad_norm" in seen else np.full(of.size, np.nan)
    whole = record.status == "ok"
    return Pilot(K, seen["ticks"][of], seen["loss"][of], seen["drift"][of], norms[of], whole)
