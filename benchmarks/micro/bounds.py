"""How tight the papers' bounds are: python benchmarks/micro/bounds.py [INSTANCES]

Two tables in Markdown. For each term of a bound: the tightest instance that is known, what was measured
there over the bound, and over the bound with that term times a factor that was named before, which must be
exceeded. Then the largest and the median ratio of INSTANCES (200) random instances inside each bound's
conditions (`drawn.py`). Measured values are exact (`pavg.theory.exact`): there is no sampling noise.
"""

import sys
from dataclasses import dataclass

import drawn
import numpy as np

from pavg.theory import exact, yu2019, zhang2016, zhou2018


@dataclass(frozen=True)
class Tightest:
    """An instance: `measured` ≤ Σ `terms`, which would fail with terms[which] times `factor`."""

    bound: str
    term: str
    instance: str
    measured: float
    terms: tuple
    which: int
    factor: float

    @property
    def ratio(self):
        return self.measured / sum(self.terms)

    @property
    def planted(self):
        """What is measured over the bound with the factor in it."""
        return self.measured / (sum(self.terms) + (self.factor - 1.0) * self.terms[self.which])


def tightest():
    """The tightest instance that is known of each term."""
    yield from (_equation_4(), _equation_5(), _zhou_start(), _zhou_noise(), _zhou_drift(), _zhou_rate())
    yield from (_lemma_1(), _mean_drift(), _yu_start(), _yu_noise(), _yu_drift())


def _equation_4():
    case = dict(alpha=0.1, c=1.0, L=1.0, sigma2=1.0)
    C = np.zeros((1, 1))
    for _ in range(20):
        C = zhang2016.covariance_step(C, alpha=0.1, H=np.eye(1), noise=np.eye(1))
    bound = zhang2016.variance_bound(20, **case)
    return Tightest("Zhang (4), put right", "all", "c = L", C[0, 0], (bound,), 0, 0.9)


def _equation_5():
    x, r = np.array([1.0, 2.0]), np.array([2.0, -1.0])  # residuals at w*, where x·r has mean 0
    at, slope, Q = spread(x, r)
    beta2, sigma2 = zhang2016.least_envelope(3.0, largest=Q, slope=abs(slope), at_optimum=at)
    v = 3.0 * np.sign(slope)
    measured, told = np.var(x * (r + x * v)), "d = 1, τ of ‖w − w*‖"
    return Tightest("Zhang (5), as an envelope", "all", told, measured, (beta2 * v**2 + sigma2,), 0, 0.9)


def spread(x, r):
    """(Δ(w*), its slope b, its form Q) of least squares in one dimension, with residuals r at w*."""
    return np.var(x * r), 2.0 * np.cov(x * r, x**2, ddof=0)[0, 1], np.var(x**2)


def _zhou(term, instance, measured, case, which, factor):
    K, N, rest = case["K"], case["N"], {k: v for k, v in case.items() if k not in "KN"}
    terms = zhou2018.bound_terms(K, N, **rest)
    return Tightest("Zhou Theorem 3.1", term, instance, measured, terms, which, factor)


def _zhou_start():
    K, N = 3, 10**4
    gamma = zhou2018.largest_step(K, L=1.0)
    measured = exact.mean_square_slope(N, K, gamma=gamma, curvatures=[1.0], start=[1.0], noise=[0.0])
    case = dict(K=K, N=N, L=1.0, gamma=gamma, M=0.0, B=1, P=1, gap=0.5)
    return _zhou("start", "quadratic, no noise, K = 3, largest γ", measured, case, 0, 0.9)


def _zhou_noise():
    gamma, N = 2.0 - 3.0**0.5, 10**6
    measured = exact.mean_square_slope(N, 1, gamma=gamma, curvatures=[1.0], start=[0.0], noise=[1.0])
    case = dict(K=1, N=N, L=1.0, gamma=gamma, M=1.0, B=1, P=1, gap=0.0)
    return _zhou("averaged noise", "quadratic, from w*, K = 1, Lγ = 2 − √3", measured, case, 1, 0.5)


def tent(u, height, radius):
    """F′ of an F with L = 1 that is bounded below: a tent about 0, and 0 further to the right."""
    falls = height - np.minimum(np.abs(u), radius)
    return np.where(
        u > radius, np.minimum(falls + np.maximum(u - radius, 0.0), np.maximum(falls, 0.0)), falls
    )


def many_learners_of_a_tent(gamma):
    """(F′(w̃), Σ_t E F′(w_t)) of a round of K = 2 from w̃ = 0, L = M = 1.

    The second is 0, so the average stays where it is for P → ∞.
    """
    first = tent(0.0, gamma / 2.0, 2.0 * gamma)
    own = -gamma * (first + np.array([1.0, -1.0]))
    return float(first), float(first + tent(own, gamma / 2.0, 2.0 * gamma).mean())


