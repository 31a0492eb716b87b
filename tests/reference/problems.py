"""What is minimised: start, gradients of samples, values at an average."""

import numpy as np
from scipy.special import expit

from tests.reference import draws

LOSSES = {  # and their slopes in z
    "least-squares": (lambda z, y: (z - y) ** 2 / 2, lambda z, y: z - y),
    "logistic": (lambda z, y: np.logaddexp(0.0, -y * z), lambda z, y: -y * expit(-y * z)),
    "sigmoid": (lambda z, y: expit(-y * z), lambda z, y: -y * expit(-y * z) * expit(y * z)),
    "cauchy": (lambda z, y: np.log1p((z - y) ** 2) / 2, lambda z, y: (z - y) / (1 + (z - y) ** 2)),
}


class Linear:
    """Losses of ⟨w, x⟩ and a target y, on rows X; the intercept is the last entry of w."""

    optimum = None

    def __init__(self, table, samples, P, seed):
        self.loss, self.slope = LOSSES[table["name"]]
        self.classes = table["name"] in ("logistic", "sigmoid")
        self.intercept = table.get("intercept", False)
        self.X, self.y = self.with_intercept(samples["X"]), samples["y"]
        self.test = (
            (self.with_intercept(samples["X_test"]), samples["y_test"]) if "X_test" in samples else None
        )
        self.n, self.d = self.X.shape
        self.l2 = np.full(self.d, table.get("l2", 0.0))
        if self.intercept:
            self.l2[-1] = 0.0

    def with_intercept(self, X):
        X = np.asarray(X.toarray() if hasattr(X, "toarray") else X, np.float64)
        return np.hstack([X, np.ones((len(X), 1))]) if self.intercept else X

    def start(self):
        return np.zeros(self.d)

    def gradient(self, w, rows, noise, m):
        X, y = self.X[rows], self.y[rows]
        z = X @ w
        return X.T @ self.slope(z, y) / len(rows) + self.l2 * w

    def mean_loss(self, X, y, w):
        z = X @ w
        return np.mean(self.loss(z, y))

    def values(self, w):
        """What is recorded of an average."""
        found = {"loss": self.mean_loss(self.X, self.y, w) + self.l2 @ w**2 / 2}
        found["grad_norm"] = np.linalg.norm(self.gradient(w, np.arange(self.n), None, None))
        for name, part in (("", (self.X, self.y)), ("test_", self.test)):
            if part and self.classes:
                found[name + "accuracy"] = np.mean((part[1] > 0) == (part[0] @ w > 0))
        if self.test:
            found["test_loss"] = self.mean_loss(*self.test, w)
        return found


class Quadratic:
    """The mean of ½wᵀPⱼw + wᵀqⱼ."""

    y = None

    def __init__(self, table, samples, P, seed):
        self.d, self.n = d, n = table.get("d", 5), table.get("components", 100)
        rng = draws.generator(table.get("instance", 0), draws.PROBLEM)
        A, B, self.q = (rng.standard_normal(shape) for shape in ((d, d), (n, d, d), (n, d)))
        self.P = np.eye(d) / 2 + A @ A.T / d + table.get("spread", 0.0) * B @ B.transpose(0, 2, 1) / d
        self.w0 = table.get("w0", 1.0)
        self.optimum = self.values(-np.linalg.solve(self.P.mean(axis=0), self.q.mean(axis=0)))["loss"]

    def start(self):
        return np.full(self.d, self.w0)

    def gradient(self, w, rows, noise, m):
        return np.mean([self.P[j] @ w + self.q[j] for j in rows], axis=0)

    def values(self, w):
        P, q = self.P.mean(axis=0), self.q.mean(axis=0)
        return {"loss": w @ P @ w / 2 + w @ q, "grad_norm": np.linalg.norm(P @ w + q)}


class NoisyQuadratic:
    """½cw², C copies side by side."""

    n, y, optimum = 0, None, 0.0

    def __init__(self, table, samples, P, seed):
        self.c, self.beta, self.sigma, self.w0 = (
            table.get(name, otherwise) for name, otherwise in (("c", 1), ("beta", 1), ("sigma", 1), ("w0", 0))
        )
        self.d = table.get("copies", 1)

    def start(self):
        return np.full(self.d, float(self.w0))

    def gradient(self, w, rows, noise, m):
        samples = []
        for number in m:
            pairs = [2 * (number * self.d + j) for j in range(self.d)]
            b = self.beta * np.array([draws.normal(noise, pair) for pair in pairs])
            h = self.sigma * np.array([draws.normal(noise, pair + 1) for pair in pairs])
            samples.append(self.c * w - b * w - h)
        return np.mean(samples, axis=0)

    def values(self, w):
        return {"loss": self.c * np.mean(w**2) / 2}


class DoubleWell:
    """(w² − 1)², with noise."""

    n, d, y, optimum = 0, 1, None, 0.0

    def __init__(self, table, samples, P, seed):
        self.w0 = table.get("w0", 0.0)

    def start(self):
        return np.array([float(self.w0)])

    def gradient(self, w, rows, noise, m):
        return np.mean([4 * (w**3 - w + draws.normal(noise, number)) for number in m], axis=0)

    def values(self, w):
        return {"loss": (w[0] ** 2 - 1) ** 2}


class PCA:
    """1 − |⟨w, v₁⟩|/‖w‖ by Oja's rule; v₁ is the first axis."""

    y, optimum = None, 0.0

    def __init__(self, table, samples, P, seed):
        self.d, each = table.get("d", 20), table.get("samples_each", 10)
        self.sphere = table.get("normalised", True)
        deviations = np.full(self.d, table.get("rest", 0.7))
        deviations[0] = table.get("top", 1.0)
        if table.get("spectrum", "deviations") == "variances":
            deviations = np.sqrt(deviations)
        rngs = [draws.generator(seed, draws.PROBLEM, p) for p in range(P)]
        self.X = np.vstack([rng.standard_normal((each, self.d)) * deviations for rng in rngs])
        self.n = len(self.X)
        self.first = draws.generator(seed, draws.INITIAL).standard_normal(self.d)

    def start(self):
        return self.first / np.linalg.norm(self.first)

    def gradient(self, w, rows, noise, m):
        return -self.X[rows].T @ (self.X[rows] @ w) / len(rows)

    def values(self, w):
        return {"loss": 1 - abs(w[0]) / np.linalg.norm(w)}


PROBLEMS = {
    **dict.fromkeys(LOSSES, Linear),
    "quadratic": Quadratic,
    "noisy-quadratic": NoisyQuadratic,
    "double-well": DoubleWell,
    "pca": PCA,
}
