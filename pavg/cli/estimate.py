"""pavg estimate: what a problem is like on its data."""

import math

import click

RANKS = click.option("-n", "ranks", type=click.IntRange(1), help="Start mpirun with so many ranks.")
SET = click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Set a key, as problem.l2=1e-4."
)


@click.group("estimate")
def command():
    """What a problem is like: its optimum, variance, constants."""


@command.command("optimum")
@click.argument("spec")
@RANKS
@SET
def optimum(spec, ranks, overrides):
    """Find w* and f* of the problems of SPEC on their data, and keep them beside the data.

    SPEC is a TOML file, a folder of them, or a benchmark's name. Linear models, by Newton's method, until
    f can fall by no more than 1e-10 of f(w0). One that is kept is not looked for again. Runs with
    evaluate.optimum = "stored" record how far they are from it.
    """
    return _started(ranks, spec, overrides, ["optimum"], _optimum)


@command.command("variance")
@click.argument("spec")
@RANKS
@SET
@click.option(
    "--error", type=click.FloatRange(0, 1, min_open=True), default=0.05, show_default=True,
    help="Draw lines until the standard error of the mean curvature is below this part of it.",
)  # fmt: skip
def variance(spec, ranks, overrides, error):
    """How the variance of gradients grows away from the optimum: σ², β² and ρ of the problems of SPEC.

    ρ = β²‖w0 − w*‖²/σ² is large where averaging often is expected to help (Zhang et al. 2016). What
    stands for β² is said, as no one number does for all problems. It is kept beside the data, as the
    optimum is.
    """
    return _started(
        ranks, spec, overrides, ["variance", f"--error={error}"], lambda *given: _variance(*given, error)
    )


@command.command("constants")
@click.argument("spec")
@RANKS
@SET
def constants(spec, ranks, overrides):
    """What the papers' bounds ask for of the problems of SPEC: L, c, M, G², F(w1) − F*.

    Of linear models, on a short path downhill, and what they can be at most anywhere, where that is known.
    They are kept beside the data, as the optimum is, which is found first where the problem is convex.
    """
    return _started(ranks, spec, overrides, ["constants"], _constants)


def _started(ranks, spec, overrides, words, estimate):
    """Exit code of `_each` on the ranks that are there, or of a job of so many that is told the same."""
    from pavg.cli.guard import guarded
    from pavg.comm import launch

    if ranks is not None:
        options = [f"--set={text}" for text in overrides]
        return launch.start(ranks, lambda again: ["estimate", *words, spec, *options])
    return guarded(lambda comm: _each(comm, spec, overrides, estimate))


def _each(comm, name, overrides, estimate):
    """Print what `estimate(comm, spec, store, objective, progress)` says of each objective. Collective."""
    from pathlib import Path

    from pavg.cli.stages import stages
    from pavg.comm.agreement import together
    from pavg.engine.task import open_together
    from pavg.sweep import running

    specs = running.specifications(comm, name, running.How(Path(), overrides))
    for spec in {(spec.problem, spec.data): spec for spec in specs}.values():
        with stages() as progress:
            store = open_together(comm, spec, progress)
            objective = together(comm, lambda *, s=spec, on=store: s.problem.bind(on, s.P, s.seed))
            said = estimate(comm, spec, store, objective, progress)
        if comm.Get_rank() == 0:
            print(f"{spec.problem.name} on {store.name}" if store else spec.problem.name, said, sep=": ")
    return 0


def _variance(comm, spec, store, objective, progress, error):
    """Find and keep it, and say so. Collective."""
    from pavg.comm.agreement import once
    from pavg.estimate import stored
    from pavg.estimate.optimum import kept
    from pavg.estimate.variance import variance

    near = kept(comm, spec.problem, store, objective, progress)
    found = variance(comm, objective, near.w, error, progress=progress)
    path = once(comm, stored.keep, spec.problem, store, found)
    low, high = found.interval
    largest = "" if found.largest is None else f", λmax = {found.largest:.4g}"
    return (
        f"σ² = Δ(w*) = {found.at_optimum:.4g}, Δ(w0) = {found.at_start:.4g}, "
        f"‖w0 − w*‖ = {found.distance:.4g}, ‖∇Δ(w*)‖ = {found.slope:.4g}\n"
        f"    mean curvature {found.curvature:.4g} ({low:.4g} … {high:.4g}, {found.lines} lines), "
        f"largest ratio {found.ratio:.4g}{largest}\n"
        f"    ρ: {', '.join(f'{name} {value:.4g}' for name, value in found.rhos.items())}\n"
        f"    {path}"
    )


def _constants(comm, spec, store, objective, progress):
    """Find and keep them, and say so. Collective."""
    import numpy as np

    from pavg.comm.agreement import once
    from pavg.estimate import stored
    from pavg.estimate.constants import constants
    from pavg.estimate.optimum import kept

    near = kept(comm, spec.problem, store, objective, progress) if objective.convex else None
    found = constants(comm, objective, near, progress)
    path = once(comm, stored.keep, spec.problem, store, found)
    B = int(spec.batch_size.at(np.ones(1, int))[0])
    end, spread = "w*" if found.known else "the end", found.variance()
    convexity = (*found.strong_convexity, "least eigenvalue of ∇²F: at least … seen")
    convexity = convexity if objective.convex else (0.0, 0.0, "none: not convex")
    limit = "" if math.isfinite(spread[1]) else "; without a limit far away"
    rows = [
        ("F(w1) − F*", *found.gap, "" if found.known else "at most F(w1), as no loss is negative"),
        ("L", *found.smoothness, "largest |eigenvalue| of ∇²F: seen … at most"),
        ("c", *convexity),
        ("M", *spread, f"Δ: {found.noise[0]:.4g} at w1, {found.noise[-1]:.4g} at {end}{limit}"),
        ("M/B", *found.variance(B), f"of batches of {B}"),
        ("G²", found.second_moment(B), math.inf, f"of batches of {B}: the largest seen"),
    ]
    told = [f"    {name:12}{_between(low, high):23}{what}".rstrip() for name, low, high, what in rows]
    around = stored.stored(stored.Variance, spec.problem, store)
    rhos = around.rhos.items() if around else [("not kept:", "pavg estimate variance")]
    told.append(f"    {'ρ':12}{', '.join(f'{name} {_short(value)}' for name, value in rhos)}")
    lines = "\n".join(told)
    return f"{len(found.loss)} points, up to ‖w − w1‖ = {found.distance.max():.4g}\n{lines}\n    {path}"


def _between(low, high):
    """Two numbers as an interval; one where both are equal, or the second is no limit."""
    if not math.isfinite(high) or abs(high - low) <= 1e-6 * abs(high):
        return _short(low)
    return f"{_short(low)} … {_short(high)}"


def _short(value):
    return value if isinstance(value, str) else f"{value:.4g}"


def _optimum(comm, spec, store, objective, progress):
    """Find and keep it, if none is kept, and say so. Collective."""
    from pavg.estimate import stored
    from pavg.estimate.optimum import kept

    if objective.optimum is not None:
        return f"f* = {objective.optimum:.15g}, known; nothing to keep"
    found = kept(comm, spec.problem, store, objective, progress)
    more = {False: "; of many, the w* of least norm", None: "; not asked whether w* is the only one"}
    return (
        f"f* = {found.f:.15g}, f(w0) = {found.start:.6g}{more.get(found.unique, '')}\n"
        f"    at most {found.gap:.1e} above f*, ‖∇f‖ = {found.gradient:.1e}: "
        f"{found.steps} steps, {found.passes} passes\n"
        f"    {stored.place(stored.Optimum, spec.problem, store)}"
    )
