"""Zhang, De Sa, Mitliagkas & Ré 2016, "Parallel SGD: When does averaging help?"."""

import numpy as np


def moments_step(Q, S, *, alpha, c, beta2, sigma2, zeta, M):
    """One time step of the second moments under stochastic averaging (appendix A, exact).

    Q = E[w̄²] of the average and S = E[w_i²] of one learner go to

        (1 − ζ)·[(1 − αc)²Q + α²(β²S + σ²)/M,  ((1 − αc)² + α²β²)S + α²σ²] + ζ·[Q, Q]:

    a time step is either a gradient step or, with probability ζ, an averaging.

    Parameters
    ----------
    Q, S : float
    alpha : step size; c : curvature; beta2, sigma2 : variances β², σ² of the noise
    zeta : probability of averaging; M : learners

    Returns
    -------
    Q, S after the step : float
    """
    a2 = (1.0 - alpha * c) ** 2
    moved_Q = a2 * Q + alpha**2 * (beta2 * S + sigma2) / M
    moved_S = (a2 + alpha**2 * beta2) * S + alpha**2 * sigma2
    return (1.0 - zeta) * moved_Q + zeta * Q, (1.0 - zeta) * moved_S + zeta * Q


def asymptotic_variance(*, alpha, c, beta2, sigma2, zeta, M):
    """lim Var(w̄) of Lemma 1: ασ²/M · (2c − αc² − αβ²·(1 + η/M)/(1 + η))⁻¹.

    η = ζ / ((1 − ζ)α(2c − αc²)). In the appendix β and γ stand for the lemma's β² and σ².

    Parameters
    ----------
    as in `moments_step`; 0 ≤ ζ < 1

    Returns
    -------
    float; infinity where the second moment does not converge
    """
    drop = 2.0 * c - alpha * c**2
    if drop <= 0:
        return np.inf
    eta = zeta / ((1.0 - zeta) * alpha * drop)
    rate = drop - alpha * beta2 * (1.0 + eta / M) / (1.0 + eta)
    return alpha * sigma2 / (M * rate) if rate > 0 else np.inf


def fourth_moment_factor(*, alpha, c, beta2):
    """E[m⁴] of the factor m = 1 − α(c − b̃) of one step, b̃ normal with variance β².

    Below 1, w has a finite fourth moment, and the mean of w² a standard error.
    """
    a2, s2 = (1.0 - alpha * c) ** 2, alpha**2 * beta2
    return a2**2 + 6.0 * a2 * s2 + 3.0 * s2**2
