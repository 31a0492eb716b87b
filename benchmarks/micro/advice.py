"""Advice held against full runs, with pilots of 10, 30 and 100 % of a run.

python benchmarks/micro/advice.py results/advice --data FOLDER        # on two cores that are idle

Of cases with two learners the truth is wall time of full runs, by turns, with an injected latency. Of those
with more it is samples of full runs, times seconds a round replayed from traces of two ranks, recorded apart.
The machine's file and the constants of the problems are measured first. What is told of the cases beforehand
is here and in `advice_cases.py`: step sizes of linear models are those of the least loss at the end with
K = 16, and the loss to be reached is what K = 1 has after 60 % of the samples, both on seeds of their own.
Full runs may draw four times the samples of the run that was asked for. Regret is the median of the advised
K's seconds over that of the best one; "don't know" counts as 1.5. The advisor was changed after some cases
had been looked at; those of the proof it had not seen.
"""

import argparse
import copy
import json
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
from advice_cases import CASES
from mpi4py import MPI

from pavg import machine, spec
from pavg.advisor.asking import ask
from pavg.advisor.verifying import ends_of, looked_at, seconds_of, timed
from pavg.engine import synchronous
from pavg.engine.task import bind, open_data

SHARES = (0.1, 0.3, 1.0)
REACHED = 0.6  # of the samples, after which K = 1 has the loss
LONGER = 4  # full runs may be
SEEDS = {"tuning": 98, "target": 99, "first of the truth": 100}
REPEAT = 5  # full runs of each K
STEP_SIZES = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0]
UNKNOWN = 1.5  # regret of "don't know"
COMMON = {
    "method": {"name": "periodic", "K": 16},
    "averaging": "dense",
    "evaluate": {"grad_norm": False, "drift": False},
}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cases", choices=CASES, default="proof")
    parser.add_argument("--only", nargs="*", help="of them")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    cases = {
        name: prepared(given, name, table)
        for name, table in tomllib.loads(CASES[given.cases]).items()
        if not given.only or name in given.only
    }
    for name, (table, _) in cases.items():
        if table["problem"] != "lenet":
            pavg("estimate", "constants", given.out / f"{name}.toml")
    model = machine.load(measured(given.out, cases))
    found = [row for name, case in cases.items() for row in held_against(given.out, name, case, model)]
    (given.out / "advice.json").write_text(json.dumps(found, indent=1) + "\n")
    for share in SHARES:
        regrets = [row["regret"] for row in found if row["share"] == share]
        print(f"pilots of {share:.0%}: median regret {np.median(regrets):.3g}, worst {max(regrets):.3g}")


def prepared(given, name, table):
    """(table of a case with its step size, the loss to be reached); both are kept."""
    kept = given.out / f"{name}.json"
    if not kept.exists():
        table = COMMON | copy.deepcopy(table) | {"name": name}
        table["data"]["path"] = str((given.data / table["data"]["path"]).resolve())
        if "step_size" not in table:
            table["step_size"] = tuned(table)
        kept.write_text(json.dumps([table, target_of(table)]))
    table, target = json.loads(kept.read_text())
    (given.out / f"{name}.toml").write_text(toml(table))
    print(f"{name}: step size {table['step_size']}, to a training loss of {target:.6g}", flush=True)
    return table, target


def of(table):
    return spec.build(table, table["name"])


def networkless(table):
    """Of runs that have no rank for each learner."""
    return {key: value for key, value in table.items() if key != "network"} | {"measure": "losses"}


def alone(table, K, seed):
    """The record of the whole run with one K, hosted here."""
    made = of(networkless(table) | {"method": {"name": "periodic", "K": K}, "seed": seed})
    (record,) = synchronous.run(MPI.COMM_SELF, bind(made, open_data(made)))
    return record.arrays()


def tuned(table):
    ends = [alone(table | {"step_size": gamma}, 16, SEEDS["tuning"])["loss"][-1] for gamma in STEP_SIZES]
    return STEP_SIZES[int(np.nanargmin(ends))]


def target_of(table):
    run = alone(table, 1, SEEDS["target"])
    return float(np.interp(REACHED * run["samples"][-1], run["samples"], run["loss"]))


def toml(table):
    """What `tomllib` reads again: JSON's texts, lists and numbers are TOML's."""
    return "".join(f"{key} = {_inline(value)}\n" for key, value in table.items())


def _inline(value):
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_inline(one)}" for key, one in value.items()) + "}"
    return json.dumps(value)


def pavg(*words):
    subprocess.run([sys.executable, "-m", "pavg", *map(str, words)], check=True, stdout=subprocess.DEVNULL)


def measured(out, cases):
    """The machine's file, made once."""
    if not list(out.rglob("machine-*.bench.h5")):
        specs = [f"--spec={out / name}.toml" for name in cases]
        pavg("bench", "machine", "-n2", f"--out={out}", *specs)
    return max(out.rglob("machine-*.bench.h5"))


def held_against(out, name, case, model):
    """A row for each share of pilots."""
    table, target = case
    made = of(table)
    store = open_data(made)
    seconds = truth(out, name, case)
    best = min(seconds, key=seconds.get)
    print(
        f"{name}: K = {best} is best; " + ", ".join(f"{K}: {s:.3g} s" for K, s in seconds.items()), flush=True
    )
    for share in SHARES:
        answer = ask(MPI.COMM_SELF, made, store, model, target, share)
        K = answer.advice.best and answer.advice.best.K
        regret = UNKNOWN if K is None else seconds[K] / seconds[best]
        row = {"case": name, "share": share, "K": K, "best": best, "regret": regret}
        row |= {"pilots": answer.share, "why": answer.advice.why}
        print(f"    pilots of {share:.0%}: K = {K}, regret {regret:.3g} {answer.advice.why}", flush=True)
        yield row


def truth(out, name, case):
    """K → median seconds to the loss of full runs."""
    table, target = case
    first, steps = SEEDS["first of the truth"], table["stop"]["steps"]
    periods, seeds = [2**k for k in range(steps.bit_length())], range(first, first + REPEAT)
    looks = f"stop.steps={LONGER * steps}", *looked_at(periods, seeds, target, REACHED * steps)
    path = out / f"{name}.toml"
    if table["P"] > 2:
        trace = recorded(out, name, table)
        clock = {"compute": {"trace": str(trace)}, "comm": {"trace": str(trace)}}
        path = out / f"{name}_replayed.toml"
        path.write_text(toml(networkless(table) | {"clock": clock}))
    ends = ends_of(in_full(path, out / "looks" / name, looks), target)
    found = seconds_of(in_full(path, out / "timed" / name, timed(ends)), periods, REPEAT)
    return {K: float(np.median(seconds)) for K, seconds in found.items()}


def in_full(path, folder, overrides):
    """The results of full runs on two ranks, by turns; folder : for them, with the name of the case."""
    pavg("run", "-n2", path, f"--out={folder.parent}", *(f"--set={text}" for text in overrides))
    return sorted(folder.glob("*.h5"))


def recorded(out, name, table):
    """A result of two ranks, whose seconds of local steps and averages are replayed."""
    path = out / f"{name}_trace.toml"
    path.write_text(toml(table | {"P": 2, "stop": {"steps": 2048}, "evaluate": {"every": 64}, "seed": 97}))
    pavg("run", "-n2", path, f"--out={out / 'traces'}")
    (found,) = (out / "traces" / name).glob("P002-*.h5")
    return found.resolve()


if __name__ == "__main__":
    main()
