"""A file of runs: expanded to cells, run one after the other, those with a whole result skipped."""
