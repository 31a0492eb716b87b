"""Zhou & Cong 2018: what `pavg reproduce zhou2018` runs and shows."""

from pavg.report.paper import Paper
from pavg.report.papers.zhou2018 import asynchronous, best_k, nets, scaling, times

PAPER = Paper(
    name="zhou2018",
    title="On the Convergence Properties of a K-step Averaging SGD Algorithm for Nonconvex Optimization",
    source="Fan Zhou and Guojing Cong, IJCAI 2018",
    experiments=(
        scaling.EXPERIMENT,
        scaling.SEQUENTIAL,
        times.EXPERIMENT,
        *best_k.EXPERIMENTS,
        nets.EXPERIMENT,
        asynchronous.EXPERIMENT,
    ),
    sections=(
        (
            "4.1 Comparison with ASGD",
            (*scaling.PICTURES, *times.PICTURES),
            (*scaling.CLAIMS, *times.CLAIMS),
        ),
        ("4.2 The optimal delay in averaging", best_k.PICTURES, best_k.CLAIMS),
        ("4.3 Convergence comparison with SGD", scaling.GAPS, (*scaling.GAP, *times.EPOCH)),
        ("Nets, at a size for two cores", nets.PICTURES, nets.CLAIMS),
        ("Is virtual time true?", asynchronous.PICTURES, asynchronous.CLAIMS),
    ),
)
