"""Yu et al. 2019: what `pavg reproduce yu2019` runs and shows."""

from pavg.report.paper import Paper
from pavg.report.papers.yu2019 import algorithms, heterogeneous, resnet, speedup

PAPER = Paper(
    name="yu2019",
    title="Parallel Restarted SGD with Faster Convergence and Less Communication",
    source="Hao Yu, Sen Yang and Shenghuo Zhu, AAAI 2019",
    experiments=(
        algorithms.EXPERIMENT,
        speedup.EXPERIMENT,
        *heterogeneous.EXPERIMENTS,
        resnet.EXPERIMENT,
    ),
    sections=(
        ("Which algorithm is which", (), algorithms.CLAIMS),
        ("Linear speed-up", speedup.PICTURES, speedup.CLAIMS),
        ("Heterogeneous networks", heterogeneous.PICTURES, heterogeneous.CLAIMS),
        ("Figure 3", resnet.PICTURES, resnet.CLAIMS),
    ),
)
