"""Clusters: a sweep → jobs → scripts from the templates in jobs/ → sbatch; what squeue says of them."""
