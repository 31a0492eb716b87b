"""Short runs of some K, on whatever ranks there are: losses hang on no clock."""

import dataclasses
import math
import time
from dataclasses import dataclass

import numpy as np

from pavg.engine import synchronous
from pavg.engine.task import bind
from pavg.errors import InputError
from pavg.spec import Stop

APART = 4  # times as large as the last K that is tried
ROUNDS = 8  # of a pilot, at least


@dataclass(frozen=True)
class Pilot:
    """What a short run with one K has seen. Arrays over its evaluations, but for the first, of the start.

    samples : of all learners together; loss; gradient : ‖∇F(w̄)‖²; drift : mean ‖w_i − w̄‖²; whole : false
    of one that diverged
    """

    K: int
    samples: np.ndarray
    loss: np.ndarray
    gradient: np.ndarray
    drift: np.ndarray
    whole: bool = True


@dataclass(frozen=True)
class Plan:
    """samples : K → of its pilot, all learners together; whole : of the run that advice is asked for."""

    samples: dict[int, int]
    whole: int


def plan(spec, n, share):
    """The `Plan` of pilots that draw `share` of the samples of the whole run.

    One half is for K = 1, which all others are compared with; K = 4, 16, 64 … share the other one, as long
    as each makes a few rounds. n : rows of the training set. InputError for a run that advice cannot be given
    for.
    """
    if spec.method.name != "periodic":
        raise InputError(f"method: {spec.method.name}; advice is about the K of 'periodic'")
    if spec.P == 1:
        raise InputError("P = 1: one learner averages nothing; expected P of at least 2")
    if spec.batch_size.name != "constant":
        raise InputError(f"batch_size: {spec.batch_size.name}; expected a number")
    step = spec.P * spec.batch_size.value
    whole = _whole(spec.stop, step, n)
    half, periods = share * whole / 2, [APART]
    while half / len(periods) >= ROUNDS * step * periods[-1] * APART:
        periods.append(periods[-1] * APART)
    each = half / len(periods)
    if each < ROUNDS * step * APART:
        raise InputError(
            f"{whole / step:,.0f} local steps are too few for pilots of {share:.0%} of them; expected at "
            f"least {2 * ROUNDS * APART / share:,.0f}"
        )
    made = {1: half} | dict.fromkeys(periods, each)
    return Plan({K: step * K * math.ceil(samples / (step * K)) for K, samples in made.items()}, whole)


def _whole(stop, step, n):
    """Samples of the whole run."""
    limits = [stop.samples, None if stop.steps is None else stop.steps * step]
    limits.append(None if stop.epochs is None else round(stop.epochs * n))
    known = [limit for limit in limits if limit is not None]
    if not known:
        raise InputError("stop: expected samples, epochs or steps, which pilots are a part of")
    return min(known)


def run(comm, spec, store, planned, told=None):
    """([`Pilot`] of a `Plan`, seconds that they took). Collective. told : called with (K, done, total)."""
    found, began = [], time.monotonic()
    for done, (K, samples) in enumerate(planned.samples.items()):
        if told is not None:
            told(K, done, len(planned.samples))
        found.append(_pilot(comm, spec, store, K, samples))
    return found, time.monotonic() - began


def _pilot(comm, spec, store, K, samples):
    short = dataclasses.replace(
        spec,
        method=dataclasses.replace(spec.method, K=K),
        measure="losses",
        stop=Stop(samples=samples),
        network=None,
        R=None,
        evaluate=dataclasses.replace(spec.evaluate, grad_norm=True, drift=True),
    )
    (record,) = synchronous.run(comm, bind(short, store))
    if record.status == "diverged" and K == 1:
        raise InputError("the pilot with K = 1 diverged; expected a smaller step size")
    seen = {name: values[1:] for name, values in record.arrays().items() if np.ndim(values) == 1}
    whole = record.status == "ok"
    return Pilot(K, seen["samples"], seen["loss"], seen["grad_norm"] ** 2, seen["drift"], whole)
