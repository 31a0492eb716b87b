"""Table 1, of what `pavg estimate variance` has kept: of zhang2016/table1, zhang2016/stand_ins, or others."""

import pandas as pd

from pavg.data.conversion import folder
from pavg.estimate.stored import Variance, everything


def table(told=None):
    """Data sets and losses with their σ², β² and ρ: one row for each variance.

    Columns: `data`, `problem`, `l2`, `n`, `d`, `density` (share of nonzeros); `sigma2` = Δ(w*); `distance` =
    ‖w0 − w*‖; `beta2`, the mean curvature, with `beta2_low` and `beta2_high` (95 %, over lines); `rho`, of
    that, as the paper measures it, with `rho_low` and `rho_high`; `rho_largest`, `rho_ratio` and
    `rho_envelope` (`pavg.estimate.stored.Variance`); `slope` = ‖∇Δ(w*)‖·‖w0 − w*‖/σ²: where it is large, none
    but the last is of a pair for which (5) holds.
    told : [(facts, variance)] of `pavg.estimate.stored.everything`; without it, all where stores are.
    """
    rows = []
    for facts, found in everything(Variance, folder()) if told is None else told:
        n, d, nnz = facts["n_samples"], facts["n_features"], facts["nnz"]
        (low, high), rhos = found.interval, found.rhos
        row = {"data": facts["data"], "problem": facts["problem"]["name"]}
        row |= {"l2": facts["problem"].get("l2", 0.0), "n": n, "d": d}
        row |= {"density": nnz / (n * d), "sigma2": found.at_optimum, "distance": found.distance}
        row |= {"slope": found.slope * found.distance / found.at_optimum}
        row |= {"beta2": found.curvature, "beta2_low": low, "beta2_high": high}
        row |= {"rho": rhos.pop("printed"), "rho_low": found.rho(low), "rho_high": found.rho(high)}
        rows.append(row | {f"rho_{name}": value for name, value in rhos.items()})
    return pd.DataFrame(rows)
