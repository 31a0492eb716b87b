"""One problem of the page: its lines, timed groups, targets, scaling, and what it comes to in sentences."""

import numpy as np

from pavg.report import analysis

LEVELS = (0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 1e-4, 1e-6)  # parts of the first gap that are left
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
    return [
        None if value != value else "inf" if value in (np.inf, -np.inf) else int(value) if value == int(value) else float(f"{value:.6g}")
        for value in short.tolist()
    ]


class Family:
    """The runs of one problem, and what analysis says of them. key : of its group; number : its place on the page."""

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
            f"{part * 100:g} % of the way left" if loss is None else f"{loss:.5g} ({part * 100:g} % of the way left)"
            for part, loss in zip(self.levels, self.losses, strict=True)
        ]
        return {"name": self.name, "measures": there, "targets": texts, "first": self.first}

    def lines(self, rules, steps, measures):
        """One entry a P, rule and step size: curves over samples, local steps, rounds; cost of each target."""
        _, groups = analysis.grouped(self.table)
        found = self._entries(groups, rules, steps)
        self._add_curves(found, AXES, [*measures, "drift"])
        for x in ("samples", "rounds"):
            self._add_costs(found, x, timed=False)
        ends = analysis.over_seeds(self.table, analysis.final(self.table))
        best = set(zip(self.best["P"], self.best["rule"], self.best["step_size"], strict=True))
        edges = set(zip(*(self.best.loc[self.best["edge"].astype(bool), name] for name in KEY), strict=True))
        for group, entry in found.items():
            row = ends.loc[group]
            key = tuple(groups.loc[group, list(KEY)])
            entry |= {"final": number(row[["middle", "low", "high"]]), "seeds": _whole(row["seeds"])}
            entry |= {"best": key in best, "edge": key in edges}
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
        phases = analysis.split_over_runs(self.table, self.split)
        for key, entry in found.items():
            ranks = phases[phases["group"] == key]
            entry["clock"] = int(of[key])
            entry["split"] = {name: number(ranks[name]) for name in analysis.PHASES}
        return list(found.values())

    def scaling(self, rules, clocks):
        """Speed-up and efficiency of the runs with a rank for each learner. clocks : machine → their clock."""
        found = []
        for kind in ("strong", "weak"):
            rows = analysis.speedups(self.table, self.points, kind)
            for row in rows[rows["seconds"].notna()].to_dict("records"):
                P, times = int(row["P"]), [row["speedup"], row["speedup_low"], row["speedup_high"]]
                found.append(
                    {"problem": self.number, "kind": kind, "clock": clocks[row["machine"]]}
                    | {"P": P, "K": rules.index(row["rule"]), "speedup": number(times)}
                    | {"efficiency": number([time / P for time in times])}
                    | {"seconds": number([row["seconds"]])[0], "base": number([row["base_P"], row["base_seconds"]])}
                )
        return found

    def _entries(self, groups, rules, steps):
        return {
            group: {"problem": self.number, "P": int(row["P"]), "K": rules.index(row["rule"])}
            | {"step": steps.index(row["step_size"]), "runs": int(row["runs"])}
            for group, row in groups.iterrows()
        }

    def _add_curves(self, entries, axes, measures):
        """`x` : axis → numbers, `y` : measure → [median, low, high] over seeds, of every entry."""
        for entry in entries.values():
            entry |= {"x": {}, "y": {}, "diverged": 0}
        for measure in measures:
            if measure not in self.points or not self.points[measure].notna().any():
                continue
            for axis in axes if measure == "loss" else axes[:1]:
                for group, rows in analysis.bands(self.table, self.points, measure, axis).groupby("group"):
                    entry = entries[group]
                    if measure == "loss":
                        entry["ticks"], entry["diverged"] = rows["ticks"].tolist(), int(rows["diverged"].iloc[-1])
                        entry["x"][axis] = number(rows["x"])
                    if axis == axes[0]:
                        rows = rows.set_index("ticks").reindex(entry["ticks"])
                        entry["y"][measure] = _band(rows)
        for entry in entries.values():
            entry.pop("ticks", None)

    def _add_costs(self, entries, x, timed):
        """`cost` : axis → for each target [median, low, high, seeds that reach it, seeds], of every entry."""
        for entry in entries.values():
            entry.setdefault("cost", {})[x] = []
        for level in self.levels:
            at = analysis.reach(self.table, self.points, level, x=x)["at"]
            rows = analysis.over_seeds(self.table, at, timed=timed)
            for group, row in rows.iterrows():
                entries[group]["cost"][x].append(number(row[["middle", "low", "high", "finite", "seeds"]].fillna(np.nan)))

    def _targets(self):
        """(levels, loss of each, None where runs have other objectives): those that any run comes to, the last `MOST`."""
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


def _band(rows):
    """[median, low, high]; the median alone where there is one seed."""
    if (rows["all_seeds"] == 1).all():
        return [number(rows["middle"])]
    return [number(rows[name]) for name in ("middle", "low", "high")]


def _whole(value):
    return 0 if value != value else int(value)
