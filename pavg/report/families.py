"""One problem of the page: its lines, timed groups, targets, scaling, and what it comes to in sentences."""

import numpy as np

from pavg.report import analysis

LEVELS = (
    0.5,
    0.2,
    0.1,
    0.05,
    0.02,
    0.01,
    0.005,
    0.002,
    0.001,
    1e-4,
    1e-6,
)  # parts of the first gap that are left
MOST = 6  # targets to choose from
KEY = ("P", "rule", "step_size")
AXES = ("samples", "local_steps", "rounds")


def number(values):
    """Numbers for JSON: six digits, whole ones as integers, NaN → None, infinity → "inf"."""
    values = np.asarray(values, float)
    finite = np.isfinite(values)
    size = np.zeros(values.shape)
    np.log10(np.abs(values), out=size, where=finite & (values != 0))
    scale = 10.0 ** (5 - np.floor(size))
    with np.errstate(invalid="ignore", over="ignore"):
        short = np.where(np.abs(values) < 1e6, np.round(values * scale) / scale, np.round(values))
    return [_plain(value) for value in short.tolist()]


def _plain(value):
    if value != value:
        return None
    if value in (np.inf, -np.inf):
        return "inf"
    return int(value) if value == int(value) else float(f"{value:.6g}")


class Family:
    """The runs of one problem, and what analysis says of them. key : its group; number : its place."""

    def __init__(self, key, name, table, points, split):
        self.key, self.name, self.table, self.number = key, name, table, 0
        self.points = points[points["run"].isin(table.index)]
        self.split = split[split["run"].isin(table.index)]
        self.best = analysis.best_step_sizes(table, analysis.final(table))
        self.levels, self.losses = self._targets()
        self.first = self._first()

    def described(self, measures):
        """The family's name, the measures that it has, and its targets, of which one is shown first."""
        there = [name for name in measures if name in self.points and self.points[name].notna().any()]
        texts = [
            f"{part * 100:g} % of the way left"
            if loss is None
            else f"{loss:.5g} ({part * 100:g} % of the way left)"
            for part, loss in zip(self.levels, self.losses, strict=True)
        ]
        return {"name": self.name, "measures": there, "targets": texts, "first": self.first}

    def lines(self, rules, steps, measures):
        """One entry a P, rule and step size: curves over samples, local steps, rounds; costs of targets."""
        _, groups = analysis.grouped(self.table)
        found = self._entries(groups, rules, steps)
        self._add_curves(found, AXES, [*measures, "drift"])
        for x in ("samples", "rounds"):
            self._add_costs(found, x, timed=False)
        ends = analysis.over_seeds(self.table, analysis.final(self.table))
        finals = zip(*(number(ends[name]) for name in ("middle", "low", "high", "seeds")), strict=True)
        keys = zip(*(ends[name] for name in KEY), strict=True)
        best = self._settings_of(self.best)
        edges = self._settings_of(self.best[self.best["edge"].astype(bool)])
        for group, key, (*final, seeds) in zip(ends.index, keys, finals, strict=True):
            found[group] |= {"final": final, "seeds": seeds or 0, "best": key in best, "edge": key in edges}
        return list(found.values())

    def timed(self, rules, steps, clocks, measures):
        """One entry a P, rule, step size, clock and machine: curves over seconds, cost, seconds of each rank.

        clocks : Series over runs, whose seconds these are.
        """
        group, groups = analysis.grouped(self.table, timed=True)
        found = self._entries(groups, rules, steps)
        self._add_curves(found, ("time_wall",), measures)
        self._add_costs(found, "time_wall", timed=True)
        of = clocks.loc[group.index].groupby(group).first()
        for key, entry in found.items():
            entry |= {"clock": int(of[key]), "split": dict.fromkeys(analysis.PHASES, [])}
        ranks = analysis.split_over_runs(self.table, self.split).sort_values(["group", "rank"])
        seconds = {phase: number(ranks[phase]) for phase in analysis.PHASES}
        for key, part in _parts(ranks["group"].to_numpy()):
            found[key]["split"] = {phase: values[part] for phase, values in seconds.items()}
        return list(found.values())

    def scaling(self, rules, clocks):
        """Speed-up and efficiency of runs with a rank for each learner. clocks : machine → their clock."""
        found = []
        for kind in ("strong", "weak"):
            rows = analysis.speedups(self.table, self.points, kind)
            for row in rows[rows["seconds"].notna()].to_dict("records"):
                P, times = int(row["P"]), [row["speedup"], row["speedup_low"], row["speedup_high"]]
                seconds, *base = number([row["seconds"], row["base_P"], row["base_seconds"]])
                found.append(
                    {"problem": self.number, "kind": kind, "clock": clocks[row["machine"]]}
                    | {"P": P, "K": rules.index(row["rule"]), "speedup": number(times)}
                    | {"efficiency": number([time / P for time in times])}
                    | {
                        "seconds": number([row["seconds"]])[0],
                        "base": number([row["base_P"], row["base_seconds"]]),
                    }
                )
        return found

    def _settings_of(self, rows):
        return set(zip(*(rows[name] for name in KEY), strict=True))

    def _entries(self, groups, rules, steps):
        return {
            group: {"problem": self.number, "P": int(row["P"]), "K": rules.index(row["rule"])}
            | {"step": steps.index(row["step_size"]), "runs": int(row["runs"])}
            for group, row in groups[[*KEY, "runs"]].to_dict("index").items()
        }

    def _add_curves(self, entries, axes, measures):
        """`x` : axis → numbers, `y` : measure → [median, low, high] over seeds, of every entry.

        Measures are over the evaluations of the loss; low and high are left out where there is one seed.
        """
        ticks = {}
        for entry in entries.values():
            entry |= {"x": {}, "y": {}, "diverged": 0}
        for measure in measures:
            if measure not in self.points or not self.points[measure].notna().any():
                continue
            for axis in axes if measure == "loss" else axes[:1]:
                rows = analysis.bands(self.table, self.points, measure, axis)
                at, single, lost = (rows[name].to_numpy() for name in ("ticks", "all_seeds", "diverged"))
                x, bands = number(rows["x"]), [number(rows[name]) for name in ("middle", "low", "high")]
                for group, part in _parts(rows["group"].to_numpy()):
                    entry, few = entries[group], 1 if single[part.start] == 1 else 3
                    if measure == "loss":
                        ticks[group] = at[part]
                        entry["x"][axis], entry["diverged"] = x[part], int(lost[part][-1])
                    if axis == axes[0]:
                        entry["y"][measure] = [
                            _at(band[part], at[part], ticks[group]) for band in bands[:few]
                        ]

    def _add_costs(self, entries, x, timed):
        """`cost` : axis → for each target [median, low, high, seeds that reach it, seeds], of every entry."""
        for level in self.levels:
            at = analysis.reach(self.table, self.points, level, x=x)["at"]
            rows = analysis.over_seeds(self.table, at, timed=timed)
            told = zip(
                *(number(rows[name]) for name in ("middle", "low", "high", "finite", "seeds")), strict=True
            )
            for group, cost in zip(rows.index, told, strict=True):
                entries[group].setdefault("cost", {}).setdefault(x, []).append(cost)

    def _targets(self):
        """(levels, loss of each): the hardest that any run comes to; loss None where objectives differ."""
        optimum = analysis.optima(self.table, self.points)["optimum"]
        start = self.points.groupby("run")["loss"].first().reindex(self.table.index)
        self.closest = analysis.reach(self.table, self.points, 0.0)["closest"]
        levels = [level for level in LEVELS if level >= self.closest.min()][-MOST:]
        same = optimum.nunique() == 1 and np.ptp(start.dropna()) <= 1e-9 * abs(start.max())
        f, f0 = optimum.iloc[0], start.dropna().iloc[0] if same else np.nan
        return levels, [float(f + level * (f0 - f)) if same else None for level in levels]

    def _first(self):
        """The hardest target that nearly all pairs of P and rule come to, with their best step size."""
        medians = self.closest.groupby([self.table[name] for name in KEY]).median()
        pairs = medians.groupby(level=[0, 1]).min()
        reached = [k for k, level in enumerate(self.levels) if (pairs <= level).mean() >= 0.9]
        return reached[-1] if reached else 0


def _parts(groups):
    """(group, slice) of each run of equal numbers."""
    starts = np.flatnonzero(np.diff(groups, prepend=-1)).tolist()
    return [(groups[a], slice(a, b)) for a, b in zip(starts, [*starts[1:], len(groups)], strict=True)]


def _at(values, ticks, wanted):
    """A list of values at some ticks as one at the wanted ticks, None where there is none."""
    if np.array_equal(ticks, wanted):
        return values
    known = dict(zip(ticks.tolist(), values, strict=True))
    return [known.get(tick) for tick in wanted.tolist()]
