"""Given times of local steps and messages: the table [clock] of a specification, for virtual time."""

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Gt


@dataclass(frozen=True, kw_only=True)
class Delay:
    """Seconds: always the mean, or exponential with this mean, or as a trace has them, over and over.

    trace : a result of pavg, or a CSV file of seconds with a column a rank (`pavg.records.traces`); learner
    l has column l modulo their number, combinations the mean of all columns.
    """

    mean: Annotated[float, Ge(0)] = 0.0
    law: Literal["constant", "exponential"] = "constant"
    trace: str = ""


@dataclass(frozen=True, kw_only=True)
class Clock:
    """Virtual time: what local steps and messages take is given, not measured.

    compute : of a local step; comm : of a combination, and of a message to a server or back; service : of
    a server with a message, which S servers share; slow : by how much the first learners are slower.
    """

    name: Literal["virtual"] = "virtual"
    compute: Delay
    comm: Delay = Delay()
    service: Annotated[float, Ge(0)] = 0.0
    slow: list[Annotated[float, Gt(0)]] | None = None


@dataclass(frozen=True, kw_only=True)
class Network:
    """A network that is not this machine's: what each average takes longer, as if it went over one.

    latency : seconds; bandwidth : bytes a second (None: without limit).
    """

    latency: Annotated[float, Ge(0)] = 0.0
    bandwidth: Annotated[float, Gt(0)] | None = None

    def seconds(self, size):
        """Seconds of an average of so many bytes."""
        return self.latency + size / self.bandwidth if self.bandwidth else self.latency


def of(spec):
    """Key → `Delay` of a specification's clock; {} in real time."""
    return {} if spec.clock is None else {key: getattr(spec.clock, key) for key in ("compute", "comm")}


def one_each(spec):
    """The key that asks for a rank for each learner, as it is about real seconds; "" if there is none."""
    asked = {"slowdown": spec.slowdown, "network": spec.network, "method.seconds": spec.method.clocked}
    return next((key for key, given in asked.items() if given), "")


def conflicts(spec):
    """What of time cannot be meant, given or real: a list of sentences."""
    found, real = [], one_each(spec)
    if spec.slowdown is not None and not 1 <= len(spec.slowdown) <= spec.P:
        found.append(f"slowdown: {len(spec.slowdown)} numbers; expected 1 to P = {spec.P}")
    if real and (spec.R not in (None, spec.P) or spec.measure == "losses"):
        found.append(f"{real}: expected R = P, a rank for each learner, and measure = 'times'")
    if spec.network is not None and spec.method.asynchronous:
        found.append(f"network: delays averages, and {spec.method.name!r} has none; expected no network")
    if spec.clock is not None:
        found += _conflicts(spec, spec.clock)
        if real:
            found.append(
                f"{real}: of real time; virtual time has clock.slow, clock.comm, rounds of given steps"
            )
    return found


def _conflicts(spec, clock):
    """What of [clock] cannot be meant, alone or with the rest of a specification: a list of sentences."""
    found = []
    for key, delay in of(spec).items():
        if delay.trace and (delay.mean or delay.law != "constant"):
            found.append(f"clock.{key}: expected a trace or a mean (and a law), not both")
    if not (clock.compute.mean or clock.compute.trace):
        found.append("clock.compute: expected a mean above 0, or a trace")
    if clock.slow and len(clock.slow) > spec.P:
        found.append(f"clock.slow: {len(clock.slow)} factors for P = {spec.P} learners; expected at most P")
    if spec.barrier:
        found.append("barrier: virtual time knows who waits; expected false")
    if spec.repetition:
        found.append("repetition: virtual times are the same each time; expected 0")
    return found
