"""Advice for a specification: pilots, a machine's model, and both put together."""

from dataclasses import dataclass

from pavg.advisor import advice, pilots, samples
from pavg.advisor.advice import Advice
from pavg.engine.task import bind
from pavg.machine import Seconds, work_of

SLOWER = 10  # times as slow an averaging, of the question what would change the advice


@dataclass(frozen=True)
class Answer:
    """What `ask` says.

    advice : for the specification; changes : (what else were, the K that were advised then, or None); share :
    samples of the pilots over those of the whole run; seconds : of the pilots; needed : samples with K = 1
    """

    advice: Advice
    changes: tuple[tuple[str, int | None], ...]
    share: float
    seconds: float
    needed: samples.Range


def ask(comm, spec, store, machine, target, share, told=None):
    """The `Answer` to: which K is soonest at a training loss `target`? Collective.

    machine : `pavg.machine.Machine`; share : of the samples of the whole run, for pilots, which run on the
    ranks of `comm`; told : as of `pavg.advisor.pilots.run`. InputError for what it cannot be asked of.
    """
    task = bind(spec, store)
    planned = pilots.plan(spec, task.objective.n, share)
    made, seconds = pilots.run(comm, spec, store, planned, told)
    work, step = work_of(spec, store, task.objective), spec.P * spec.batch_size.value
    needed = samples.to_target(made[0], target, task.optimum)
    drift = samples.drift(made, target, task.optimum)

    def round_of(P, slower=1):
        def seconds_of(K):
            found = machine.round_seconds(K, work, P, spec.batch_size.value, network=spec.network)
            if P == 1 or slower == 1:
                return found
            more = (slower - 1) * machine.averaging_seconds(work.dimension, P, spec.network).middle
            return Seconds(*(one + more for one in found))

        return seconds_of

    def advised(P, slower=1):
        return advice.advise(step * P // spec.P, needed, drift, round_of(P, slower))

    changed = (
        (f"averaging took {SLOWER} times as long", advised(spec.P, SLOWER)),
        (f"P were {2 * spec.P}", advised(2 * spec.P)),
    )
    return Answer(
        advised(spec.P),
        tuple((what, one.best and one.best.K) for what, one in changed),
        sum(planned.samples.values()) / planned.whole,
        seconds,
        needed,
    )
