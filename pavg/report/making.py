"""How each run was made: command, commit, versions, machine, hosts, binding."""

import pandas as pd

FACTS = {  # column → what it is called
    "command": "Command",
    "commit": "Commit",
    "software_version": "pavg",
    "python": "Python",
    "packages": "Packages",
    "mpi_library": "MPI",
    "cpu": "CPU",
    "hosts": "Hosts and ranks",
    "binding": "Cores a rank may use",
    "barrier": "Barrier before averages",
    "date": "Written",
    "file": "File",
}
EACH = ("date", "file")  # of no interest together


def facts(data, table):
    """({fact : its distinct values}, [for each run, the place of its value of every fact])."""
    told = pd.DataFrame(index=table.index)
    for name in FACTS:
        told[name] = (
            MADE[name](data, table) if name in MADE else table[name].astype(str) if name in table else ""
        )
    codes = {name: pd.factorize(told[name]) for name in FACTS}
    values = {FACTS[name]: list(map(str, found)) for name, (_, found) in codes.items()}
    return values, [
        list(map(int, row)) for row in zip(*(places for places, _ in codes.values()), strict=True)
    ]


def common(values, made):
    """[(fact, [(value, number of runs)])], the most frequent values first."""
    found = []
    for k, (name, of) in enumerate(values.items()):
        if name not in [FACTS[each] for each in EACH]:
            counts = pd.Series([row[k] for row in made]).value_counts()
            found.append((name, [(of[place] or "unknown", int(count)) for place, count in counts.items()]))
    return found


def _commit(data, table):
    dirty = {1: " (changed since: dirty)", 0: " (clean)", -1: " (unknown whether changed)"}
    return [
        f"{sha}{dirty.get(int(state), '')}" if sha else "no checkout"
        for sha, state in zip(table["git_sha"], table["git_dirty"].fillna(-1), strict=True)
    ]


def _packages(data, table):
    versions = table[[name for name in table if name.startswith("version_")]].astype(str)
    names = [name.removeprefix("version_").replace("_", "-") for name in versions]
    told = {
        row: ", ".join(f"{name} {value}" for name, value in zip(names, row, strict=True))
        for row in set(versions.itertuples(index=False, name=None))
    }
    return [told[row] for row in versions.itertuples(index=False, name=None)]


def _of_ranks(name, join):
    def told(data, table):
        if name not in data:
            return [""] * len(table)
        values = data[name].values
        cache = {}
        found = []
        for run, R in zip(table.index, table["R"].astype(int), strict=True):
            row = tuple(values[run, :R])
            if row not in cache:
                cache[row] = join(row)
            found.append(cache[row])
        return found

    return told


def _hosts(row):
    counts = pd.Series(row).value_counts(sort=False)
    return ", ".join(f"{host}: {count} rank{'s' * (count > 1)}" for host, count in counts.items() if host)


def _binding(row):
    if len(set(row)) == 1:
        return str(row[0])
    return "; ".join(f"rank {rank}: {cores}" for rank, cores in enumerate(row))


MADE = {
    "commit": _commit,
    "packages": _packages,
    "hosts": _of_ranks("host", _hosts),
    "binding": _of_ranks("core_affinity", _binding),
    "barrier": lambda data, table: table.get("barrier", 0).map({0: "no", 1: "yes"}).fillna("").tolist(),
}
