"""How long `pavg status` takes on a sweep of 10,000 cells that are done: python benchmarks/micro/status.py

One cell is run; the files of the others are its record under their names, with their own attributes.
Printed are wall-clock seconds of whole processes: the first time (all files are opened), the second
(nothing has changed), after one file has changed, and `pavg show` and `pavg merge` of the same folder.
"""

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from pavg.records.layout import VARIABLES
from pavg.records.reading import arrays, attributes, environment, names, opened
from pavg.records.record import Record
from pavg.records.writing import write
from pavg.settings import flat
from pavg.sweep import expected, grid

SWEEP = """
name = "many"
step_size = 0.1
stop.steps = 2000
problem = "logistic"
method = {{name = "periodic"}}
data = {{name = "breast_cancer", scale = "standardize"}}

[grid]
P = [1, 2, 4, 8]
method.K = [1, 2, 4, 8, "all"]
seed = "0:{}"
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("cells", nargs="?", type=int, default=10_000, help="a multiple of 20")
    count = parser.parse_args().cells
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        Path("many.toml").write_text(SWEEP.format(count // 20))
        pavg("run", "many.toml", "--cells", "0")
        write_others()
        print(f"{count:,} cells")
        print(f"status, first time      {pavg('status', 'many.toml'):7.2f} s")
        print(f"status, second time     {pavg('status', 'many.toml'):7.2f} s")
        first = next(Path("results/many").glob("*.h5"))
        os.utime(first)
        print(f"status, one file new    {pavg('status', 'many.toml'):7.2f} s")
        print(f"status --json           {pavg('status', 'many.toml', '--json'):7.2f} s")
        print(f"show, indexed           {pavg('show', 'results'):7.2f} s")
        print(f"merge                   {pavg('merge', 'results', '-o', 'all.h5'):7.2f} s")
        size = sum(path.stat().st_size for path in Path("results/many").glob("*.h5"))
        index = Path("results/many/.index.json").stat().st_size
        merged = Path("all.h5").stat().st_size
        print(f"results {size / 1e6:.0f} MB, index {index / 1e6:.0f} MB, merged {merged / 1e6:.0f} MB")


def pavg(*arguments):
    """Seconds of one whole command."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "pavg", *arguments]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - began


def write_others():
    """A file for every cell that has none, from the one that is there."""
    [source] = Path("results/many").glob("*.h5")
    with opened(source) as file:
        told, there = attributes(file), names(file)
        values = {name: array.tolist() for name, array in arrays(file, there).items()}
    over = {name: VARIABLES[name][0][0] for name in there}
    record = Record({name: values[name] for name in there if over[name] == "rank"})
    record.restore({name: values[name] for name in there if over[name] == "evaluation"}, same=True)
    record.close("ok", told["reason"], values["w"])
    facts = environment(source)
    for spec, cell in zip(grid.cells("many.toml"), expected.cells("many.toml", "results"), strict=True):
        run_id = cell.run_id.replace(expected.ANY, "1")
        settings = spec.settings()
        own = {"config": settings, "run_id": run_id, "label": cell.label, "hosted": cell.P > 1, "lanes": 1}
        own = flat(settings) | own
        path = source.with_name(f"{run_id}.h5")
        if not path.exists():
            write(path, record, told | own, facts)


if __name__ == "__main__":
    main()
