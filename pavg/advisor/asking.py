"""Advice for a specification: pilots, a machine's model, and both put together."""

import dataclasses
from dataclasses import dataclass

import numpy as np

from pavg.advisor import advice, pilots
from pavg.advisor.advice import Advice
from pavg.advisor.drift import Drift, at_most, lost
from pavg.advisor.samples import Curve, Range
from pavg.engine.task import bind
from pavg.estimate.stored import Constants, stored
from pavg.machine import Seconds, work_of

SLOWER = 10  # times as slow an averaging, of the question what would change the advice


@dataclass(frozen=True)
class Answer:
    """What `ask` says.

    advice : for the specification; changes : (what else were, the K that were advised then, or None); share :
    samples of the pilots over those of the whole run; seconds : of the pilots; needed : samples with K = 1;
    theory : whether L was known, so that what pilots lose was held against the most that drift can take
    """

    advice: Advice
    changes: tuple[tuple[str, int | None], ...]
    share: float
    seconds: float
    needed: Range
    theory: bool


def ask(comm, spec, store, machine, target, share, told=None):
    """The `Answer` to: which K is soonest at a training loss `target`? Collective.

    machine : `pavg.machine.Machine`; share : of the samples of the whole run, for pilots, which run on the
    ranks of `comm`; told : as of `pavg.advisor.pilots.run`. InputError for what it cannot be asked of.
    """
    task = bind(spec, store)
    planned = pilots.plan(spec, task.objective.n, share)
    known = _constants(spec, store)
    made, seconds = pilots.run(comm, task, planned, told, gradient=known is not None)
    work, step = work_of(spec, store, task.objective), planned.step
    curve, parted = Curve(made[0].steps, made[0].loss, task.optimum), planned.begin + planned.length / 2
    steps = curve.until(target)
    needed = steps * Range(step, step, step)
    fall, most = max(curve.fall(parted), 1e-300), _most(spec, known, made[0], planned)
    of_pilots = [lost(planned, pilot, made[0], fall, most) for pilot in made[1:]]
    drift = Drift(of_pilots, curve.growth(parted, min(steps.middle, 1e9)))

    def round_of(P, slower=1):
        def seconds_of(K):
            found = machine.round_seconds(K, work, P, spec.batch_size.value, network=spec.network)
            if P == 1 or slower == 1:
                return found
            more = (slower - 1) * machine.averaging_seconds(work.dimension, P, spec.network).middle
            return Seconds(*(one + more for one in found))

        return seconds_of

    def advised(P, slower=1):
        at_once = step * P // spec.P
        found = advice.advise(at_once, planned.whole, needed, drift, round_of(P, slower))
        return found if found.best is None else _agreed(found, of_pilots)

    changed = (
        (f"averaging took {SLOWER} times as long", advised(spec.P, SLOWER)),
        (f"P were {2 * spec.P}", advised(2 * spec.P)),
    )
    return Answer(
        advised(spec.P),
        tuple((what, one.best and one.best.K) for what, one in changed),
        planned.share,
        seconds,
        needed,
        known is not None,
    )


def _constants(spec, store):
    """The kept `Constants` of the problem, where theory can use them: else None."""
    if store is None or spec.step_size.name != "constant" or spec.momentum:
        return None
    return stored(Constants, spec.problem, store)


def _most(spec, known, one, planned):
    """D → what a step can lose, or None where L is not known."""
    if known is None:
        return None
    gradient = float(np.max(one.gradient[one.steps >= planned.begin]))
    noise = known.variance(spec.batch_size.value * spec.P)[0]
    return at_most(spec.step_size.value, known.smoothness[1], gradient, noise)


def _agreed(found, of_pilots):
    """The `Advice`, or that it is not known, if a pilot and theory disagree."""
    for one in of_pilots:
        if not one.agrees:
            why = (
                f"pilots and theory disagree: with K = {one.K} {one.part:.2g} of the fall is lost, and drift "
                f"can take {one.most:.2g} of it"
            )
            return dataclasses.replace(found, best=None, why=why)
    return found
