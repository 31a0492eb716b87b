"""Random specifications and samples, small enough for a plain loop: strategies of hypothesis."""

import os

import numpy as np
import scipy.sparse
from hypothesis import strategies as st

LANES = ("periodic", "varying", "stochastic", "heterogeneous", "slow-momentum")
METHODS = (*LANES, "gradient-allreduce", "pr-sgd")  # the last two have no lanes
LABELS = [(-1.0, 1.0), (0.0, 1.0), (1.0, 2.0), (-3.0, -1.0)]
CLASSES = ("logistic", "sigmoid")
ROWS = ("least-squares", *CLASSES, "cauchy", "quadratic", "pca")  # problems with rows that are drawn
LINEAR = ROWS[:4]
# a shape of samples takes seconds to compile: there are few, unless a number of examples is asked for
ALL_SHAPES = "PAVG_TEST_EXAMPLES" in os.environ
WORK = 5000  # gradients of samples in a run, about: the reference takes some 20 µs for one

pick = st.sampled_from
share = st.floats(0.05, 0.95)
chance = st.sampled_from([False, False, True])


@st.composite
def samples(draw, problem, P, csr, lanes):
    """A dictionary of X, y (as in a file), X_test, y_test, dtype; X is CSR or an array."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    d = draw(
        st.one_of(
            pick([300, 2000] if csr else [15, 16, 17, 24, 40][: None if ALL_SHAPES else 2]), st.integers(1, 9)
        )
    )
    fewest = max(P, 2)
    n = draw(st.one_of(st.integers(fewest, 3 * P + 2), st.integers(fewest, 60)))
    if d <= 40 and draw(chance):
        n += 1500  # more than one block of an evaluation
    held_out = draw(pick([0, 0, 1, 7]))
    dtype = draw(pick([np.float64, np.float64, np.float32] if ALL_SHAPES or not lanes else [np.float64]))
    X = rng.standard_normal((n + held_out, d)) / draw(pick([1.0, 3.0]))
    if csr:
        X *= rng.random(X.shape) < draw(pick([5.0, 1.0, 12.0, 0.0])) / d  # rows may be empty
    y = X @ rng.standard_normal(d) + rng.standard_normal(len(X))
    if problem in CLASSES:
        labels = np.array(draw(pick(LABELS)))
        y = labels[(y > 0).astype(int)]
        y[:2] = labels
    elif draw(chance):
        y = np.rint(y)
    X = X.astype(dtype)
    X = scipy.sparse.csr_matrix(X) if csr else X
    found = {"X": X[:n], "y": y[:n], "dtype": dtype}
    return found | ({"X_test": X[n:], "y_test": y[n:]} if held_out else {})


@st.composite
def problems(draw, name):
    table = {"name": name}
    if name in LINEAR:
        table |= {"l2": draw(pick([0.0, 1e-3, 0.1, 2.0])), "intercept": draw(st.booleans())}
    elif name == "quadratic":
        table |= {"d": draw(st.integers(1, 9)), "components": draw(st.integers(9, 30))}
        table |= {"spread": draw(pick([0.0, 0.3])), "instance": draw(st.integers(0, 9)), "w0": draw(share)}
    elif name == "noisy-quadratic":
        table |= {"c": draw(share), "beta": draw(share), "sigma": draw(share), "w0": draw(share)}
        table |= {"copies": draw(st.integers(1, 9))}
    elif name == "double-well":
        table |= {"w0": draw(pick([0.0, 0.3, -1.0]))}
    else:
        table |= {"d": draw(st.integers(2, 17)), "top": 1.0 + draw(share), "rest": draw(share)}
        table |= {
            "spectrum": draw(pick(["deviations", "variances"])),
            "samples_each": draw(st.integers(1, 5)),
        }
    return table


@st.composite
def step_sizes(draw, problem, method):
    """Of at most 0.3, or a tenth of that where larger ones make chaos of rounding errors."""
    rows, gamma = problem in ROWS, draw(st.floats(1e-3, 0.03 if problem == "double-well" else 0.3))
    name = draw(pick(["constant", "decay", "decay", "inverse", "inverse-sqrt", "power"]))
    if name == "constant":
        return gamma
    if name == "inverse":
        d = draw(pick([0.0, 3.0, 20.5]))
        return {"name": name, "alpha": gamma * (1 + d), "d": d}
    if name == "inverse-sqrt":
        return {"name": name, "gamma": gamma}
    if name == "power":
        unit = draw(pick(["steps"] + ["rounds"] * (method in ("periodic", "varying"))))
        return {"name": name, "gamma": gamma, "power": draw(share), "unit": unit}
    unit = draw(pick(["epochs", "steps"])) if rows else "steps"
    rule = {"name": name, "gamma": gamma, "factor": draw(share), "unit": unit}
    point = st.floats(0.1, 9.0) if unit == "epochs" else st.integers(1, 90).map(float)
    if draw(st.booleans()):
        return rule | {"every": draw(point)}
    return rule | {"at_points": sorted(draw(st.sets(point, min_size=1, max_size=3)))}


@st.composite
def batch_sizes(draw):
    if draw(chance):
        rule = {"name": "growing", "start": draw(st.floats(1.0, 4.0)), "power": draw(st.floats(0.05, 0.8))}
        return rule | ({"most": draw(st.integers(2, 9))} if draw(st.booleans()) else {})
    return draw(st.one_of(st.just(1), st.integers(1, 12)))


@st.composite
def methods(draw, name, P):
    table = {"name": name}
    if name == "periodic":
        lengths = st.one_of(st.integers(1, 9), pick([31, 63, 64, 65, 130, "all"]))
        table |= {"K": draw(lengths), "warmup": draw(pick([0, 0, 1, 70]))}
        return table if table["K"] != "all" else {"name": name, "K": "all"}
    if name == "varying":
        if draw(st.booleans()):
            return table | {"K": draw(st.lists(st.integers(1, 80), min_size=1, max_size=5))}
        return table | {"start": draw(st.floats(0.5, 9.0)), "power": draw(st.floats(-0.5, 1.0))}
    if name == "slow-momentum":
        table |= {"K": draw(st.one_of(st.integers(1, 9), pick([31, 64, 65]))), "beta": draw(share)}
        form = draw(pick(["bmuf", "nesterov", "slowmo"]))
        return table | {"alpha": draw(st.floats(0.3, 1.2)), "form": form, "warmup": draw(pick([0, 0, 3]))}
    if name == "heterogeneous":
        return table | {"I": draw(st.lists(st.integers(1, 9), min_size=1, max_size=P))}
    if name == "pr-sgd":
        return table | {"I": draw(st.one_of(st.integers(1, 9), pick([64, 65, 66, 140])))}
    return table | ({"zeta": draw(pick([0.01, 0.1, 0.5, 0.9]))} if name == "stochastic" else {})


@st.composite
def stops(draw, rows, P, B, method):
    each = B if isinstance(B, int) else min(B.get("most", 99), 8)
    most = max(WORK // (P * each) // (9 if method == "heterogeneous" else 1), 2)
    steps = draw(st.integers(1, min(most, 200)))
    if P * each <= 2 and method in ("periodic", "varying", "stochastic") and draw(chance):
        steps += 4096  # schedules are computed in windows of so many
    kind = draw(pick(["steps", "steps", "samples"] + ["epochs"] * rows))
    if kind == "epochs":
        return {"epochs": draw(st.floats(0.3, 9.0)), "steps": 3 * steps}
    return {"steps": steps} if kind == "steps" else {"samples": steps * P * each - draw(pick([0, 0, 1])) or 1}


@st.composite
def evaluations(draw):
    kind = draw(pick(["decade", "at", "rounds"]))
    if kind == "decade":
        return {"decade": draw(pick([1, 8, 20]))}
    if kind == "rounds":
        return {"rounds": draw(st.integers(1, 5))}
    return {"at": draw(st.lists(st.integers(1, 400), min_size=1, max_size=6))}


@st.composite
def specifications(draw, problem, csr=False, lanes=False):
    """(tables, samples): of one run, or of some that differ in step size alone and go side by side."""
    P, rows, linear = draw(st.integers(1, 9)), problem in ROWS, problem in LINEAR
    method = draw(pick(LANES if lanes else METHODS))
    table = {
        "problem": draw(problems(problem)),
        "P": P,
        "method": draw(methods(method, P)),
        "measure": "losses",
    }
    table |= {"seed": draw(st.integers(0, 2**40)), "batch_size": draw(batch_sizes())}
    table |= {"evaluate": draw(evaluations()), "stop": draw(stops(rows, P, table["batch_size"], method))}
    table["reduction"] = draw(pick(["mpi", "mpi", "reproducible"]))
    few = table["stop"].get("steps", 99) < (7 if method == "heterogeneous" else 60)
    if problem == "pca" and few:  # in many steps, models outgrow all numbers
        table["problem"]["normalised"] = draw(st.booleans())
    data = draw(samples(problem, P, csr, lanes)) if linear else None
    if rows:
        table["partition"] = draw(partitions(problem, data))
        shared = table["partition"]["name"] == "pool" and P > 1
        table["sampling"] = draw(pick(["replacement", "reshuffle"] + ["order"] * (not shared)))
        table["weights"] = draw(pick(["equal", "shards"]))
    if not lanes and draw(chance):
        at_average = ["keep"] if method == "gradient-allreduce" else ["keep", "average", "reset"]
        table |= {"momentum": draw(share), "momentum_at_average": draw(pick(at_average))}
    few = csr and not lanes and "momentum" not in table
    few = few and method not in ("pr-sgd", "heterogeneous", "slow-momentum")
    table["averaging"] = draw(pick(["sparse"] * few + ["auto", "dense"]))
    if draw(chance):
        table["stop"]["target_loss"] = draw(st.floats(0.0, 0.9))
    if draw(chance):
        table["evaluate"]["optimum"] = -draw(share)
    least, most = (2, 9 if ALL_SHAPES else 8) if lanes else (1, 1)
    sizes = draw(st.lists(step_sizes(problem, method), min_size=least, max_size=most))
    return [table | {"step_size": size} for size in sizes], data


def partitions(problem, data):
    rules = ["pool", "iid", "contiguous"]
    if data is not None:
        rules.append("by-label")
    if problem in CLASSES and len(data["y"]) >= 4:
        rules.append("dirichlet")
    return pick(rules).flatmap(
        lambda name: st.fixed_dictionaries(
            {"name": st.just(name)} | ({"beta": pick([0.05, 0.5, 5.0])} if name == "dirichlet" else {})
        )
    )
