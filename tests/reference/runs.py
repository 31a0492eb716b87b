"""A run: docs/specification.md and docs/results.md, one learner and one step after the other."""

import itertools
import math

import numpy as np
from scipy.sparse import issparse

from tests.reference import draws
from tests.reference.problems import PCA, PROBLEMS

BLOCK = 64  # local steps: between ends of rounds, runs are looked at after whole blocks only
ENTRY = 12  # bytes of one coordinate: its number and its value


def named(value):
    """A table with a name, of a name or a number alone."""
    if isinstance(value, dict):
        return value
    return {"name": value} if isinstance(value, str) else {"name": "constant", "value": value}


def step_size(rule, t, epochs, r):
    """γ of local step t = 1, 2, … in round r; epochs : over before it."""
    match rule["name"]:
        case "constant":
            return rule["value"]
        case "inverse":
            return rule["alpha"] / (t + rule.get("d", 0.0))
        case "inverse-sqrt":
            return rule["gamma"] / math.sqrt(t)
        case "power":
            return rule["gamma"] / (r if rule.get("unit") == "rounds" else t) ** rule["power"]
    over = t - 1 if rule.get("unit", "epochs") == "steps" else epochs
    if "every" in rule:
        passed = math.floor(over / rule["every"])
    else:
        passed = sum(over >= point for point in rule["at_points"])
    return rule["gamma"] * rule["factor"] ** passed


def batch_size(rule, t):
    if rule["name"] == "constant":
        return rule["value"]
    return min(math.ceil(rule.get("start", 1.0) * t ** rule.get("power", 0.5)), rule.get("most", 10**6))


def round_length(method, r):
    """Local steps of round r = 1, 2, … of methods that average after given numbers of them."""
    if method["name"] in ("periodic", "slow-momentum"):
        if method["K"] == "all":
            return math.inf
        return method["K"] + (method.get("warmup", 0) if r == 1 else 0)
    if "K" in method:
        return method["K"][min(r, len(method["K"])) - 1]
    return math.ceil(method["start"] * r ** method.get("power", 0.0))


