"""Seconds a round: local steps, the slowest of P learners, an averaging."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from pavg.delays import Network
from pavg.machine import averaging, steps, stragglers
from pavg.machine.steps import Steps, Work


class Seconds(NamedTuple):
    """A prediction, and an interval around it that is to hold 19 of 20 of them."""

    middle: float
    low: float
    high: float


@dataclass(frozen=True)
class Machine:
    """What a machine takes, fitted: numbers and texts alone, so that it can be pickled and printed.

    Attributes
    ----------
    about : dict of str
        CPU, MPI library, cores, hosts, date: what was measured.
    steps : tuple of Steps
        Local steps of each measured `Work`.
    averaging : pavg.machine.averaging.Averaging
    spreads : tuple of pavg.machine.stragglers.Spread
    """

    about: dict[str, str]
    steps: tuple[Steps, ...]
    averaging: averaging.Averaging
    spreads: tuple[stragglers.Spread, ...]

    def step_seconds(self, work: Work, B: float = 1) -> Seconds:
        """Seconds of a local step of one learner, with B samples, while other ranks do the same.

        Raises
        ------
        InputError
            If neither the work nor linear models with samples of the same layout were measured.
        """
        found = steps.like(work, self.steps)
        return _around(found.seconds(B), found.deviation)

    def averaging_seconds(self, d: int, P: int, network: Network | None = None) -> Seconds:
        """Seconds of an averaging of a model of d doubles over P learners, a rank each, that come together.

        network : what comes on top of the measured one.

        Raises
        ------
        InputError
            If P > 1 and only one rank was measured.
        """
        more = network.seconds(averaging.DOUBLE * d) if network is not None and P > 1 else 0.0
        low, high = self.averaging.bounds(d, P)
        return Seconds(self.averaging.seconds(d, P) + more, low + more, high + more)

    def round_seconds(
        self,
        K: float,
        work: Work,
        P: int,
        B: float = 1,
        d: int | None = None,
        network: Network | None = None,
    ) -> Seconds:
        """Seconds of a round: K local steps of the slowest of P learners, then a dense averaging.

        .. math:: E[\\max_{i ≤ P} X_i] · K·t(B) + T(d, P)

        with X the spread of equal work around its median.

        Parameters
        ----------
        K : float
            Local steps of a round.
        work : Work
        P : int
            Learners, a rank each.
        B : float
            Samples of a local step.
        d : int, optional
            Doubles that are averaged; by default the model of `work`.
        network : pavg.delays.Network, optional
            Latency and bandwidth that come on top of the measured averaging.

        Returns
        -------
        Seconds
            Deviations of steps and averaging are taken to be independent. `notes` says when P is far from
            what was measured.

        Raises
        ------
        InputError
            As `step_seconds` and `averaging_seconds`.
        """
        step = self.step_seconds(work, B)
        factors = stragglers.largest(self.spreads, K * step.middle, P)
        compute = [K * seconds * factor for seconds, factor in zip(step, factors, strict=True)]
        average = self.averaging_seconds(work.dimension if d is None else d, P, network)
        middle = compute[0] + average.middle
        low, high = (np.hypot(compute[k] - compute[0], average[k] - average.middle) for k in (1, 2))
        return Seconds(middle, float(max(middle - low, 0.0)), float(middle + high))

    def notes(self, P: int) -> list[str]:
        """Sentences on what a prediction for P learners takes for granted; none where P was measured."""
        if P in self.averaging.ranks:
            return []
        most, hosts = self.averaging.most, int(self.about["hosts"])
        found = []
        if P > most:
            doublings = np.log2(P / most)
            found.append(
                f"P = {P:,} is extrapolated from at most {most} ranks, by {doublings:.1f} doublings: "
                "the interval holds all that they may cost"
            )
        if hosts == 1 and P > int(self.about["cores"]):
            found.append(
                f"one host with {self.about['cores']} cores was measured: a network between hosts, if there "
                "is one, comes on top (network=)"
            )
        if P > min(spread.stretches for spread in self.spreads):
            found.append("the slowest of so many learners is beyond what was measured: its tail is fitted")
        return found


def _around(seconds, deviation):
    factor = np.exp(2 * deviation)
    return Seconds(float(seconds), float(seconds / factor), float(seconds * factor))
