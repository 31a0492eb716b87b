"""Zhang et al. 2016: what `pavg reproduce zhang2016` runs and shows."""

from pavg.report.paper import Paper
from pavg.report.papers.zhang2016 import convex, section2, section3

PAPER = Paper(
    name="zhang2016",
    title="Parallel SGD: When does averaging help?",
    source="Jian Zhang, Christopher De Sa, Ioannis Mitliagkas and Christopher Ré, 2016",
    experiments=(*section2.EXPERIMENTS, *convex.experiments(), *section3.EXPERIMENTS),
    sections=(
        ("2 Theory, and non-convex problems", section2.PICTURES, section2.CLAIMS),
        ("3.1 Convex problems", convex.pictures(), convex.claims()),
        ("3.2 LeNet on MNIST", section3.PICTURES, section3.CLAIMS),
    ),
)
