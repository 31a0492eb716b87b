"""pavg reproduce: a paper's experiments, and what it says of them beside what they give here."""

from pathlib import Path

import click

PAPERS = ("zhang2016", "zhou2018", "yu2019")


@click.command("reproduce")
@click.argument("paper", type=click.Choice(PAPERS))
@click.option("-n", "ranks", type=click.IntRange(1), default=2, show_default=True, help="Ranks of each job.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder of results. [default: results/PAPER]")
@click.option(
    "--data", type=click.Path(path_type=Path, file_okay=False), help="Folder of the files of data sets."
)
@click.option("--full", is_flag=True, help="The paper's size: hours. Otherwise a size for minutes.")
@click.option("--only", multiple=True, metavar="NAME", help="Run these experiments only; the page shows all.")
def command(paper, ranks, out, data, full, only):
    """Run the experiments of PAPER, and judge its claims.

    Those that have no results yet are run.
    Writes one page, index.html, with all figures and a table of claims, each with the number measured here
    and a verdict: agrees, differs, undecided, or cannot be run here. The same command goes on where it was
    interrupted.
    """
    from importlib import import_module

    from pavg.errors import InputError
    from pavg.report import paper as papers

    told = import_module(f"pavg.report.papers.{paper}").PAPER
    known = [one.name for one in told.experiments]
    for name in only:
        if name not in known:
            raise InputError(f"--only {name}: no experiment of {paper}; expected one of {', '.join(known)}")
    out = (out or Path("results") / paper) / ("full" if full else "reduced")
    missing = {}
    for k, one in enumerate(told.experiments):
        if not only or one.name in only:
            print(f"--- {one.name} ({k + 1} of {len(known)}): {one.about}", flush=True)
            why = _run(told, one, ranks, out, data, full)
            if why:
                missing[one.name] = why
                print(f"cannot be run here: {why}", flush=True)
    judged = papers.write(told, papers.read(told, out, missing), out, full)
    for claim, found in judged:
        print(f"{found.verdict:18}  {claim.where}: {claim.says}")
    print(f"{out / 'index.html'}")
    return 0


def _run(paper, one, ranks, out, data, full):
    """Run what is missing of an experiment; a text, why it cannot be run, or ""."""
    from pavg import tables
    from pavg.report.paper import TUNED, Runs, tuned_settings
    from pavg.sweep.grid import cells, sources

    sets = [] if full else [*one.reduced]
    files = one.data if full or not one.part else one.part
    for key, file in zip(("path", "test_path"), files, strict=False):
        if data is None or not any(data.glob(file)):
            return f"{file} is not there (--data FOLDER)"
        sets.append(f"data.{key}={data / file}")
    (path,) = sources(spec := f"{paper.name}/{one.spec}")
    job = [spec, f"-n{one.ranks or ranks}", *(f"--set={text}" for text in sets)]
    if one.verb == "variance":
        return _estimate(job, cells(path, sets), out / one.name)
    why = ""
    if tables.read(path).get("evaluate", {}).get("optimum") == "stored":
        why = _pavg("estimate", "optimum", *job)
    beside = [] if one.ranks else ["--side-by-side"]
    why = why or _pavg("run", *job, *beside, f"--out={out / one.name}")
    if why or not one.tuned:
        return why
    seeds = f"--set=grid.seed={one.tuned!r}"
    for where, best in tuned_settings(Runs.read(out / one.name), one.target):
        again = [*job, seeds, f"--set={best}", f"--where={where}"]
        why = why or _pavg("run", *again, f"--out={out / (one.name + TUNED)}")
    return why


def _estimate(job, specs, folder):
    """Estimate variances that are not in a folder yet, and keep them there; why that cannot be, or ""."""
    from pavg import files
    from pavg.engine.task import open_data
    from pavg.estimate.stored import Variance, place

    if list(folder.glob(f"*.{Variance.kind}.h5")):
        return ""
    why = _pavg("estimate", "variance", *job)
    if not why:
        folder.mkdir(parents=True, exist_ok=True)
        for spec in specs:
            kept = place(Variance, spec.problem, open_data(spec))
            files.replace(folder / kept.name, kept.read_bytes())
    return why


def _pavg(*arguments):
    """Run a command of pavg; why it failed, or ""."""
    import subprocess
    import sys

    told = last = ""  # the first line of what pavg says, else the last line
    with subprocess.Popen(
        [sys.executable, "-m", "pavg", *arguments], stderr=subprocess.PIPE, text=True
    ) as job:
        try:
            for line in job.stderr:
                sys.stderr.write(line)
                told = told or (line.removeprefix("pavg: ").strip() if line.startswith("pavg: ") else "")
                last = line.strip() or last
        except KeyboardInterrupt:  # it has heard, too, and ends in order
            job.wait()
    if job.returncode in (75, 130):
        raise click.Abort
    return "" if job.returncode == 0 else told or last or f"exit code {job.returncode}"
