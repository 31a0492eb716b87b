"""Result files that no run made: of curves and times in closed form, for tests, and folders of thousands.

python -m tests.report.made FOLDER 2000
"""

import sys
from itertools import product
from pathlib import Path

import numpy as np

from pavg.records.names import run_id
from pavg.records.reading import open_results
from pavg.records.record import Record
from pavg.records.writing import write
from pavg.report import analysis
from pavg.settings import flat
from pavg.spec import build

HOSTILE = "</script><script>window.harm = 1</script><img src=x onerror='window.harm = 2'><!-- & \u2028"
BASE = {
    "name": "made",
    "problem": {"name": "logistic", "l2": 1e-4},
    "data": {"path": "a9a"},
    "method": {"name": "periodic", "K": 16},
    "step_size": 0.1,
    "batch_size": 4,
    "stop": {"steps": 1024},
    "P": 4,
}
ORIGIN = {"data": "a9a", "data_checksum": "0123abcd", "data_layout": "csr", "data_dtype": "float64"}
STEP, ROUND = 5e-6, 8e-6  # seconds of a local step, and of an averaging of two learners
ENVIRONMENT = {"cpu": "a CPU", "mpi_library": "MPICH Version:      5.0.2"}


def write_run(folder, ticks, loss, step=STEP, average=0.0, wait=0.0, status="ok", reason=None, **given):
    """Write one result file; its path.

    ticks, loss : at the evaluations. step : seconds of a local step, a number or one for each rank;
    average, wait : seconds of a combination, of waiting before it. given : keys of a specification over
    `BASE`, the curves "drift", "accuracy" and "grad_norm", and of the file "lanes", "beside", "loop",
    "environment", "R" (ranks; P if not given), "n_samples", "data_checksum", and of `MADE_BY`.
    """
    known = {"R", "lanes", "beside", "loop", "environment", "n_samples", "data_checksum", *MADE_BY}
    curves = {
        name: np.asarray(given.pop(name), float)
        for name in ("drift", "accuracy", "grad_norm")
        if name in given
    }
    facts = {name: given.pop(name) for name in known & given.keys()}
    spec = build({key: value for key, value in (BASE | given).items() if value is not None}, "made")
    origin = dict(ORIGIN) if spec.data else {}
    origin |= {key: facts.pop(key) for key in ("data_checksum",) if key in facts}
    R = facts.pop("R", spec.P)
    environment = facts.pop("environment", ENVIRONMENT)
    ticks, K = np.asarray(ticks), getattr(spec.method, "K", 1)
    last = max(ticks[-1], 1) if ticks.size else 1
    rounds = -(-ticks // (last if K == "all" else K))
    made = Record(
        {
            "host": [f"node{rank // 16}" for rank in range(R)],
            "core_affinity": [str(rank) for rank in range(R)],
            "shard_size": np.full(R, 32561 // R),
            "compile_time": np.full(R, 0.1),
        }
    )
    wall, unknown = np.zeros(R), np.full(R, np.nan)
    for k, tick in enumerate(ticks):
        steps, averages = (tick - ticks[k - 1], rounds[k] - rounds[k - 1]) if k else (0, 0)
        phases = {
            "compute": steps * np.broadcast_to(step, R) * (spec.P / R),
            "comm": np.full(R, averages * average),
            "wait": np.full(R, averages * wait),
        }
        wall = wall + sum(phases.values())
        row = {"ticks": tick, "local_steps": tick, "rounds": rounds[k], "samples": tick * spec.P * 4}
        row |= {"bytes": rounds[k] * 8 * 124, "loss": loss[k], "time_wall": wall.max(), "time_eval": 1e-3}
        row |= {name: values[k] for name, values in curves.items()}
        for phase, seconds in phases.items():
            row |= {f"time_{phase}": seconds, f"time_{phase}_min": unknown, f"time_{phase}_max": unknown}
        made.add(**row)
    made.close(status, reason or {"ok": "all steps done"}.get(status, status), None)
    made.loop = facts.get("loop", "compiled")
    name = run_id(spec, R, origin)
    head = {"run_id": name, "label": spec.method.label, "R": R, "hosted": spec.P > R, "lanes": 1, "beside": 0}
    head |= {"attempts": 1, "loop": made.loop, "n_samples": 32561, "n_features": 123}
    head |= MADE_BY | facts | {"config": spec.settings()} | origin
    head |= {} if spec.evaluate.optimum is None else {"optimum": spec.evaluate.optimum}
    end = {"ok": ".h5", "diverged": ".h5", "interrupted": ".partial.h5"}.get(status, ".failed.h5")
    path = Path(folder) / f"{name}{end}"
    write(path, made, flat(spec.settings()) | head, environment)
    return path


MADE_BY = {
    "software": "pavg",
    "software_version": "0.1.0",
    "git_sha": "0123456789abcdef0123456789abcdef01234567",
    "git_dirty": 0,
    "version_numpy": "2.0",
    "version_scikit_learn": "1.7",
    "command": "pavg run made.toml -n 8 --set 'name=\"<b>made</b>\"'",
}
PERIODS, LEARNERS, STEP_SIZES = (1, 4, 16, 64, 256, "all"), (1, 2, 4, 8), (0.4, 0.2, 0.1, 0.05, 0.025)


def sweep(folder, count=60, steps=4096):
    """Write `count` runs over K, P, step sizes and seeds; some diverged, failed, or were hosted.

    The loss falls as exp(−γ P^0.7 t / 20) to a floor that grows with γ and K and falls with P; an averaging
    takes `ROUND` · log2(P) seconds. The order is such that few runs are all K and P at one step size.
    """
    ticks = np.unique(np.round(np.geomspace(1, steps, 29)).astype(int))
    ticks = np.append(0, ticks)
    cells = product(range(count), STEP_SIZES, LEARNERS, PERIODS)
    for number, (seed, gamma, P, K) in zip(range(count), cells, strict=False):
        rng = np.random.default_rng(number)
        period = 1 if P == 1 else steps if K == "all" else K
        floor = 0.3 + 0.05 * gamma * (1 + np.log2(period) / 4) / P
        noise = np.exp(0.02 * rng.standard_normal(ticks.size))
        loss = floor + (np.log(2) - floor) * np.exp(-gamma * P**0.7 * ticks / 20) * noise
        loss[0], given = np.log(2), {}
        if gamma == 0.4 and period > 64 and P > 1:
            given = {"status": "diverged", "reason": "loss 1.2e+06 above 1e6 at tick 512"}
        elif number % 97 == 13:
            given = {"status": "failed", "reason": "rank 1: MemoryError: <script>alert(1)</script>"}
        elif number % 97 == 31:
            given = {"status": "interrupted", "reason": "signal SIGUSR1"}
        lived = ticks <= (512 if given else steps)
        if given.get("status") == "diverged":
            loss[lived.sum() - 1] = 1.2e6
        slower = 1 + 0.1 * rng.random(P)
        hosted = {"R": 2} if number % 11 == 5 and P > 2 else {}
        if hosted:
            slower = slower[:2]
        write_run(
            folder,
            ticks[lived],
            loss[lived],
            step=STEP * slower,
            average=ROUND * np.log2(P) * np.exp(0.1 * rng.standard_normal()),
            drift=(gamma * ticks[lived]).clip(max=gamma * period) * 0.01 * (P > 1),
            accuracy=np.clip(1.1 - loss[lived], 0, 1),
            method={"name": "periodic", "K": K},
            step_size=gamma,
            P=P,
            seed=seed,
            stop={"steps": steps},
            **given,
            **hosted,
        )


def with_harm(folder):
    """60 runs, and one whose texts would do harm if they were more than text."""
    sweep(folder, 60, steps=1024)
    told = {"status": "failed", "reason": HOSTILE, "environment": {"cpu": HOSTILE, "mpi_library": HOSTILE}}
    write_run(folder, np.arange(3), [0.7, 0.6, 0.5], seed=77, **told)


def opened(folder):
    """(dataset, table of runs, curves) of the results in a folder."""
    data = open_results(folder)
    table = analysis.runs(data)
    return data, table, analysis.curves(data, table)


if __name__ == "__main__":
    sweep(sys.argv[1], int(sys.argv[2]))
