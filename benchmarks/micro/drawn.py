"""Random instances inside the conditions of the papers' bounds: (measured, bound), exact, for `bounds.py`."""

import numpy as np

from pavg.theory import exact, yu2019, zhang2016, zhou2018


def ratios(draw, instances):
    """measured / bound of so many instances, always the same ones."""
    rng = np.random.default_rng(0)
    pairs = np.array([draw(rng) for _ in range(instances)])
    return pairs[:, 0] / pairs[:, 1]


def equation_4(rng):
    """Zhang (4), put right: quadratics in up to six dimensions, noise in some directions or in all."""
    d, k = rng.integers(1, 7), int(rng.integers(1, 60))
    lam = 10.0 ** rng.uniform(-1, 1) * (1.0 + rng.choice([0.0, 0.01, 0.3, 3.0]) * rng.random(d))
    B = rng.standard_normal((d, d)) * rng.choice([1.0, 0.01], d)
    alpha, C = rng.uniform(0.01, 0.95) * 2.0 * lam.min() / lam.max() ** 2, np.zeros((d, d))
    for _ in range(k):
        C = zhang2016.covariance_step(C, alpha=alpha, H=np.diag(lam), noise=B @ B.T)
    case = dict(alpha=alpha, c=lam.min(), L=lam.max(), sigma2=np.trace(B @ B.T))
    return np.trace(C), zhang2016.variance_bound(k, **case)


def equation_5(rng):
    """Zhang (5) as an envelope: Δ of least squares on random rows, at a random w, for a random τ."""
    n, d = int(rng.integers(8, 40)), int(rng.integers(1, 6))
    X = rng.standard_normal((n, d)) ** rng.choice([1, 3])
    r = rng.standard_normal(n) * (1.0 + rng.choice([0.0, 1.0]) * (X**2).sum(axis=1))
    r -= X @ np.linalg.lstsq(X, r, rcond=None)[0]  # residuals at w*
    squares, A = (X**2).sum(axis=1), X.T @ X / n
    Q = (X.T * squares) @ X / n - A @ A
    v = rng.standard_normal(d) * 10.0 ** rng.uniform(-3, 2)
    G = X * (r + X @ v)[:, None]
    case = dict(
        largest=np.linalg.eigvalsh(Q)[-1],
        slope=np.linalg.norm(2.0 * X.T @ (r * squares) / n),
        at_optimum=np.mean(r**2 * squares),
    )
    beta2, sigma2 = zhang2016.variance_envelope(10.0 ** rng.uniform(-2, 3), **case)
    return ((G - G.mean(axis=0)) ** 2).sum(axis=1).mean(), beta2 * (v @ v) + sigma2


def quadratic(rng, bound=zhou2018.bound):
    """(measured, bound) of Theorem 3.1 on a quadratic in up to six dimensions."""
    K, N, P, B, d = (int(rng.integers(1, most)) for most in (20, 200, 50, 20, 7))
    lam, start, noise = 10.0 ** rng.uniform(-2, 1, d), rng.standard_normal(d), rng.random(d)
    gamma = zhou2018.largest_step(K, L=lam.max()) * rng.uniform(0.02, 0.999)
    noise *= rng.choice([0.0, 1.0, 100.0])
    measured = exact.mean_square_slope(N, K, gamma=gamma, curvatures=lam, start=start, noise=noise / (P * B))
    gap = 0.5 * float((lam * start**2).sum())
    case = dict(L=lam.max(), gamma=gamma, M=noise.sum(), B=B, P=P, gap=gap)
    return measured, bound(K, N, **case)


def rate(rng):
    """(measured, bound) of Corollary 3.1 with the fewest rounds that it allows, or up to ten times that."""
    K, P, B, d = (int(rng.integers(1, most)) for most in (10, 20, 5, 7))
    lam, start, noise = 10.0 ** rng.uniform(-2, 0, d), rng.standard_normal(d), rng.random(d)
    case = dict(L=lam.max(), M=noise.sum(), B=B, P=P, gap=0.5 * float((lam * start**2).sum()))
    N = int(zhou2018.least_rounds(K, **case) * rng.uniform(1.0, 10.0) + 1)
    gamma = zhou2018.step_size(K, N, **case)
    measured = exact.mean_square_slope(N, K, gamma=gamma, curvatures=lam, start=start, noise=noise / (P * B))
    return measured, zhou2018.rate(K, N, **case)


def sequences(rng):
    """(measured, bound) of Theorem 3.2, and with equal rounds of Theorem 3.1, on ½cw² + a·cos(bw + φ)."""
    P, K, N = [(1, 3, 4), (2, 2, 3), (2, 1, 6), (3, 2, 2), (1, 6, 2), (2, 3, 2), (3, 1, 4)][rng.integers(7)]
    c, a, b, phi = rng.uniform(0.02, 1.0), rng.uniform(0.1, 3.0), rng.uniform(0.3, 3.0), rng.uniform(0, 6.3)
    L, noise, B, start = c + a * b**2, 10.0 ** rng.uniform(-1, 1), int(rng.integers(1, 9)), rng.uniform(-4, 4)
    gammas = zhou2018.largest_step(K, L=L) * rng.uniform(0.05, 0.999, N)
    if rng.random() < 0.5:
        gammas[:] = gammas[0]

    def F(w):
        return 0.5 * c * w**2 + a * np.cos(b * w + phi)

    def slope(w):
        return c * w - a * b * np.sin(b * w + phi)

    grid = np.linspace(-1, 1, 20001) * (2 * (a / c) ** 0.5 + 0.1)  # F ≤ F(0) only within 2√(a/c)
    lowest = F(grid).min() - L * (grid[1] - grid[0]) ** 2 / 8
    run = exact.outcomes(start, P, exact.rounds([K] * N, gammas), slope=slope, noise=noise)
    squares = [(slope(X.mean(axis=1)) ** 2).mean() for X in run][: K * N : K]
    case = dict(L=L, M=noise**2 * B, P=P, gap=F(start) - lowest)
    return gammas @ squares / gammas.sum(), zhou2018.bound_of_sequences(K, gammas, [B] * N, **case)


