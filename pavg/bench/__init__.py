"""pavg measured: benchmarks by name; each yields rows, which become a table, a figure and a file."""

from importlib import import_module

BENCHMARKS = {
    "kernels": "pavg.bench.kernels:Kernels",
    "roofline": "pavg.bench.roofline:Roofline",
    "peers": "pavg.bench.peers:Peers",
    "allreduce": "pavg.bench.allreduce:Allreduce",
    "rounds": "pavg.bench.rounds:Rounds",
    "averaging": "pavg.bench.averaging:Averaging",
    "scaling": "pavg.bench.scaling:Scaling",
    "machine": "pavg.bench.machine:Machine",
    "targets": "pavg.bench.targets:Targets",
}


def load(name):
    """The benchmark's class: imported when it is asked for, as it brings the kernels with it."""
    module, cls = BENCHMARKS[name].split(":")
    return getattr(import_module(module), cls)
