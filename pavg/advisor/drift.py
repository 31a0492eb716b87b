"""What drift costs, for each K, from pilots that go on from one point with different K.

With K = 1 the loss falls by s a step there; with another K, on the same samples, by less:

    F_K(n) − F_1(n) = θ_K·s·n,      r_K = 1/(1 − θ_K)

θ_K is the part of the fall that drift takes, so that K needs r_K times the samples; from 1 on, it gets no
further. θ_K grows with the drift D_K = mean ‖w_i − w̄‖² (Yu et al. 2019, (7) to (11)), and that like K where
learners differ by the noise of their samples, like K² where they differ by their data. Until the loss is
reached it may stay, or grow as s falls.
"""

from dataclasses import dataclass

import numpy as np

from pavg.advisor.samples import Range
from pavg.theory import yu2019

LEAST = 0.005  # standard error of θ, at least
ENOUGH = 0.95  # θ beyond which samples are not bounded any more
NORMAL = 1.4826  # deviation of normal numbers over their median absolute one


@dataclass(frozen=True)
class Lost:
    """The part θ of the fall that is lost with one K, and the drift D_K that was seen.

    most : what it can be at most by theory; infinity where nothing is known of the problem
    """

    K: int
    part: float
    error: float
    drift: float
    most: float = np.inf

    @property
    def agrees(self):
        """Whether the pilot loses no more than theory allows."""
        return self.part - 2.0 * self.error <= self.most


def lost(plan, pilot, one, fall, most=None):
    """`Lost` of a pilot of a `Plan`; of one that diverged, all of it.

    one : the pilot with K = 1; fall : s, of the loss in a step; most : D_K → what a step can lose of it, by
    theory. The lowest losses of the second half count, as a target is reached by the lowest.
    """
    if not pilot.whole:
        return Lost(pilot.K, np.inf, 0.0, np.inf)
    same = one.loss[np.searchsorted(one.steps, pilot.steps)]  # that K = 1 had on the same samples
    made = pilot.steps - plan.begin
    late = made >= plan.length / 2
    rate = (pilot.loss[late].min() - same[late].min()) / plan.length
    error = NORMAL * float(np.median(np.abs(pilot.loss - same - rate * made))) / plan.length
    drift = float(np.median(pilot.drift))
    at_most = np.inf if most is None else most(drift) / fall
    return Lost(pilot.K, rate / fall, max(error / fall, LEAST), drift, at_most)


def at_most(gamma, L, gradient, noise):
    """D_K → the most that drift can take of a step's fall (`pavg.theory.yu2019.drift_cost`).

    gradient : ‖∇F‖ about where pilots begin; noise : variance of the mean stochastic gradient
    """
    return lambda drift: yu2019.drift_cost(gamma=gamma, L=L, gradient=gradient, drift=drift, noise=noise)


class Drift:
    """r_K for any K, from what some K have lost.

    What is left open of θ is twice its error, and its growth until the loss: by none, or all, of `growth`, in
    the middle by its root. A K that surely loses something says that larger ones do not lose less; and of
    what a larger K loses at most, a smaller one loses no more than its share of the drift.
    """

    def __init__(self, of_pilots, growth=1.0):
        kept = [one for one in of_pilots if np.isfinite(one.part)]
        self.diverged = min((one.K for one in of_pilots if not np.isfinite(one.part)), default=np.inf)
        self._K = np.array([one.K for one in kept], float)
        part, error, drift, most = (
            np.array([getattr(one, name) for one in kept]) for name in ("part", "error", "drift", "most")
        )
        low = np.maximum.accumulate(np.maximum(part - 2.0 * error, 0.0))
        high = np.minimum(np.maximum(part, 0.0) * growth + 2.0 * error, most * growth)
        for k in reversed(range(high.size - 1)):
            high[k] = min(high[k], high[k + 1] * min(drift[k] / drift[k + 1], 1.0))
        high = np.maximum(high, low)
        self._parts = np.clip(part * np.sqrt(growth), low, high), low, high
        self._grows = 1.5  # exponent of θ in K beyond the largest one
        if drift.size > 1 and drift[-2] > 0:
            grows = np.log(drift[-1] / drift[-2]) / np.log(self._K[-1] / self._K[-2])
            self._grows = float(np.clip(grows, 1.0, 2.0))

    def factor(self, K):
        """`Range` of r_K."""
        if K == 1:
            return Range(1.0, 1.0, 1.0)
        if K >= self.diverged or not self._K.size:
            return Range(np.inf, np.inf, np.inf)
        below = 1.5, 2.0, 1.0  # exponents of θ in K below the smallest one
        parts = (self._part(K, known, power) for known, power in zip(self._parts, below, strict=True))
        return Range(*(1.0 / (1.0 - part) if part < ENOUGH else np.inf for part in parts))

    def _part(self, K, known, below):
        """θ_K: between known K straight in the logarithms of θ and K − 1; there is none for K = 1."""
        x, k, logs = np.log(K - 1.0), np.log(self._K - 1.0), np.log(np.maximum(known, 1e-9))
        if x <= k[0]:
            return float(np.exp(logs[0] + below * (x - k[0])))
        if x >= k[-1]:
            return float(np.exp(logs[-1] + self._grows * (x - k[-1])))
        return float(np.exp(np.interp(x, k, logs)))
