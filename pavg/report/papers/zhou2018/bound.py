"""Theorem 3.4 beside measurement: runs of theorem_3_4.toml, and constants of `pavg estimate constants`.

best_periods(pavg.open_results("results/theorem-3-4"))
"""

import numpy as np
import pandas as pd

from pavg.data.conversion import folder
from pavg.estimate.stored import Constants, everything
from pavg.report import analysis
from pavg.report.claims import interval
from pavg.theory import zhou2018

TUNING = range(10)  # seeds that choose K; the others measure it


def best_periods(data, told=None):
    """The best K that was measured beside that of Theorem 3.4's B(K): a row a problem, P and step size.

    What is measured is what the theorem bounds, the mean of ‖∇F(w̃_j)‖² over the models that rounds begin
    with, of runs that are evaluated after each average. Columns: `K`, the best on seeds 0 to 9, by the mean
    of its logarithm; `ratio`, `low` and `high`, what it has on the other seeds over what K = 1 has, at 99 %;
    `longest`, the largest K that (3.41) allows; `bound`, the one of the measured K up to that with the
    smallest B(K), NaN where there is none; `tightness`, the largest of what was measured over B(K) of these.

    L, M and F(w1) − F* are taken as what they can be at most.
    data : `xarray.Dataset` of runs with constant step and batch sizes; told : [(facts, `Constants`)] of
    `pavg.estimate.stored.everything`, of their problems on their data; without it, all where stores are.
    """
    constants = everything(Constants, folder()) if told is None else told
    table = analysis.runs(data)
    points = analysis.curves(data, table)
    table = table.assign(score=_means(table, points), steps=points.groupby("run")["local_steps"].max())
    rows = []
    for (problem, checksum, P, gamma), runs in table.groupby(["problem", "data_checksum", "P", "gamma"]):
        [found] = [c for facts, c in constants if _same(facts, problem, checksum)]
        case = dict(L=found.smoothness[1], gamma=gamma, M=found.variance()[1], gap=found.gap[1])
        case |= dict(S=int(runs["steps"].iloc[0]), B=int(runs["batch_size"].iloc[0]), P=P)
        rows.append({"problem": problem, "P": P, "gamma": gamma} | _row(runs, case))
    return pd.DataFrame(rows)


def _same(facts, problem, checksum):
    return facts["problem"]["name"] == problem and facts["data_checksum"] == checksum


def _means(table, points):
    """The mean of ‖∇F‖² of each run, without its last evaluation: no round begins there."""
    ended = points["evaluation"] == points.groupby("run")["evaluation"].transform("max")
    begun = points[~ended]
    return (begun["grad_norm"] ** 2).groupby(begun["run"]).mean().reindex(table.index)


def _row(runs, case):
    scores = np.log(runs.set_index(["period", "seed"])["score"]).unstack("period")
    tuning = scores.index.isin(TUNING)
    best = scores[tuning].mean().idxmin()
    ratio = low = high = 1.0
    if best != 1:
        ratio, low, high = np.exp(interval((scores[best] - scores[1.0])[~tuning].to_numpy()))
    longest = zhou2018.longest_period(L=case["L"], gamma=case["gamma"])
    bounds = {K: zhou2018.at_equal_steps(K, **case) for K in scores.columns if K <= longest}
    tight = [np.exp(scores[K]).mean() / bound for K, bound in bounds.items()]
    return {
        "Lγ": case["L"] * case["gamma"], "K": int(best), "ratio": ratio, "low": low, "high": high,
        "longest": longest, "bound": min(bounds, key=bounds.get, default=np.nan),
        "tightness": max(tight, default=np.nan),
    }  # fmt: skip
