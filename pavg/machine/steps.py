"""Seconds of a local step over its batch size, for measured problems and for linear models like them."""

from dataclasses import dataclass

import numpy as np

from pavg.errors import InputError
from pavg.machine.lines import line

OTHERWISE = np.log(2) / 2  # deviation of a step that was not measured: a factor of 2 either way


@dataclass(frozen=True)
class Work:
    """What a local step does, as far as its seconds hang on it.

    Attributes
    ----------
    name : str
        Problem, samples and whatever else makes local steps differ: equal names, equal seconds.
    problem : str
        The problem's name.
    layout : str
        "dense" or "csr" for linear models on such samples; "" for all others.
    entries : float
        Numbers of a row that a step goes through: features, or nonzeros with their padding.
    dimension : int
        d of the model.
    """

    name: str
    problem: str
    layout: str
    entries: float
    dimension: int


def work_of(spec, store, objective):
    """The `Work` of a specification's local steps.

    Parameters
    ----------
    spec : pavg.spec.Spec
    store : pavg.data.Store or None
    objective : pavg.problems.base.Objective
        The specification's problem, bound to the store.

    Returns
    -------
    Work
    """
    layout, entries = "", float(objective.dimension)
    if store is not None:
        part = store.train
        entries = float(store.n_features if store.layout == "dense" else part.values.size / part.n)
        layout = store.layout if objective.family == "linear" else ""
    words = [_shown(spec.problem), store.name if store else "", spec.sampling]
    words += [f"momentum {spec.momentum:g}"] if spec.momentum else []
    words += [store.dtype] if store and store.dtype != "float64" else []
    return Work(", ".join(filter(None, words)), spec.problem.name, layout, entries, objective.dimension)


def _shown(problem):
    """A problem with the parameters that it has."""
    given = ", ".join(f"{key}={value}" for key, value in vars(problem).items())
    return f"{problem.name}({given})" if given else problem.name


@dataclass(frozen=True)
class Steps:
    """Seconds of a local step: `one` for B = 1, fixed + each·B beyond, which other kernels do.

    deviation : of the logarithm, of the fit and of what it was fitted to.
    """

    work: Work
    one: float
    fixed: float
    each: float
    deviation: float

    def seconds(self, B):
        return self.one if B == 1 else self.fixed + self.each * B


def fitted(work, B, seconds, noise):
    """`Steps` of measured seconds, over batch sizes: least squares of relative errors, nothing negative.

    B, seconds : arrays, B = 1 among them; noise : deviation of the logarithm of each of the seconds.
    """
    B, seconds = np.asarray(B, float), np.asarray(seconds, float)
    one, more = float(seconds[B == 1][0]), B > 1
    fixed, each = line(B[more], seconds[more]) if more.any() else (0.0, one)
    errors = np.log((fixed + each * B[more]) / seconds[more])
    deviation = np.sqrt(np.mean(errors**2) if more.any() else 0.0)
    return Steps(work, one, fixed, each, float(np.hypot(deviation, np.median(noise))))


def like(work, known):
    """`Steps` of a work: as measured, or from linear models whose samples have the same layout.

    The numbers of those are lines over the entries of a row. InputError where nothing of the kind is known.
    """
    for steps in known:
        if steps.work.name == work.name:
            return steps
    alike = [steps for steps in known if work.layout and steps.work.layout == work.layout]
    if not alike:
        raise InputError(
            f"no local steps of {work.name} were measured; expected: pavg bench machine --spec SPEC"
        )
    entries = np.array([steps.work.entries for steps in alike])

    def at(values):
        if not all(values):
            return 0.0
        fixed, each = line(entries, np.array(values))
        return fixed + each * work.entries

    numbers = (at([getattr(steps, name) for steps in alike]) for name in ("one", "fixed", "each"))
    worst = max(steps.deviation for steps in alike)
    return Steps(work, *numbers, float(np.hypot(worst, OTHERWISE)))
