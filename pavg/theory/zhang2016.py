"""Zhang, De Sa, Mitliagkas & Ré 2016, "Parallel SGD: When does averaging help?"."""

import numpy as np


def covariance_step(C, *, alpha, H, noise):
    """One local step of the covariance of w, where f is quadratic and its noise additive (exact).

    w ← w − α(Hw + q) takes C = Cov(w) to (I − αH)C(I − αH)ᵀ + α²Cov(q).

    Parameters
    ----------
    C, H, noise : arrays (d, d); noise : Cov(q), of trace σ²
    alpha : step size

    Returns
    -------
    array (d, d), of trace E‖w − E w‖²
    """
    A = np.eye(len(C)) - alpha * H
    return A @ C @ A.T + alpha**2 * noise


def variance_bound(k, *, alpha, c, L, sigma2):
    """E‖w_k − E w_k‖² ≤ ασ²/(2c − αL²)·[1 − (1 − 2αc + α²L²)^k]: eq. (4) with L and c put right.

    For f that is c-strongly convex with L-Lipschitz gradients, and gradient samples of variance at most σ²:
    a local step takes V = E‖w − E w‖² to at most (1 − 2αc + α²L²)V + α²σ², where −2αc is what strong
    convexity gives and α²L² what the Lipschitz constant does. In print L and c are exchanged
    (`printed_variance_bound`), which holds for c = L alone. E w may be the average of the learners: about
    it, the mean square is 1 − 1/M of that.

    Parameters
    ----------
    k : number of local steps; infinity for the limit
    alpha : step size; c, L : the constants, c ≤ L; sigma2 : σ²

    Returns
    -------
    float; for k = ∞ and α ≥ 2c/L², where there is no limit, infinity
    """
    rate = 2.0 * alpha * c - (alpha * L) ** 2
    if rate == 0.0:
        return k * alpha**2 * sigma2
    if rate < 0.0 and np.isinf(k):
        return np.inf
    return alpha**2 * sigma2 * (1.0 - (1.0 - rate) ** k) / rate


def printed_variance_bound(k, *, alpha, c, L, sigma2):
    """ασ²/(2L − αc²)·[1 − (1 − 2αL + α²c²)^k]: eq. (4) as printed, which is no bound where c < L."""
    return variance_bound(k, alpha=alpha, c=L, L=c, sigma2=sigma2)


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


def variance_envelope(tau, *, largest, slope, at_optimum):
    """(β², σ²) with which eq. (5), Δ(w) ≤ β²‖w − w*‖² + σ², holds wherever Δ is a quadratic (least squares).

    β² = λmax(Q) + τ and σ² = Δ(w*) + ‖b‖²/(4τ), where Δ(w* + v) = Δ(w*) + ⟨b, v⟩ + vᵀQv, for any τ > 0:
    as ⟨b, v⟩ ≤ τ‖v‖² + ‖b‖²/(4τ). With σ² = Δ(w*), as the paper has it, (5) holds for no β² unless b = 0.

    Parameters
    ----------
    tau : τ, in units of β²; largest : λmax(Q); slope : ‖b‖ = ‖∇Δ(w*)‖; at_optimum : Δ(w*)

    Returns
    -------
    β², σ² : float
    """
    return largest + tau, at_optimum + slope**2 / (4.0 * tau)


def least_envelope(distance, *, largest, slope, at_optimum):
    """(β², σ²) of the `variance_envelope` that is least at ‖w − w*‖ = distance > 0: τ = ‖b‖/(2·distance)."""
    if slope == 0.0:
        return largest, at_optimum
    return variance_envelope(slope / (2.0 * distance), largest=largest, slope=slope, at_optimum=at_optimum)