class Run:
    """A run of a specification.

    table : as in TOML; samples : a dictionary of X, y, X_test, y_test (NumPy's, or CSR), or None; lanes :
    whether it is one of several that go side by side.
    """

    def __init__(self, table, samples=None, lanes=False):
        self.table, self.P, self.seed = table, table["P"], table.get("seed", 0)
        self.problem = PROBLEMS[named(table["problem"])["name"]](
            named(table["problem"]), samples, self.P, self.seed
        )
        self.method = named(table["method"])
        self.gamma, self.B = named(table["step_size"]), named(table.get("batch_size", 1))
        self.mu, self.at_average = table.get("momentum", 0.0), table.get("momentum_at_average", "keep")
        self.order = [draws.key(self.seed, draws.ORDER, p) for p in range(self.P)]
        self.noise = [draws.key(self.seed, draws.NOISE, p) for p in range(self.P)]
        self.coin = draws.key(self.seed, draws.COIN)
        self.shards = None
        if self.problem.n:
            default = "contiguous" if isinstance(self.problem, PCA) else "pool"
            rule = named(table.get("partition", default))
            self.shards = draws.shards(rule, self.problem.y, self.problem.n, self.P, self.seed)
        sizes = [len(s) for s in self.shards] if table.get("weights", "equal") == "shards" else [1] * self.P
        self.weights = np.array(sizes)
        self.stored = None  # entries of rows of CSR: whole groups of 8 nonzeros
        self.holds = self.seen = None  # of lanes on CSR: which columns rows hold, and learners have seen
        if samples and issparse(samples["X"]) and not self.mu and table.get("averaging", "auto") != "dense":
            if not lanes:
                self.stored = -(-np.diff(samples["X"].indptr) // 8) * 8
            elif table.get("reduction", "mpi") == "mpi" and self.method["name"] != "heterogeneous":
                self.holds = samples["X"].toarray() != 0
                self.seen = np.zeros(self.holds.shape[1], bool)
        self.W = np.array([self.problem.start()] * self.P)
        self.V = np.zeros_like(self.W)
        self.begun, self.global_model = self.W[0].copy(), self.W[0].copy()  # of slow momentum
        self.slow, self.last_gamma = np.zeros_like(self.W[0]), math.nan
        self.drawn = self.touched = 0  # rows and their entries since the last average
        self.shrunk = 1.0  # by the L2 term, since models were last averaged whole
        self.t = self.rounds = self.bytes = self.since = 0
        self.steps, self.m = [0] * self.P, [0] * self.P  # local steps and samples of each learner
        self.before = 0.0  # drift before the average that was just made
        self.rows, self.status, self.reason = [], "ok", "all steps done"

    # local steps

    def gradient(self, p):
        """Of learner p, at its own model, on its next mini-batch."""
        m = range(self.m[p], self.m[p] + batch_size(self.B, self.steps[p] + 1))
        rows = None
        if self.shards:
            c = len(self.shards[p])
            at = [draws.drawn(self.table.get("sampling", "replacement"), self.order[p], k, c) for k in m]
            rows = self.shards[p][at]
            self.drawn += len(rows)
            if self.holds is not None:
                self.seen |= self.holds[rows].any(axis=0)
            if self.stored is not None:
                self.touched += self.stored[rows].sum()
        return self.problem.gradient(self.W[p], rows, self.noise[p], m)

    def move(self, p, g):
        """v ← μv + g, w ← w − γv of learner p."""
        epochs = self.P * self.m[p] / self.problem.n if self.problem.n else math.nan
        self.V[p] = self.mu * self.V[p] + g
        self.last_gamma = gamma = step_size(self.gamma, self.steps[p] + 1, epochs, self.rounds + 1)
        self.W[p] = self.on_sphere(self.W[p] - gamma * self.V[p])
        if p == 0:
            self.shrunk *= 1 - gamma * named(self.table["problem"]).get("l2", 0.0)
        self.m[p] += batch_size(self.B, self.steps[p] + 1)
        self.steps[p] += 1

    def gradients(self):
        return np.array([self.gradient(p) for p in range(self.P)])

    def step(self, G):
        for p, g in enumerate(G):
            self.move(p, g)
        self.since += 1

    def on_sphere(self, W):
        return W / np.linalg.norm(W, axis=-1, keepdims=True) if getattr(self.problem, "sphere", False) else W

    # averages

    def mean(self, of):
        return self.weights @ of / sum(self.weights)

    def drift(self):
        return np.mean(np.sum((self.W - self.mean(self.W)) ** 2, axis=1))

    def average(self):
        self.before = self.drift()
        self.W[:] = self.mean(self.W)
        if self.at_average == "average":
            self.V[:] = self.mean(self.V)
        elif self.at_average == "reset":
            self.V[:] = 0
        self.bytes += self.exchanged()
        self.rounds += 1
        self.since = 0

    def carry_on(self, gamma):
        """BMUF (Chen & Huo 2016), with its Nesterov form, and SlowMo (Wang et al. 2020), as printed."""
        beta, alpha = self.method.get("beta", 0.5), self.method.get("alpha", 1.0)
        mean, form = self.W[0].copy(), self.method.get("form", "bmuf")
        if form == "slowmo":
            self.slow = beta * self.slow + (self.begun - mean) / gamma
            self.begun = self.begun - alpha * gamma * self.slow
        else:
            self.slow = beta * self.slow + alpha * (mean - self.begun)
            self.global_model = self.global_model + self.slow
            self.begun = self.global_model + (beta * self.slow if form == "nesterov" else 0)
        self.W[:] = self.begun
        self.touched = math.inf

    def exchanged(self):
        """Bytes of an average: of touched coordinates, where these are few; of touched columns; of models."""
        d = self.problem.d
        if self.holds is not None:
            seen = self.holds.any(axis=0) if self.drawn >= len(self.holds) else self.seen
            columns = int(seen.sum()) + getattr(self.problem, "intercept", 0)
            self.drawn, self.seen[:] = 0, False
            return 8 * columns
        if self.stored is not None:
            entries = self.touched + 2 * self.P * getattr(self.problem, "intercept", 0)
            most = d if self.table.get("averaging") == "sparse" else d // 3
            few = max(entries, self.drawn, self.P) <= most and abs(self.shrunk) >= 1e-100
            self.drawn = self.touched = 0
            if few:
                return ENTRY * entries
        self.shrunk = 1.0
        return 8 * d * (2 if self.at_average == "average" else 1)

    def tick(self):
        """The method's next tick."""
        self.t += 1
        match self.method["name"]:
            case "gradient-allreduce":
                self.step(np.tile(self.mean(self.gradients()), (self.P, 1)))
                self.bytes += 8 * self.problem.d
                self.rounds += 1
                self.since = 0
            case "stochastic":
                if draws.uniform(self.coin, self.t) < self.method["zeta"]:
                    self.average()
                else:
                    self.step(self.gradients())
            case "pr-sgd":
                G = self.gradients()
                if self.t % self.method["I"] == 0:
                    self.touched = math.inf  # by gradients at other models
                    self.average()
                    self.touched = math.inf
                self.step(G)
            case "heterogeneous":
                for p in range(self.P):
                    for _ in range(self.method["I"][p % len(self.method["I"])]):
                        self.move(p, self.gradient(p))
                self.touched = math.inf  # models are averaged whole
                self.average()
            case _:
                self.step(self.gradients())
                if self.since == round_length(self.method, self.rounds + 1):
                    gamma = self.last_gamma
                    self.average()
                    if self.method["name"] == "slow-momentum":
                        self.carry_on(gamma)

    # evaluations

    def whole(self):
        """Whether no block of local steps is cut here: these begin with a round, and end with one."""
        if self.method["name"] == "pr-sgd":
            passed = self.t % self.method["I"]
            return passed % BLOCK == 0 or passed == self.method["I"] - 1
        return self.since % BLOCK == 0

    def requested(self):
        """Ticks at which an evaluation is asked for, ascending."""
        rule = self.table.get("evaluate", {})
        if "at" in rule:
            return iter(sorted(rule["at"]))
        if "rounds" in rule:
            return iter(())
        return (math.ceil(10 ** (k / rule.get("decade", 8))) for k in itertools.count())

    def look(self):
        """Record the average; whether the run ends here."""
        rule, stop = self.table.get("evaluate", {}), self.table["stop"]
        w = self.mean(self.W)
        row = self.problem.values(w) | {
            "ticks": self.t,
            "local_steps": max(self.steps),
            "rounds": self.rounds,
            "samples": sum(self.m),
            "bytes": self.bytes,
            "drift": self.drift() if self.since else self.before,
        }
        if self.method["name"] == "heterogeneous":
            row["learner_steps"] = list(self.steps)
        first = self.rows[0]["loss"] if self.rows else row["loss"]
        optimum = rule.get("optimum", self.problem.optimum)
        if optimum is not None:
            row["suboptimality"] = (row["loss"] - optimum) / (first - optimum or math.nan)
        if self.rows and self.rows[-1]["ticks"] == self.t:
            self.rows.pop()
        self.rows.append(row)
        if not (np.isfinite(w).all() and row["loss"] <= rule.get("diverged", 1e6) * max(abs(first), 1.0)):
            self.status, self.reason = "diverged", "loss"
        elif row["loss"] <= stop.get("target_loss", -math.inf):
            self.reason = "target loss"
        return self.reason != "all steps done"

    def over(self):
        stop, samples = self.table["stop"], sum(self.m)
        return (
            self.t >= stop.get("steps", math.inf)
            or samples >= stop.get("samples", math.inf)
            or samples >= stop.get("epochs", math.inf) * self.problem.n
        )

    def run(self):
        """To the end: `rows`, a dictionary an evaluation; `w`, the final average; `status`, `reason`."""
        with np.errstate(all="ignore"):
            ended, ticks = self.look(), self.requested()
            due, every = next(ticks, math.inf), self.table.get("evaluate", {}).get("rounds", math.inf)
            while not ended and not self.over():
                rounds = self.rounds
                self.tick()
                if self.whole() and due <= self.t or self.rounds > rounds and self.rounds % every == 0:
                    ended = self.look()
                    while due <= self.t:
                        due = next(ticks, math.inf)
            if self.since:
                self.average()
            self.look()
            self.w = self.mean(self.W)
        return self
