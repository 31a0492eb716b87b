"""Zhang et al. 2016: what `pavg reproduce zhang2016` runs and shows."""

from pavg.report.paper import Paper
from pavg.report.papers.zhang2016 import convex

PAPER = Paper(
    name="zhang2016",
    title="Parallel SGD: When does averaging help?",
    source="Jian Zhang, Christopher De Sa, Ioannis Mitliagkas and Christopher Ré, 2016",
    experiments=(*convex.experiments(),),
    sections=(("3.1 Convex problems", convex.pictures(), convex.claims()),),
)