def _zhou_drift():
    slope, _ = many_learners_of_a_tent(0.1)
    case = dict(K=2, N=np.inf, L=1.0, gamma=0.1, M=1.0, B=1, P=np.inf, gap=1.0)
    return _zhou("noise that makes drift", "F′ a tent, K = 2, Lγ = 0.1; P, N → ∞", slope**2, case, 2, 0.4)


def _zhou_rate():
    K, N, gamma, gap = 2, 10**4, 0.5, 0.5
    M = gap / (K * gamma) ** 2 / N  # so that (3.23) gives γ
    measured = exact.mean_square_slope(N, K, gamma=gamma, curvatures=[1.0], start=[1.0], noise=[M])
    rate = zhou2018.rate(K, N, L=1.0, M=M, B=1, P=1, gap=gap)
    return Tightest("Zhou Corollary 3.1", "all", "quadratic, K = 2, Lγ = ½, P = 1", measured, (rate,), 0, 0.5)


def _lemma_1():
    I, gamma, G = 5, 0.1, np.where(np.arange(24) == 0, 1.0, -1.0)
    steps = exact.restarts(4 * I - 1, I, gamma)
    *_, X = exact.outcomes(0.0, 24, steps, slope=lambda X: G + 0 * X, noise=0.0)
    terms, apart = (yu2019.drift_bound(gamma=gamma, I=I, G2=1.0),), (X[0, 0] - X.mean()) ** 2
    return Tightest("Yu Lemma 1", "all", "one learner +G, 23 others −G: (1 − 1/N)²", apart, terms, 0, 0.9)


def _mean_drift():
    G = np.array([1.0, -1.0])
    *_, X = exact.outcomes(0.0, 2, exact.restarts(9, 5, 0.1), slope=lambda X: G + 0 * X, noise=0.0)
    terms = (yu2019.mean_drift_bound(gamma=0.1, I=5, G2=1.0),)
    return Tightest("mean drift", "all", "half +G, half −G", X.var(), terms, 0, 0.9)


def _yu(term, instance, measured, T, case, which, factor, quarter=1.0):
    terms = list(yu2019.bound_terms(T, **case))
    terms[1] *= quarter
    return Tightest("Yu Theorem 1", term, instance, measured, tuple(terms), which, factor)


def _yu_start():
    gamma, T = 0.005, 2000
    measured = exact.mean_square_slope(T, 1, gamma=gamma, curvatures=[1.0], start=[1.0], noise=[0.0])
    case = dict(gamma=gamma, I=1, N=1, L=1.0, G2=1.0, sigma2=0.0, gap=0.5)
    return _yu("start", "quadratic up to w0, no noise, Lγ = 0.005, T = 2000", measured, T, case, 0, 0.4)


def _yu_noise():
    gamma, T = 0.001, 10**7
    measured = exact.mean_square_slope(T, 1, gamma=gamma, curvatures=[1.0], start=[0.0], noise=[1.0])
    case = dict(gamma=gamma, I=1, N=1, L=1.0, G2=2.0, sigma2=1.0, gap=0.0)  # |w| ≤ σ/L, so F′² ≤ σ²
    return _yu("noise", "quadratic up to σ/L, from w*, N = I = 1, Lγ = 0.001", measured, T, case, 2, 0.4)


def many_learners_of_algorithm_1(gamma, steps=6):
    """x̄ and F′(x̄) over steps of N → ∞ learners with I = 1, noise ±1, F′ a tent: soon both stay."""
    height, average = gamma, gamma**2 / (1.0 + gamma)
    own = np.array([average])
    for _ in range(steps):
        yield float(average), float(tent(average, height, height))
        G = tent(own, height, height)[:, None] + np.array([1.0, -1.0])
        own = np.unique(np.round(average - gamma * G, 14))
        average -= gamma * G.mean()


def _yu_drift():
    *_, (_, slope) = many_learners_of_algorithm_1(0.1)
    case = dict(gamma=0.1, I=1, N=np.inf, L=1.0, G2=1.0 + 0.1**2, sigma2=1.0, gap=1.0)
    told = "a quarter of it: F′ a tent, I = 1, Lγ = 0.1; N, T → ∞"
    return _yu("drift", told, slope**2, np.inf, case, 1, 0.9, quarter=0.25)


def main(instances="200"):
    print("| bound | term | tightest instance known | measured / bound | factor | then |")
    print("|---|---|---|---|---|---|")
    for one in tightest():
        told = f"{one.ratio:.3f} | {one.factor:g} | {one.planted:.3f}"
        print(f"| {one.bound} | {one.term} | {one.instance} | {told} |")
    print(f"\n| bound | largest ratio of {instances} random instances | median |\n|---|---|---|")
    for name, draw in drawn.BOUNDS.items():
        found = drawn.ratios(draw, int(instances))
        print(f"| {name} | {found.max():.3f} | {np.median(found):.3f} |")


if __name__ == "__main__":
    main(*sys.argv[1:])