def waves(rng, N, alike):
    """(slopes of learners, slope of f, facts) of f_i(x) = a_i·cos(bx + φ_i), from a random start."""
    a, phi = rng.uniform(0.1, 3.0, N), rng.uniform(0.0, 6.3, N)
    if alike:
        a[:], phi[:] = a[0], phi[0]
    b, start, noise = rng.uniform(0.3, 3.0), rng.uniform(-3, 3), 10.0 ** rng.uniform(-1, 1)
    facts = dict(L=a.max() * b**2, G2=(a.max() * b) ** 2 + noise**2, sigma2=noise**2)
    facts["gap"] = (a * np.cos(b * start + phi)).mean() + abs((a * np.exp(1j * phi)).mean())

    def slopes(X):
        return -a * b * np.sin(b * X + phi)

    return slopes, lambda x: slopes(x[:, None]).mean(axis=1), start, noise, facts


SIZES = ((1, 12), (2, 6), (3, 4), (4, 3), (6, 2))  # learners, and steps of whose outcomes there are 4096


def restarts(rng, quarter=1.0, drift=False):
    """(measured, bound) of Theorem 1, or of Lemma 1 (drift), by Algorithm 1 as it is printed.

    quarter : what the drift term of Theorem 1 is multiplied by.
    """
    N, T = SIZES[rng.integers(len(SIZES))]
    slopes, slope, start, noise, facts = waves(rng, N, alike=False)
    I, gamma = int(rng.integers(1, T + 1)), rng.uniform(0.02, 1.0) / facts["L"]
    run = list(exact.outcomes(start, N, exact.restarts(T, I, gamma), slope=slopes, noise=noise))
    if drift:
        apart = [((X - X.mean(axis=1, keepdims=True)) ** 2).mean(axis=0).max() for X in run]
        return max(apart), yu2019.drift_bound(gamma=gamma, I=I, G2=facts["G2"])
    squares = [(slope(X.mean(axis=1)) ** 2).mean() for X in run[:-1]]
    first, second, third = yu2019.bound_terms(T, gamma=gamma, I=I, N=N, **facts)
    return np.mean(squares), first + quarter * second + third


def lengths(rng):
    """(measured, bound) of rounds of varying lengths and step sizes: Algorithm 2, Theorem 2."""
    N, T = SIZES[rng.integers(len(SIZES))]
    slopes, slope, start, noise, facts = waves(rng, N, alike=False)
    lengths = []
    while sum(lengths) < T:
        lengths.append(int(rng.integers(1, T - sum(lengths) + 1)))
    gammas = rng.uniform(0.02, 1.0, len(lengths)) / facts["L"]
    run = exact.outcomes(start, N, exact.rounds(lengths, gammas), slope=slopes, noise=noise)
    squares = np.array([(slope(X.mean(axis=1)) ** 2).mean() for X in run])[:T]
    weights = np.repeat(gammas, lengths)
    return weights @ squares / weights.sum(), yu2019.bound_of_sequences(lengths, gammas, N=N, **facts)


def unequal(rng):
    """(measured, bound) of Theorem 3: learners of Algorithm 3 with I_i of their own."""
    lengths = [[3, 1], [2, 1, 1], [2, 2, 1], [4, 2], [1, 1, 1], [3, 2, 1], [2, 1]][rng.integers(7)]
    S = 12 // sum(lengths)
    slopes, slope, start, noise, facts = waves(rng, len(lengths), alike=True)
    gamma = rng.uniform(0.02, 1.0) / facts["L"]
    steps = exact.rounds([lengths] * S, [gamma] * S)
    run = exact.outcomes(start, len(lengths), steps, slope=slopes, noise=noise)
    squares = np.array([(slope(X.mean(axis=1)) ** 2).mean() for X in run])[:-1]
    measured = np.tile(yu2019.weights(lengths), S) @ squares / S
    return measured, sum(yu2019.unequal_bound_terms(S, lengths, gamma=gamma, **facts))


BOUNDS = {
    "Zhang (4), put right": equation_4,
    "Zhang (5), as an envelope": equation_5,
    "Zhou Theorem 3.1, quadratics": quadratic,
    "Zhou Theorem 3.1, not relaxed": lambda rng: quadratic(rng, zhou2018.unrelaxed_bound),
    "Zhou Theorems 3.1 and 3.2, not convex": sequences,
    "Zhou Corollary 3.1, N put right": rate,
    "Yu Lemma 1": lambda rng: restarts(rng, drift=True),
    "Yu Theorem 1": restarts,
    "Yu Theorem 1, a quarter of its drift term": lambda rng: restarts(rng, quarter=0.25),
    "Yu Algorithm 2, Theorem 2": lengths,
    "Yu Theorem 3": unequal,
}
